// What is made while one waits: a copy of the film, the heat map, the case file, pictures of the whole film.
"use strict";

const $ = (id) => document.getElementById(id);

/** As the crops' times: 1:02.5 */
function clock(at) { const tenths = Math.round(at * 10); return `${Math.floor(tenths / 600)}:${(tenths % 600 / 10).toFixed(1).padStart(4, "0")}`; }

// Asked for once, then looked at every second until it is there.
const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;
const json = { Accept: "application/json" };

async function make(where, said) {
  let state = await (await fetch(where.dataset.make, { method: "POST", headers: { ...json, "X-CSRFToken": token() } })).json();
  while (state.state === "waiting" || state.state === "running") {
    said(state);
    await new Promise((done) => setTimeout(done, 1000));
    state = await (await fetch(where.dataset.made, { headers: json })).json();
  }
  said(state);
  return state;
}

function words(state) {
  if (state.state === "done") return "";
  if (state.state === "none") return "It was made, and has gone since: ask again.";
  if (state.state === "failed" || state.error) return state.said || state.detail || state.error;
  const share = state.progress ? ` ${Math.round(100 * state.progress)} %` : "";
  return (state.state === "waiting" ? "Waiting for another to be done" : "Being made") + share + " …";
}

/** A page that was made, in place of the form that asked for it. */
function showPage(maker) {
  const frame = document.createElement("iframe");
  frame.loading = "lazy"; frame.src = maker.dataset.made; frame.title = "What the model looked at";
  maker.querySelector("form").replaceWith(frame);
}

for (const maker of document.querySelectorAll(".maker")) {
  if ("there" in maker.dataset) { showPage(maker); continue; }
  maker.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = maker.querySelector("button"), status = maker.querySelector("[role=status]");
    button.disabled = true;
    try {
      const state = await make(maker, (now) => { status.textContent = words(now); });
      if (state.state === "done" && maker.dataset.show === "frame") showPage(maker);
      else if (state.state === "done") { status.textContent = "Done."; window.location.href = maker.dataset.made; }
    } catch { status.textContent = "The desk did not answer. Try again."; }
    button.disabled = false;
  });
}

const frames = $("frames");
if (frames) {
  new IntersectionObserver(async (seen, observer) => {
    if (!seen.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    const status = frames.querySelector("[role=status]");
    try {
      const state = await make(frames, (now) => { status.textContent = words(now); });
      for (const picture of state.frames || []) {
        const button = document.createElement("button"), image = document.createElement("img"), at = document.createElement("span");
        button.className = "face seek"; button.dataset.at = picture.at;
        image.src = picture.url; image.alt = `Frame at ${picture.at.toFixed(1)} s`; at.textContent = clock(picture.at);
        button.append(image, at); frames.querySelector(".frames").append(button);
      }
    } catch { status.textContent = "The frames could not be read."; }
  }).observe(frames);
}
