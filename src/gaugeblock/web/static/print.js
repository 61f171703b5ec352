/* A button that prints the page; browsers without scripts have their own. */

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}
