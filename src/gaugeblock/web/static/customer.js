// Every page of the portal: local times, and buttons that copy.

import { showTimes } from "./times.js";

showTimes();

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
