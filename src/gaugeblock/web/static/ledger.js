// The log's mathematics in the browser: enough to verify an evidence file with nothing but the log's public key.
// Sources: RFC 6962/9162 (leaves and inclusion), C2SP signed-note and tlog-checkpoint, RFC 7515/8037 (EdDSA JWS),
// RFC 9901 (disclosures), RFC 7638 (thumbprints). Only WebCrypto is used: SHA-256 and Ed25519.

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true });
const SERVER = "server:plant";
const CHAIN_LIMIT = 64;
const PROOF_LIMIT = 64;

export class Refused extends Error {}

function ensure(condition, why) {
  if (!condition) throw new Refused(why);
}

function fromBase64(value) {
  ensure(typeof value === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(value), "base64");
  return Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
}

function fromBase64Url(value) {
  ensure(typeof value === "string" && /^[A-Za-z0-9_-]*$/.test(value), "base64url");
  return fromBase64(value.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (value.length % 4)) % 4));
}

function toBase64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function equal(a, b) {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

async function verifies(rawKey, signature, message) {
  const key = await crypto.subtle.importKey("raw", rawKey, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
}

/** Whether this browser, at this address, has what is needed (WebCrypto with Ed25519 needs https or localhost). */
export async function canVerify() {
  if (!globalThis.crypto?.subtle) return false;
  try {
    // RFC 8032, 7.1, test 1: the empty message.
    const hex = (value) => Uint8Array.from(value.match(/../g), (pair) => parseInt(pair, 16));
    return await verifies(
      hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
      hex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
      ),
      new Uint8Array(),
    );
  } catch {
    return false;
  }
}

/** The log's key from its vkey text: name+hash+base64(0x01 || key). */
export async function logKey(vkey) {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey.trim());
  ensure(match, "vkey");
  const data = fromBase64(match[3]);
  ensure(data.length === 33 && data[0] === 1, "vkey: not Ed25519");
  const id = (await sha256(concat(utf8.encode(match[1] + "\n"), data))).slice(0, 4);
  ensure([...id].map((byte) => byte.toString(16).padStart(2, "0")).join("") === match[2], "vkey: hash");
  return { name: match[1], id, raw: data.slice(1) };
}

/** Opens a checkpoint note that this key signed. */
export async function openCheckpoint(note, key) {
  const end = note.lastIndexOf("\n\n");
  ensure(end > 0 && note.endsWith("\n"), "note");
  const body = note.slice(0, end + 1);
  let signed = false;
  for (const line of note.slice(end + 2, -1).split("\n")) {
    const match = /^\u2014 (\S+) (\S+)$/.exec(line);
    ensure(match, "note: signature line");
    const data = fromBase64(match[2]);
    if (match[1] === key.name && equal(data.slice(0, 4), key.id)) {
      ensure(await verifies(key.raw, data.slice(4), utf8.encode(body)), "checkpoint: signature");
      signed = true;
    }
  }
  ensure(signed, "checkpoint: not signed by this key");
  const [origin, size, root] = body.split("\n");
  ensure(origin === key.name && /^(0|[1-9][0-9]{0,15})$/.test(size), "checkpoint");
  const hash = fromBase64(root);
  ensure(hash.length === 32, "checkpoint: root");
  return { origin, size: Number(size), root: hash };
}

