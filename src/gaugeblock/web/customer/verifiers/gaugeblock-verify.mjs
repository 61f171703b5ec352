/**
 * Verify a Gaugeblock evidence file: one ES module for browsers and Node 18 or newer, nothing to install.
 * 离线验证量块证据文件：浏览器与 Node 18 以上均可，无须安装。
 *
 *     node gaugeblock-verify.mjs EVIDENCE.json LOG.key [WITNESS.key ...]
 *     import { verify } from "./gaugeblock-verify.mjs";
 *     const result = await verify(bytes, logKey);      // { ok, steps, failed, claims, facets, index, size, withheld }
 *
 * The log's key must come from a source that is not the evidence file. What a pass proves: the record was in the log
 * that the checkpoint names, unchanged, signed by a key that the log's own records bind to its author. It does not prove
 * that the statement is true, that no later record revokes the key, nor, without a witness, that the owner shows
 * everyone the same log.
 *
 * Form: C2SP signed-note, tlog-checkpoint, tlog-cosignature; RFC 6962 hashes; RFC 8032 Ed25519; RFC 9901 SD-JWT.
 */

const LIMIT_BYTES = 4 * 1024 * 1024;
const SERVER = "server:plant";
const ACTIONS = { "key.binding": "bind", "key.rotation": "rotate", "key.revocation": "revoke" };
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Refused extends Error {}

function need(condition, why) {
  if (!condition) throw new Refused(why);
}

// ── bytes ────────────────────────────────────────────────────────────────────────────────────────────────

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const sha512 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));

function toBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

const toBase64url = (bytes) => toBase64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** Standard base64 with padding, in its only spelling. */
function fromBase64(text, what) {
  need(typeof text === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0, `${what}: not base64`);
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  need(toBase64(bytes) === text, `${what}: not the canonical base64`);
  return bytes;
}

/** base64url without padding, in its only spelling. */
function fromBase64url(text, what) {
  need(typeof text === "string" && /^[A-Za-z0-9_-]*$/.test(text) && text.length % 4 !== 1, `${what}: not base64url`);
  const padded = text.replace(/-/g, "+").replace(/_/g, "/") + "=".repeat((4 - (text.length % 4)) % 4);
  const bytes = Uint8Array.from(atob(padded), (c) => c.charCodeAt(0));
  need(toBase64url(bytes) === text, `${what}: not the canonical base64url`);
  return bytes;
}

// ── Ed25519 (RFC 8032) on big integers: the same answer in every browser, with or without WebCrypto's own ────

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const SMALL_ORDER_Y = new Set([
  0n,
  1n,
  P - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);
const Y_MASK = 2n ** 255n - 1n;

const mod = (value) => ((value % P) + P) % P;

function power(base, exponent) {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = (b * b) % P) if (e & 1n) result = (result * b) % P;
  return result;
}

const D = mod(-121665n * power(121666n, P - 2n));
const ROOT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n);

