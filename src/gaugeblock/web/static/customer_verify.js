// The customer's Verify button: the evidence is checked here, in the reader's browser, by the same file that the portal
// offers for download. The plant's server has no part in it but to hand out the evidence.

import { install } from "./sha2.js";

const panel = document.querySelector("[data-verify]");
const button = panel.querySelector("[data-verify-button]");
const label = panel.querySelector("[data-verify-label]");
const answer = panel.querySelector("[data-verify-answer]");
const list = panel.querySelector("[data-steps]");
const word = (name) => panel.getAttribute(`data-word-${name}`) ?? name;

function addStep(name, ok, detail) {
  const item = document.createElement("li");
  item.className = ok ? "step step-ok" : "step step-failed";
  item.dataset.step = name;
  item.append(panel.querySelector(`template[data-icon="${ok ? "OK" : "NOK"}"]`).content.cloneNode(true));
  const words = document.createElement("span");
  const outcome = document.createElement("span");
  outcome.className = ok ? "unseen" : "";
  outcome.textContent = `${word(ok ? "passed" : "failed")} `;
  const facts = document.createElement("small");
  facts.textContent = detail;
  words.append(outcome, word(`step-${name}`), facts);
  item.append(words);
  list.append(item);
}

function say(text, kind) {
  const line = document.createElement("p");
  line.className = `answer answer-${kind}`;
  line.textContent = text;
  answer.replaceChildren(line);
}

function showFacets(result) {
  const place = panel.querySelector("[data-verified-facets]");
  place.replaceChildren();
  for (const [name, facet] of Object.entries(result.facets)) {
    const title = document.createElement("dt");
    title.textContent = name;
    const value = document.createElement("dd");
    value.className = "mono";
    value.textContent = JSON.stringify(facet, null, 1).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (c) => (c === "\n" ? c : "\ufffd"));
    const row = document.createElement("div");
    row.append(title, value);
    place.append(row);
  }
  panel.querySelector("[data-verified]").hidden = false;
}

async function run() {
  install();
  const { verify } = await import(panel.dataset.verifier);
  const response = await fetch(panel.dataset.verify, { cache: "no-store" });
  if (!response.ok) {
    addStep("form", false, `HTTP ${response.status}`);
    return false;
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  const result = await verify(bytes, panel.querySelector("[data-key-input]").value);
  for (const { step, detail } of result.steps) addStep(step, true, detail);
  if (result.failed) addStep(result.failed.step, false, result.failed.why);
  const about = result.ok && String(result.index) === panel.dataset.index;
  if (result.ok && !about) addStep("form", false, `#${result.index}`);
  if (about) showFacets(result);
  return about;
}

button.addEventListener("click", async () => {
  button.disabled = true;
  button.dataset.state = "running";
  label.textContent = word("running");
  list.replaceChildren();
  answer.replaceChildren();
  try {
    const good = await run();
    button.dataset.state = good ? "good" : "bad";
    label.textContent = word(good ? "good" : "bad");
    say(word(good ? "said_good" : "said_bad"), good ? "good" : "bad");
  } catch (error) {
    button.dataset.state = "idle";
    label.textContent = word("again");
    say(`${word("unavailable")} (${error.name})`, "unknown");
  }
  button.disabled = false;
});