/** RFC 9162, 2.1.3.2: whether these bytes are leaf `index` of the tree. */
export async function included(jws, index, proof, checkpoint) {
  ensure(Number.isSafeInteger(index) && index >= 0 && index < checkpoint.size, `#${index}: index`);
  ensure(Array.isArray(proof) && proof.length <= PROOF_LIMIT, `#${index}: proof`);
  let node = index;
  let last = checkpoint.size - 1;
  let hash = await sha256(concat(Uint8Array.of(0), jws));
  for (const step of proof) {
    const sibling = fromBase64(step);
    ensure(last > 0 && sibling.length === 32, `#${index}: proof`);
    if (node % 2 === 1 || node === last) {
      hash = await sha256(concat(Uint8Array.of(1), sibling, hash));
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = await sha256(concat(Uint8Array.of(1), hash, sibling));
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  ensure(last === 0 && equal(hash, checkpoint.root), `#${index}: the path does not end at the root`);
}

function parseJws(jws) {
  const parts = jws.split(".");
  ensure(parts.length === 3, "jws");
  const header = JSON.parse(text.decode(fromBase64Url(parts[0])));
  ensure(
    Object.keys(header).length === 3 && header.alg === "EdDSA" && header.typ === "gaugeblock-record+sd-jwt",
    "jws: header",
  );
  const payload = JSON.parse(text.decode(fromBase64Url(parts[1])));
  ensure(payload._sd_alg === "sha-256" && Array.isArray(payload._sd), "jws: payload");
  return {
    kid: header.kid,
    payload,
    signed: utf8.encode(`${parts[0]}.${parts[1]}`),
    signature: fromBase64Url(parts[2]),
  };
}

/** The facets of a record, each of which must have its digest in the signed payload. */
async function openFacets(payload, disclosures) {
  const facets = {};
  for (const [name, disclosure] of Object.entries(disclosures)) {
    const digest = toBase64Url(await sha256(utf8.encode(disclosure)));
    ensure(payload._sd.includes(digest), `${name}: its digest is not in the record`);
    const content = JSON.parse(text.decode(fromBase64Url(disclosure)));
    ensure(Array.isArray(content) && content.length === 3 && content[1] === name, `${name}: another facet`);
    facets[name] = content[2];
  }
  return facets;
}

async function keyOf(jwk, thumbprint) {
  ensure(jwk?.kty === "OKP" && jwk.crv === "Ed25519", "key: not Ed25519");
  const canonical = `{"crv":"Ed25519","kty":"OKP","x":"${jwk.x}"}`;
  ensure(toBase64Url(await sha256(utf8.encode(canonical))) === thumbprint, "key: thumbprint");
  return fromBase64Url(jwk.x);
}

/** Folds the key chain, each record's signature checked before it is believed. */
async function foldChain(chain, origin) {
  ensure(Array.isArray(chain) && chain.length > 0 && chain.length <= CHAIN_LIMIT && chain[0].index === 0, "chain");
  const keys = new Map();
  let previous = -1;
  for (const record of chain) {
    ensure(record.index > previous, "chain: order");
    previous = record.index;
    const jws = parseJws(record.jws);
    ensure(jws.payload.log === origin, `#${record.index}: another log`);
    const { subject, statement } = await openFacets(jws.payload, record.disclosures);
    ensure(subject && statement, `#${record.index}: facets`);
    let signer = keys.get(jws.kid);
    if (record.index === 0) {
      ensure(
        jws.payload.record_type === "key.binding" &&
          jws.payload.iss === SERVER &&
          subject.entity === SERVER &&
          subject.thumbprint === jws.kid,
        "#0: not the server's own key",
      );
      signer = { entity: SERVER, raw: await keyOf(statement.jwk, subject.thumbprint), from: 0, until: Infinity };
    }
    ensure(signer, `#${record.index}: signed by an unknown key`);
    ensure(record.index <= signer.until, `#${record.index}: signed by a key that had ended`);
    ensure(signer.entity === jws.payload.iss, `#${record.index}: author`);
    ensure(await verifies(signer.raw, jws.signature, jws.signed), `#${record.index}: signature`);
    await applyKeyRecord(keys, record.index, jws, subject, statement, signer, origin);
  }
  return keys;
}

async function applyKeyRecord(keys, index, jws, subject, statement, signer, origin) {
  const begin = async () => {
    ensure(!keys.has(subject.thumbprint), `#${index}: key bound twice`);
    const raw = await keyOf(statement.jwk, subject.thumbprint);
    keys.set(subject.thumbprint, { entity: subject.entity, raw, from: index, until: Infinity });
  };
  const handedOver = async (predecessor) => {
    const message = `gaugeblock-key-handover/v1\n${origin}\n${subject.entity}\n${predecessor}\n${subject.thumbprint}\n`;
    const signature = fromBase64Url(statement.cross_signature);
    const good = await verifies(keys.get(subject.thumbprint).raw, signature, utf8.encode(message));
    ensure(good, `#${index}: the new key did not sign`);
  };
  switch (jws.payload.record_type) {
    case "key.binding":
      ensure(signer.entity === SERVER, `#${index}: only the server binds keys`);
      await begin();
      if (statement.cross_signature != null) await handedOver("");
      return;
    case "key.rotation":
      ensure(statement.predecessor === jws.kid && subject.entity === signer.entity, `#${index}: rotation`);
      await begin();
      await handedOver(jws.kid);
      signer.until = index;
      return;
    case "key.revocation": {
      const ended = keys.get(subject.thumbprint);
      ensure(ended && (signer.entity === SERVER || signer.entity === ended.entity), `#${index}: revocation`);
      ended.until = Math.min(ended.until, index);
      return;
    }
    default:
      throw new Refused(`#${index}: ${jws.payload.record_type}`);
  }
}

/** The steps of a verification, in order. */
export const STEPS = ["form", "checkpoint", "inclusion", "key_chain", "signature", "disclosures"];

/**
 * Verifies an evidence file. Calls `report(name, ok, detail)` after each step and stops at the first that fails.
 * Anything malformed fails the step that meets it.
 */
export async function verifyEvidence(raw, vkey, report) {
  let evidence, checkpoint, keys, record;
  const steps = {
    async form() {
      evidence = JSON.parse(raw);
      ensure(evidence.form === "gaugeblock-evidence/1", "form");
      ensure(typeof evidence.checkpoint === "string" && typeof evidence.record.jws === "string", "form");
      return `${raw.length} B`;
    },
    async checkpoint() {
      checkpoint = await openCheckpoint(evidence.checkpoint, await logKey(vkey));
      return `${checkpoint.origin} · ${checkpoint.size}`;
    },
    async inclusion() {
      for (const entry of [evidence.record, ...evidence.key_chain]) {
        await included(utf8.encode(entry.jws), entry.index, entry.proof, checkpoint);
      }
      return `#${evidence.record.index} ∈ ${checkpoint.size}`;
    },
    async key_chain() {
      keys = await foldChain(evidence.key_chain, checkpoint.origin);
      record = parseJws(evidence.record.jws);
      const bound = keys.get(record.kid);
      const index = evidence.record.index;
      ensure(bound && bound.entity === record.payload.iss, "author");
      ensure((index > bound.from || (index === 0 && bound.from === 0)) && index <= bound.until, "key not in force");
      return bound.entity;
    },
    async signature() {
      ensure(record.payload.log === checkpoint.origin, "another log");
      ensure(await verifies(keys.get(record.kid).raw, record.signature, record.signed), "signature");
      return record.payload.record_type;
    },
    async disclosures() {
      const facets = await openFacets(record.payload, evidence.record.disclosures);
      return Object.keys(facets).join(", ");
    },
  };
  for (const name of STEPS) {
    try {
      report(name, true, await steps[name]());
    } catch (error) {
      report(name, false, error instanceof Refused ? error.message : error.name);
      return false;
    }
  }
  return true;
}