function littleEndian(bytes) {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

function toLittleEndian(value) {
  const bytes = new Uint8Array(32);
  for (let i = 0, rest = value; i < 32; i += 1, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return bytes;
}

function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * t1 * t2 * D);
  const d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function times(scalar, point) {
  let result = [0n, 1n, 1n, 0n];
  for (let s = scalar, p = point; s > 0n; s >>= 1n, p = add(p, p)) if (s & 1n) result = add(result, p);
  return result;
}

function pointOf(bytes) {
  const encoded = littleEndian(bytes);
  const sign = encoded >> 255n;
  const y = encoded & Y_MASK;
  if (y >= P) return null;
  const square = mod((y * y - 1n) * power(D * y * y + 1n, P - 2n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x - square) !== 0n) x = mod(x * ROOT_OF_MINUS_ONE);
  if (mod(x * x - square) !== 0n || (x === 0n && sign === 1n)) return null;
  if ((x & 1n) !== sign) x = P - x;
  return [x, y, 1n, mod(x * y)];
}

const BASE = pointOf(toLittleEndian(mod(4n * power(5n, P - 2n))));

async function signedBy(key, signature, message) {
  if (key.length !== 32 || signature.length !== 64) return false;
  const commitment = signature.slice(0, 32);
  if ([key, commitment].some((bytes) => SMALL_ORDER_Y.has(littleEndian(bytes) & Y_MASK))) return false;
  const point = pointOf(key);
  const scalar = littleEndian(signature.slice(32));
  if (point === null || scalar >= ORDER) return false;
  const challenge = littleEndian(await sha512(join(commitment, key, message))) % ORDER;
  const negative = [P - point[0], point[1], 1n, P - point[3]];
  const [x, y, z] = add(times(scalar, BASE), times(challenge, negative));
  const inverse = power(z, P - 2n);
  const affineX = mod(x * inverse);
  return equal(toLittleEndian(mod(y * inverse) | ((affineX & 1n) << 255n)), commitment);
}

// ── strict JSON (RFC 7493): one reading for every text ───────────────────────────────────────────────────

/** A parser of its own, because JSON.parse takes the last of two equal names and rounds large integers silently. */
function fromJson(bytes, what, integersOnly = false) {
  let text;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new Refused(`${what}: not UTF-8`);
  }
  let at = 0;
  const space = () => {
    while (at < text.length && " \t\n\r".includes(text[at])) at += 1;
  };
  const take = (pattern) => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at += match[0].length;
    return match === null ? null : match[0];
  };
  const string = () => {
    const raw = take(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y);
    need(raw !== null, `${what}: not JSON at ${at}`);
    const value = JSON.parse(raw);
    need(!/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(value), `${what}: half a character`);
    return value;
  };
  const value = (depth) => {
    need(depth <= 32, `${what}: too deep`);
    space();
    const c = text[at];
    if (c === '"') return string();
    if (c === "{" || c === "[") {
      const close = c === "{" ? "}" : "]";
      const found = c === "{" ? new Map() : [];
      at += 1;
      space();
      if (text[at] === close) at += 1;
      else {
        for (;;) {
          if (c === "{") {
            space();
            const name = string();
            need(!found.has(name), `${what}: a name stands twice in one object`);
            space();
            need(text[at] === ":", `${what}: not JSON at ${at}`);
            at += 1;
            found.set(name, value(depth + 1));
          } else found.push(value(depth + 1));
          space();
          const next = text[at];
          at += 1;
          if (next === close) break;
          need(next === ",", `${what}: not JSON at ${at}`);
        }
      }
      return c === "{" ? Object.fromEntries(found) : found;
    }
    for (const [word, meaning] of [["true", true], ["false", false], ["null", null]]) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return meaning;
      }
    }
    const number = take(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    need(number !== null, `${what}: not JSON at ${at}`);
    const result = Number(number);
    need(Number.isFinite(result), `${what}: a number beyond its range`);
    const integer = /^-?[0-9]+$/.test(number);
    need(integer || !integersOnly, `${what}: a number that is no integer`);
    if (integer) need(number.length <= 17 && Math.abs(result) <= 2 ** 53, `${what}: an integer beyond 2^53`);
    return result;
  };
  const whole = value(0);
  space();
  need(at === text.length, `${what}: something follows the JSON`);
  return whole;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function fields(value, names, what, optional = []) {
  need(isObject(value), `${what}: not an object`);
  const found = Object.keys(value);
  const known = [...names, ...optional];
  need(names.every((n) => found.includes(n)) && found.every((n) => known.includes(n)), `${what}: members are ${found}`);
  return value;
}

// ── signed notes ─────────────────────────────────────────────────────────────────────────────────────────

async function noteKey(text, kind) {
  const trimmed = text.trim();
  const first = trimmed.indexOf("+");
  const second = trimmed.indexOf("+", first + 1);
  need(text.length <= 512 && first > 0 && second > first, "the key is not name+hash+base64");
  const name = trimmed.slice(0, first);
  const body = fromBase64(trimmed.slice(second + 1), "key");
  need(body.length === 33 && body[0] === kind, "the key is of another kind");
  need(name.length <= 200 && !/[\s\p{C}]/u.test(name), "the key has no good name");
  const hash = hex((await sha256(join(encoder.encode(`${name}\n`), body))).slice(0, 4));
  need(hash === trimmed.slice(first + 1, second), "the key's hash is another");
  return { name, hash, raw: body.slice(1) };
}

function readNote(raw) {
  need(encoder.encode(raw).length <= 65536 && raw.endsWith("\n"), "note");
  // eslint-disable-next-line no-control-regex
  need(!/[\u0000-\u0009\u000b-\u001f]/.test(raw), "note: control characters");
  const blank = raw.lastIndexOf("\n\n");
  need(blank > 0, "note: no blank line");
  const lines = raw
    .slice(blank + 2, -1)
    .split("\n")
    .map((line) => {
      const parts = line.split(" ");
      need(parts.length === 3 && parts[0] === "—", "note: a signature line of another form");
      const body = fromBase64(parts[2], "signature line");
      need(body.length > 4, "note: a signature line of another form");
      return { name: parts[1], hash: hex(body.slice(0, 4)), signature: body.slice(4) };
    });
  need(lines.length <= 64, "note: more than 64 signatures");
  return { text: `${raw.slice(0, blank)}\n`, lines };
}

