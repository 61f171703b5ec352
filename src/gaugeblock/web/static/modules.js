// The training page: while a job is at work its part of the page is fetched anew each second; else every ten.

import { showTimes } from "./times.js";

const BUSY_MS = 1000;
const IDLE_MS = 10_000;

for (const region of document.querySelectorAll("[data-poll]")) follow(region);

async function follow(region) {
  const busy = region.querySelector("[data-busy]") !== null;
  await new Promise((resolve) => setTimeout(resolve, busy ? BUSY_MS : IDLE_MS));
  try {
    const response = await fetch(region.dataset.poll, { headers: { Accept: "text/html" } });
    if (response.redirected || response.status === 401) {
      location.reload();
      return;
    }
    if (response.ok) swap(region, await response.text(), busy);
  } catch {
    // No network: the banner of the event stream says so.
  }
  follow(region);
}

function swap(region, html, wasBusy) {
  if (region.contains(document.activeElement) && document.activeElement !== document.body) {
    // Never take an element away from under a finger; the next round will do it.
    if (document.activeElement.closest("form, details")) return;
  }
  region.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  showTimes(region);
  // What can be started depends on what runs.
  if (wasBusy && !region.querySelector("[data-busy]")) location.reload();
}
