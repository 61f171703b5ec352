// Reviewing without waiting: the next part is fetched while this one is looked at, and appears at once.
// Without this script the same forms work, a page a decision.

import { paintAll } from "./heatmap.js";
import { showTimes } from "./times.js";

const TOAST_MS = 8000;
const LOOK_MS = 5000; // how often an empty list looks whether something has come
const READABLE_MS = 300; // a second press of a double tap must not decide on the part that has just appeared

const place = document.querySelector("[data-review]");
const toast = document.querySelector("[data-toast]");
const words = (name) => place.dataset[`word${name[0].toUpperCase()}${name.slice(1)}`];
const leftCount = document.querySelector("[data-left-count]");

let ahead = null; // the promise of the next part's element
let shownAt = performance.now();
let last = null; // the decision that can be undone
let toastTimer = 0;
let heat = sessionStorage.getItem("heat") !== "off";

const current = () => place.querySelector("[data-part]");
const indexOf = (element) => Number(element?.dataset.part ?? -1);

async function fragment(query) {
  const address = new URL(place.dataset.fragment, location.href);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  const response = await fetch(address, { headers: { Accept: "text/html" } });
  if (response.redirected || response.status === 401) {
    location.reload();
    return null;
  }
  if (!response.ok) throw new Error(String(response.status));
  const body = new DOMParser().parseFromString(await response.text(), "text/html").body;
  const element = document.adoptNode(body.querySelector("[data-part], [data-none]"));
  const picture = element.querySelector("img");
  if (picture) {
    picture.loading = "eager";
    picture.decode().catch(() => {}); // a picture that cannot be shown says so on the part itself
  }
  return element;
}

function fetchAhead() {
  const here = indexOf(current());
  ahead = here < 0 ? null : fragment({ after: here }).catch(() => null);
}

function show(element) {
  place.replaceChildren(element);
  shownAt = performance.now();
  prepare();
  (element.querySelector("h2") ?? element).scrollIntoView?.({ block: "nearest" });
  fetchAhead();
}

function prepare() {
  paintAll(place);
  showTimes(place);
  const button = place.querySelector("[data-heat]");
  if (button) button.hidden = false;
  applyHeat();
}

function applyHeat() {
  for (const canvas of place.querySelectorAll("canvas[data-heatmap]")) canvas.hidden = !heat;
  place.querySelector("[data-heat]")?.setAttribute("aria-pressed", String(heat));
}

async function advance() {
  const element = (await ahead) ?? (await fragment({ after: indexOf(current()) }).catch(() => null));
  if (element) show(element);
  return Boolean(element);
}

async function post(address, body) {
  const response = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": place.dataset.csrf },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const refusal = new Error(answer.detail ? `${answer.detail} ${answer.remedy}` : words("failed"));
    refusal.code = answer.code;
    throw refusal;
  }
  return answer;
}

function say(text, undoable) {
  clearTimeout(toastTimer);
  toast.dataset.kind = undoable === null ? "fault" : "done";
  toast.querySelector("[data-undo]").hidden = !undoable;
  toast.hidden = false;
  // Set after it is visible: only then is it read out.
  toast.querySelector("[data-toast-text]").textContent = text;
  toastTimer = setTimeout(() => (toast.hidden = true), TOAST_MS);
}

const figure = (value) => String(Math.max(0, value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const filtered = new URL(place.dataset.fragment, location.href).search !== "";
let left = Number(place.dataset.left);

// What the server counts is of the whole list; where only a part of it is worked off, it is counted here.
function count(answer, step) {
  left = filtered ? left + step : answer.left;
  leftCount.textContent = figure(left);
  for (const shown of document.querySelectorAll("[data-count]")) {
    const waiting = answer.by_reason[shown.dataset.count];
    shown.textContent = figure(waiting ?? Object.values(answer.by_reason).reduce((sum, each) => sum + each, 0));
  }
}

let busy = false;

async function decide(decision, defects) {
  const part = current();
  const seconds = (performance.now() - shownAt) / 1000;
  if (!part || busy || seconds * 1000 < READABLE_MS || !part.querySelector("[data-decide]")) return;
  busy = true;
  document.querySelector("[data-done-line]")?.remove();
  const index = indexOf(part);
  const asked = place.dataset.review;
  const stated = post(`/api/v1/reviews/${index}`, { decision, defects, asked, seconds });
  stated.catch(() => {});
  await advance();
  busy = false;
  try {
    const answer = await stated;
    last = { index, asked };
    count(answer, -1);
    const word = words(answer.role === "second" && asked === "first" ? "second" : decision);
    say(`${word} · ${part.dataset.unit}`, true);
  } catch (refusal) {
    say(`${part.dataset.unit}: ${refusal.message}`, null);
    // Decided by others meanwhile: nothing more to do. Otherwise the part comes back, for nothing was recorded.
    if (refusal.code !== "inspection.review_decided") show(part);
  }
}

async function undo() {
  if (!last || busy) return;
  busy = true;
  const { index, asked } = last;
  last = null;
  try {
    const answer = await post(`/api/v1/reviews/${index}/undo?asked=${asked}`);
    count(answer, 1);
    const element = await fragment({ index });
    if (element) show(element);
    say(words("undone"), false);
  } catch (refusal) {
    say(refusal.message, null);
  }
  busy = false;
}

function toggleHeat() {
  heat = !heat;
  sessionStorage.setItem("heat", heat ? "on" : "off");
  applyHeat();
}

function openDefects() {
  const details = place.querySelector("[data-defects]");
  if (!details) return;
  details.open = !details.open;
  if (details.open) details.querySelector("button")?.focus({ preventScroll: true });
}

place.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-decide]");
  const button = event.submitter;
  if (!form || !button) return;
  event.preventDefault();
  if (button.name === "defect") decide("defective", [button.value]);
  else decide(button.value, []);
});

place.addEventListener("click", (event) => {
  if (event.target.closest("[data-heat]")) toggleHeat();
  const skip = event.target.closest("[data-skip]");
  if (skip && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    advance().then((shown) => shown || location.assign(skip.href));
  }
});

toast.querySelector("[data-undo]").addEventListener("click", undo);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest?.("input, select, textarea")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const details = place.querySelector("[data-defects]");
  const act = {
    g: () => decide("good", []),
    d: openDefects,
    u: () => decide("unsure", []),
    z: undo,
    h: toggleHeat,
    ArrowRight: () => place.querySelector("[data-skip]")?.click(),
    Escape: () => details?.open && openDefects(),
  }[key];
  if (act) {
    event.preventDefault();
    act();
  } else if (details?.open && /^[0-9]$/.test(key)) {
    const chip = details.querySelector(`[data-number="${key}"]`);
    if (chip) {
      event.preventDefault();
      decide("defective", [chip.value]);
    }
  }
});

// A list that is empty fills by itself when parts come.
setInterval(async () => {
  if (busy || document.hidden || !place.querySelector("[data-none=waiting]")) return;
  const element = await fragment({ after: -1 }).catch(() => null);
  if (element?.matches("[data-part]") && place.querySelector("[data-none]")) {
    show(element);
    left = Math.max(left, 1);
    leftCount.textContent = figure(left);
  }
}, LOOK_MS);

prepare();
fetchAhead();