function signatureOf(lines, key) {
  const found = lines.filter((line) => line.name === key.name && line.hash === key.hash);
  need(found.length === 1, `${found.length} signatures of ${key.name}`);
  return found[0].signature;
}

// ── Merkle tree (RFC 6962; RFC 9162, 2.1.3.2). Indices up to 2⁵³ do not fit JavaScript's bit operators. ─────

const odd = (n) => n % 2 === 1;
const half = (n) => Math.floor(n / 2);

async function rootOf(leaf, index, size, proof) {
  need(index < size, "the index is beyond the checkpoint");
  let [hash, node, last] = [leaf, index, size - 1];
  for (const sibling of proof) {
    need(last > 0, "the proof is too long");
    if (odd(node) || node === last) {
      hash = await sha256(join(Uint8Array.of(1), sibling, hash));
      while (!odd(node) && node > 0) [node, last] = [half(node), half(last)];
    } else hash = await sha256(join(Uint8Array.of(1), hash, sibling));
    [node, last] = [half(node), half(last)];
  }
  need(last === 0, "the proof is too short");
  return hash;
}

// ── records ──────────────────────────────────────────────────────────────────────────────────────────────

function entryOf(value, what) {
  const { index, jws, disclosures, proof } = fields(value, ["index", "jws", "disclosures", "proof"], what);
  need(Number.isSafeInteger(index) && index >= 0, `${what}: index`);
  need(typeof jws === "string" && /^[\x20-\x7e]*$/.test(jws) && jws.length <= 65535, `${what}: jws`);
  need(isObject(disclosures) && Object.keys(disclosures).length <= 16, `${what}: disclosures`);
  need(Array.isArray(proof) && proof.length <= 64, `${what}: proof`);
  const hashes = proof.map((item) => fromBase64(item, `${what}: proof`));
  need(hashes.every((h) => h.length === 32), `${what}: proof`);
  return { what, index, jws, disclosures, proof: hashes };
}

const CLAIMS = "iss jti log record_type record_version stated_at observed_at clock _sd _sd_alg".split(" ");

function readRecord(entry) {
  const parts = entry.jws.split(".");
  need(parts.length === 3, `${entry.what}: not a compact JWS`);
  const header = fields(fromJson(fromBase64url(parts[0], "header"), "header"), ["alg", "typ", "kid"], "header");
  need(header.alg === "EdDSA" && header.typ === "gaugeblock-record+sd-jwt", `${entry.what}: header`);
  const claims = fields(fromJson(fromBase64url(parts[1], "payload"), "payload"), CLAIMS, "payload");
  const digests = claims._sd;
  need(claims._sd_alg === "sha-256" && Array.isArray(digests), `${entry.what}: _sd`);
  need(digests.every((d, i) => typeof d === "string" && (i === 0 || digests[i - 1] < d)), `${entry.what}: _sd is not sorted`);
  return {
    ...entry,
    kid: header.kid,
    claims,
    author: claims.iss,
    type: claims.record_type,
    signed: encoder.encode(`${parts[0]}.${parts[1]}`),
    signature: fromBase64url(parts[2], "signature"),
  };
}

async function openFacets(record) {
  const facets = {};
  for (const [name, text] of Object.entries(record.disclosures)) {
    need(typeof text === "string" && text.length <= 65535, `${name}: disclosure`);
    const digest = toBase64url(await sha256(encoder.encode(text)));
    need(record.claims._sd.includes(digest), `${name}: not what the author signed`);
    const content = fromJson(fromBase64url(text, name), name);
    need(Array.isArray(content) && content.length === 3 && typeof content[0] === "string", `${name}: form`);
    need(content[1] === name, `${name}: the disclosure of another facet`);
    facets[name] = content[2];
  }
  return facets;
}

// ── who may sign for whom ────────────────────────────────────────────────────────────────────────────────

class Keys {
  constructor(origin) {
    this.origin = origin;
    this.byKid = new Map();
  }

  of(record) {
    const bound = this.byKid.get(record.kid);
    const at = `record ${record.index}`;
    need(bound !== undefined, `${at}: the key chain does not introduce its key`);
    need(bound.ended === null || record.index <= bound.ended, `${at}: its key ended at record ${bound.ended}`);
    need(record.index > bound.since || record.index === 0, `${at}: before its key`);
    need(bound.entity === record.author, `${at}: the key of ${bound.entity}`);
    return bound.key;
  }

