// The Verify button: checks the record's evidence here, in the reader's browser, and asks the server for its own check.

import { canVerify, verifyEvidence } from "./ledger.js";

const panel = document.querySelector("[data-verify]");
const button = panel.querySelector("[data-verify-button]");
const label = panel.querySelector("[data-verify-label]");
const answer = panel.querySelector("[data-verify-answer]");
const address = `/api/v1/records/${panel.dataset.verify}`;
const word = (name) => panel.getAttribute(`data-word-${name}`) ?? name;
const steps = (side) => panel.querySelector(`[data-steps="${side}"]`);

function addStep(side, name, ok, title, detail) {
  const item = document.createElement("li");
  item.className = ok ? "step step-ok" : "step step-failed";
  item.dataset.step = name;
  item.append(panel.querySelector(`template[data-icon="${ok ? "OK" : "NOK"}"]`).content.cloneNode(true));
  const words = document.createElement("span");
  const outcome = document.createElement("span");
  outcome.className = ok ? "unseen" : "";
  outcome.textContent = `${word(ok ? "passed" : "failed")} `;
  words.append(outcome, title);
  if (detail) {
    const facts = document.createElement("small");
    facts.textContent = detail;
    words.append(facts);
  }
  item.append(words);
  steps(side).append(item);
}

function say(text, kind) {
  const line = document.createElement("p");
  line.className = `answer answer-${kind}`;
  line.textContent = text;
  answer.append(line);
}

async function here() {
  if (!(await canVerify())) {
    say(word("no_crypto"), "unknown");
    return null;
  }
  const response = await fetch(`${address}/evidence`, { cache: "no-store" });
  if (!response.ok) {
    addStep("here", "form", false, word("form"), `HTTP ${response.status}`);
    return false;
  }
  const key = panel.querySelector("[data-key-input]").value;
  return verifyEvidence(await response.text(), key, (name, ok, detail) => addStep("here", name, ok, word(name), detail));
}

async function server() {
  const response = await fetch(`${address}/verify`, {
    method: "POST",
    headers: { "X-CSRF-Token": panel.dataset.csrf },
  });
  if (!response.ok) {
    say(word("server_failed"), "unknown");
    return null;
  }
  const result = await response.json();
  for (const step of result.steps) addStep("server", step.name, step.ok, step.text, "");
  return result.ok;
}

button.addEventListener("click", async () => {
  button.disabled = true;
  button.dataset.state = "running";
  label.textContent = word("running");
  answer.replaceChildren();
  for (const side of ["here", "server"]) steps(side).replaceChildren();
  const outcomes = await Promise.allSettled([here(), server()]);
  const [mine, theirs] = outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : null));
  const failed = mine === false || theirs === false;
  const good = !failed && (mine === true || theirs === true);
  if (mine !== null) say(word(mine ? "here_good" : "here_bad"), mine ? "good" : "bad");
  if (theirs !== null) say(word(theirs ? "server_good" : "server_bad"), theirs ? "good" : "bad");
  if (outcomes.some((outcome) => outcome.status === "rejected")) say(word("server_failed"), "unknown");
  button.dataset.state = failed ? "bad" : good ? "good" : "idle";
  label.textContent = word(failed ? "bad" : good ? "good" : "server_failed");
  button.disabled = false;
});
