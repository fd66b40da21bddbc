// The list: choose all, count what is chosen, and go to the first by key.
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
  if (event.key.toLowerCase() !== "n" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const first = document.getElementById("start");
  if (first) first.click();
});