  async fold(record) {
    const at = `record ${record.index}`;
    need(Object.hasOwn(ACTIONS, record.type), `${at}: no key record`);
    need(record.claims.log === this.origin, `${at}: for another log`);
    const facets = await openFacets(record);
    const subject = fields(facets.subject, ["entity", "thumbprint"], "key subject");
    const optional = ["jwk", "predecessor", "cross_signature", "reason", "compromised_since"];
    const said = fields(facets.statement, ["action"], "key statement", optional);
    const has = (name) => said[name] !== undefined && said[name] !== null;
    need(said.action === ACTIONS[record.type], `${at}: another action`);
    need(has("jwk") === (said.action !== "revoke"), `${at}: jwk`);
    need(has("predecessor") === (said.action === "rotate"), `${at}: predecessor`);
    const { entity, thumbprint: kid } = subject;
    const key = said.action === "revoke" ? null : await keyOf(said.jwk, kid);
    let signer = key;
    if (record.index === 0) {
      need(said.action === "bind" && entity === SERVER && record.author === SERVER, "record 0 does not bind the server");
      need(record.kid === kid, "record 0 is not signed by the key it binds");
    } else signer = this.of(record);
    need(await signedBy(signer, record.signature, record.signed), `${at}: signature`);
    if (said.action === "revoke") {
      const bound = this.byKid.get(kid);
      need(bound !== undefined && bound.entity === entity && bound.ended === null, `${at}: what it revokes`);
      need(record.author === entity || record.author === SERVER, `${at}: revokes another's key`);
      bound.ended = record.index;
      return;
    }
    need(!this.byKid.has(kid), `${at}: a key that was bound before`);
    if (said.action === "rotate") {
      need(entity === record.author && said.predecessor === record.kid, `${at}: rotation`);
      this.byKid.get(record.kid).ended = record.index;
    } else {
      need(record.author === SERVER, `${at}: only the server binds keys`);
      const held = [...this.byKid.values()].some((b) => b.entity === entity && b.ended === null);
      need(!held, `${at}: ${entity} has a key already`);
    }
    need(has("cross_signature") || said.action === "bind", `${at}: no cross-signature`);
    if (has("cross_signature")) {
      const before = said.action === "rotate" ? record.kid : "";
      const message = `gaugeblock-key-handover/v1\n${this.origin}\n${entity}\n${before}\n${kid}\n`;
      const proof = fromBase64url(said.cross_signature, "cross-signature");
      need(await signedBy(key, proof, encoder.encode(message)), `${at}: hand-over`);
    }
    this.byKid.set(kid, { entity, key, since: record.index, ended: null });
  }
}

