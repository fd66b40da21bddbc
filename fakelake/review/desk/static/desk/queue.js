// The list: choose all, count what is chosen, go to the first and take the last decision back by key.
"use strict";

const boxes = () => [...document.querySelectorAll("#list [name=video]")];
const all = document.getElementById("all"), chosen = document.getElementById("chosen");
function count() {
  const number = boxes().filter((box) => box.checked).length;
  if (chosen) chosen.textContent = number ? `${number} chosen ${number === 1 ? "video is" : "videos are"}` : "Chosen videos are";
}
if (all) all.addEventListener("change", () => { for (const box of boxes()) box.checked = all.checked; count(); });
document.addEventListener("change", (event) => { if (event.target.name === "video") count(); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  // After the last decision of a list one is here, and may still want to take it back.
  const pressed = { n: "#start", z: ".messages .undo button" }[event.key.toLowerCase()];
  const found = pressed && document.querySelector(pressed);
  if (found) found.click();
});
