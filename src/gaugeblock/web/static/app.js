// Every page of a signed-in reader.

import { paintAll } from "./heatmap.js";
import { listen } from "./live.js";
import { showTimes } from "./times.js";

showTimes();
paintAll();
listen();

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const words = button.querySelector("span");
  const before = words.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    // Without https a page may not write to the clipboard: select the text, so that the keyboard can.
    getSelection().selectAllChildren(button.closest(".copyable").querySelector("pre"));
    return;
  }
  words.textContent = button.dataset.done;
  setTimeout(() => (words.textContent = before), 1500);
});

// Rows by arrow key, as in a list: the links stay ordinary links.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const here = event.target.closest?.("[data-rows] .row-link, [data-rows] .thumb");
  if (!step || !here) return;
  const links = [...here.closest("[data-rows]").querySelectorAll(".row-link, .thumb")];
  const next = links[links.indexOf(here) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
});