async function keyOf(jwk, thumbprint) {
  const { kty, crv, x } = fields(jwk, ["kty", "crv", "x"], "jwk");
  need(kty === "OKP" && crv === "Ed25519", "jwk: not an Ed25519 key");
  const raw = fromBase64url(x, "jwk");
  const y = littleEndian(raw) & Y_MASK;
  need(raw.length === 32 && y < P && !SMALL_ORDER_Y.has(y), "jwk: not a good key");
  const canonical = encoder.encode(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`);
  need(toBase64url(await sha256(canonical)) === thumbprint, "jwk: another thumbprint");
  return raw;
}

// ── the whole ────────────────────────────────────────────────────────────────────────────────────────────

/** The steps in order; a page says them in its reader's language. */
export const STEPS = ["key", "form", "checkpoint", "witness", "inclusion", "key_chain", "signature", "disclosures"];

/**
 * Check an evidence file. Never throws for what the file holds.
 *
 * @param {Uint8Array} bytes the file
 * @param {string} logKey the log's verifier key, from another source than the file
 * @param {string[]} witnesses verifier keys of witnesses who must have cosigned
 * @returns {Promise<{ok: boolean, steps: {step: string, detail: string}[], failed: ?{step: string, why: string},
 *   claims: ?object, facets: object, index: number, size: number, withheld: number}>}
 */
export async function verify(bytes, logKey, witnesses = []) {
  const result = { ok: false, steps: [], failed: null, claims: null, facets: {}, index: 0, size: 0, withheld: 0 };
  let step = "key";
  const held = (detail) => result.steps.push({ step, detail: String(detail) });
  try {
    const key = await noteKey(logKey, 1);
    const witnessKeys = [];
    for (const text of witnesses) witnessKeys.push(await noteKey(text, 4));
    need(new Set(witnessKeys.map((w) => hex(w.raw))).size === witnessKeys.length, "a witness is named twice");
    held(key.name);

    step = "form";
    need(bytes.length <= LIMIT_BYTES, "larger than 4 MiB");
    const file = fields(fromJson(bytes, "file", true), ["form", "record", "key_chain", "checkpoint"], "file");
    need(file.form === "gaugeblock-evidence/1", "another form of evidence");
    need(Array.isArray(file.key_chain) && file.key_chain.length <= 64, "key_chain");
    need(typeof file.checkpoint === "string", "checkpoint");
    const entry = entryOf(file.record, "record");
    const chain = file.key_chain.map((item, n) => entryOf(item, `key_chain[${n}]`));
    held(1 + chain.length);

    step = "checkpoint";
    const { text, lines } = readNote(file.checkpoint);
    need(await signedBy(key.raw, signatureOf(lines, key), encoder.encode(text)), "the log's signature does not fit");
    const rows = text.split("\n");
    need(rows.length >= 4 && rows[0] === key.name && rows.slice(0, -1).every((row) => row !== ""), "another log's checkpoint");
    need(/^(0|[1-9][0-9]{0,15})$/.test(rows[1]), "the size of the tree");
    const root = fromBase64(rows[2], "root");
    result.size = Number(rows[1]);
    held(`${rows[0]}, ${result.size}`);

    for (const witness of witnessKeys) {
      step = "witness";
      const line = signatureOf(lines, witness);
      need(line.length === 72, `${witness.name}: signature`);
      const seen = line.slice(0, 8).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
      const message = encoder.encode(`cosignature/v1\ntime ${seen}\n${text}`);
      need(await signedBy(witness.raw, line.slice(8), message), `${witness.name}: signature`);
      held(witness.name);
    }

    step = "inclusion";
    for (const one of [entry, ...chain]) {
      const leaf = await sha256(join(Uint8Array.of(0), encoder.encode(one.jws)));
      const found = await rootOf(leaf, one.index, result.size, one.proof);
      need(equal(found, root), `record ${one.index} is not in this log`);
    }
    held(`${entry.index} < ${result.size}`);

    step = "key_chain";
    need(chain.length > 0 && chain[0].index === 0, "it does not begin at record 0");
    const keys = new Keys(key.name);
    let before = -1;
    for (const one of chain) {
      need(one.index > before, "not in order");
      before = one.index;
      await keys.fold(readRecord(one));
    }
    const record = readRecord(entry);
    const authorKey = keys.of(record);
    held(`${record.author}, ${chain.length}`);

    step = "signature";
    need(record.claims.log === key.name, "the record is for another log");
    need(await signedBy(authorKey, record.signature, record.signed), "the author's signature does not fit");
    held(`${record.type}, ${record.claims.stated_at}`);

    step = "disclosures";
    const facets = await openFacets(record);
    result.withheld = record.claims._sd.length - Object.keys(facets).length;
    held(`${Object.keys(facets).length}, ${result.withheld} withheld`);
    Object.assign(result, { ok: true, claims: record.claims, facets, index: record.index });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    result.failed = { step, why: error.message };
  }
  return result;
}

/** Control characters as codes, so that evidence cannot write lines of its own. */
const visible = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u${c.codePointAt(0).toString(16).padStart(4, "0")}`);

async function main() {
  const { readFile } = await import("node:fs/promises");
  const [file, keyText, ...witnessTexts] = process.argv.slice(2);
  if (file === undefined || keyText === undefined) {
    console.error("usage: node gaugeblock-verify.mjs EVIDENCE.json LOG.key [WITNESS.key ...]");
    return 2;
  }
  const read = async (text) => (text.includes("+") ? text : (await readFile(text, "utf8")).trim());
  let given;
  try {
    given = [new Uint8Array(await readFile(file)), await read(keyText), await Promise.all(witnessTexts.map(read))];
  } catch (error) {
    console.error(error.message);
    return 2;
  }
  const result = await verify(...given);
  for (const { step, detail } of result.steps) console.log(`✓ ${step}: ${visible(detail)}`);
  if (!result.ok) {
    console.log(`✗ ${result.failed.step}: ${visible(result.failed.why)}\nNOT VERIFIED.`);
    return 1;
  }
  for (const [name, facet] of Object.entries(result.facets)) console.log(`  ${name}: ${visible(JSON.stringify(facet))}`);
  console.log(`VERIFIED: record ${result.index}.`);
  return 0;
}

if (typeof process !== "undefined" && process.argv?.[1]?.endsWith("gaugeblock-verify.mjs")) {
  if (globalThis.crypto === undefined) globalThis.crypto = (await import("node:crypto")).webcrypto;
  process.exitCode = await main();
}
