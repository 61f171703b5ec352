// The line's page: a slider from the past through now to the forecast; what is live is fetched anew.

import { showTimes } from "./times.js";

const LIVE_MS = 3000;
const ORDERS_MS = 10_000;
const SETTLE_MS = 120;

async function fetched(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "text/html" } });
    if (response.redirected || response.status === 401) {
      location.reload();
      return null;
    }
    return response.ok ? await response.text() : null;
  } catch {
    return null; // no network: what is shown stays, with its time
  }
}

function put(element, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  const scrolled = [...element.querySelectorAll(".line-scroll")].map((each) => each.scrollLeft);
  const active = [...element.querySelectorAll(".line-scroll")].indexOf(document.activeElement);
  element.replaceChildren(...fresh.childNodes);
  const frames = [...element.querySelectorAll(".line-scroll")];
  frames.forEach((each, k) => {
    each.scrollLeft = scrolled[k] ?? 0;
  });
  if (active >= 0) frames[active]?.focus({ preventScroll: true });
  showTimes(element);
}

const slider = document.getElementById("line-slider");
if (slider) {
  const view = document.getElementById("line-view");
  const orders = document.getElementById("line-orders");
  let asked = 0;
  let waiting;

  const show = async () => {
    const mine = ++asked;
    view.setAttribute("aria-busy", "true");
    const html = await fetched(`${slider.dataset.src}&offset=${slider.value}`);
    if (mine !== asked) return; // the slider has moved on
    view.removeAttribute("aria-busy");
    if (html !== null) put(view, html);
  };

  const words = () => {
    const minutes = Number(slider.value);
    slider.setAttribute("aria-valuetext", minutes > 0 ? `+${minutes} min` : `${minutes} min`);
  };

  slider.addEventListener("input", () => {
    words();
    clearTimeout(waiting);
    waiting = setTimeout(show, SETTLE_MS);
  });
  document.getElementById("line-now").addEventListener("click", () => {
    slider.value = "0";
    words();
    show();
  });
  words();
  setInterval(() => {
    if (!document.hidden && Number(slider.value) === 0) show();
  }, LIVE_MS);
  setInterval(async () => {
    if (document.hidden) return;
    const html = await fetched(orders.dataset.src);
    if (html !== null) put(orders, html);
  }, ORDERS_MS);
}

const question = document.getElementById("line-question");
if (question?.dataset.src) {
  const timer = setInterval(async () => {
    const html = await fetched(question.dataset.src);
    if (html === null) return;
    put(question, html);
    if (!question.querySelector("progress")) clearInterval(timer);
  }, 1000);
}
