// News from the server: parts of a page that name events in data-live are fetched anew, at most once a second.
// Pieces with an unchanged data-key keep their element, so that images do not flicker and focus stays.

import { paintAll } from "./heatmap.js";
import { showTimes } from "./times.js";

const STALE_AFTER_MS = 10_000;
const PAUSE_MS = 1000;

const banner = document.getElementById("stale");
const seconds = document.getElementById("stale-seconds");
let heard = performance.now();
let stale = false;

function markHeard() {
  heard = performance.now();
  if (stale) {
    stale = false;
    banner.hidden = true;
    document.documentElement.dataset.stream = "live";
    for (const region of regions) region.ask();
  }
}

function markSilence() {
  const silent = performance.now() - heard;
  if (silent > STALE_AFTER_MS) {
    if (!stale) {
      stale = true;
      banner.hidden = false;
      document.documentElement.dataset.stream = "stale";
    }
    seconds.textContent = `(${Math.round(silent / 1000)} s)`;
  }
}

class Region {
  constructor(element) {
    this.element = element;
    this.events = new Set([...element.dataset.live.split(" "), "resync"]);
    this.waiting = false;
    this.busy = false;
    this.again = false;
  }

  ask() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    this.refresh().finally(() =>
      setTimeout(() => {
        this.busy = false;
        if (this.again) {
          this.again = false;
          this.ask();
        }
      }, PAUSE_MS),
    );
  }

  async refresh() {
    let response;
    try {
      response = await fetch(this.element.dataset.src, { headers: { Accept: "text/html" } });
    } catch {
      return; // no network: the silence of the stream will say so
    }
    if (response.redirected || response.status === 401) {
      location.reload();
      return;
    }
    if (response.ok) this.swap(await response.text());
  }

  swap(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    const old = new Map([...this.element.querySelectorAll("[data-key]")].map((piece) => [piece.dataset.key, piece]));
    const active = document.activeElement;
    const focused = this.element.contains(active) ? active.closest("[data-key], a, [tabindex]") : null;
    const focusedKey = focused?.closest("[data-key]")?.dataset.key;
    const focusedHref = focused?.getAttribute("href");
    for (const piece of fresh.querySelectorAll("[data-key]")) {
      const kept = old.get(piece.dataset.key);
      if (kept && kept.dataset.source === piece.outerHTML) piece.replaceWith(kept);
      else piece.dataset.source = piece.outerHTML;
    }
    const open = [...this.element.querySelectorAll(".strip, .table-frame")].map((piece) => piece.scrollLeft);
    this.element.replaceChildren(...fresh.childNodes);
    this.element.querySelectorAll(".strip, .table-frame").forEach((piece, at) => (piece.scrollLeft = open[at] ?? 0));
    if (focused && !document.contains(document.activeElement?.closest("#main *"))) {
      const keyed = focusedKey && this.element.querySelector(`[data-key="${CSS.escape(focusedKey)}"]`);
      const target =
        (keyed && (keyed.matches("a") ? keyed : keyed.querySelector("a"))) ||
        (focusedHref && this.element.querySelector(`a[href="${CSS.escape(focusedHref)}"]`));
      target?.focus({ preventScroll: true });
    }
    paintAll(this.element);
    showTimes(this.element);
  }
}

const regions = [...document.querySelectorAll("[data-live]")].map((element) => new Region(element));

export function listen() {
  const source = new EventSource("/api/v1/events");
  document.documentElement.dataset.stream = "live";
  for (const name of ["verdict", "station", "log", "resync", "heartbeat"]) {
    source.addEventListener(name, () => {
      markHeard();
      for (const region of regions) if (region.events.has(name)) region.ask();
    });
  }
  // A server that is gone for good closes the source; a fresh one finds it when it is back.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

setInterval(markSilence, 500);
