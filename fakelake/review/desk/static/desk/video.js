// The player: the film, faces over the picture in time with it, the strip, keys. After faces.js and making.js.
"use strict";

const film = $("film"), stage = $("stage"), strip = $("strip");
let data = null, shownAt = 0, stands = false, astray = false;

let offset = stage ? Number(stage.dataset.offset) || 0 : 0;

/** The picture's place inside the element, which may be letterboxed. */
function area() {
  const box = film.getBoundingClientRect(), outer = stage.getBoundingClientRect();
  const wide = film.videoWidth || data.width, high = film.videoHeight || data.height;
  const scale = Math.min(box.width / wide, box.height / high), width = wide * scale, height = high * scale;
  return { left: box.left - outer.left + (box.width - width) / 2, top: box.top - outer.top + (box.height - height) / 2, width, height };
}

/** at: seconds from the first picture, of the picture that is on the screen. */
function draw(at) {
  shownAt = at;
  if (!data || !film.videoWidth) return;
  const faces = $("show-faces").checked ? facesAt(data, at) : [];
  drawFaces($("faces"), data, faces, area());
  $("faces").dataset.at = at.toFixed(4);
  $("faces").dataset.faces = JSON.stringify(faces.map((f) => ({ id: f.id, box: f.box, text: faceText(f, data.by_marks) })));
  $("faces-now").textContent = faces.map((f) => faceText(f, data.by_marks)).join("; ");
  const notLooked = data.until_s !== null && at > data.until_s + 1 / (data.fps || 25);
  $("film-said").textContent = notLooked ? `Not looked at beyond ${data.until_s.toFixed(1)} s.` : data.cut ? "Only the first faces are drawn: the video has too many." : "";
  if (strip) {
    const duration = Number(strip.dataset.duration), x = Math.min(1000, Math.max(0, (at / duration) * 1000));
    $("cursor").setAttribute("d", `M${x.toFixed(1)} 0 v120`);
    strip.setAttribute("aria-valuenow", at.toFixed(1)); strip.setAttribute("aria-valuetext", `${at.toFixed(1)} seconds`);
  }
}

/** By the film's clock; before the first picture that one is shown. */
function clockTime() { return Math.max(film.currentTime, offset); }

/** When the picture on the screen begins. WebKitGTK's mediaTime knows nothing of a film's edit list: it is held against
 *  what can be known, the first picture's time and where a film was sent while it stood, and is not believed if astray. */
function pictureTime(mediaTime) {
  const frame = 1 / ((data && data.fps) || 25), now = film.currentTime;
  if (now === 0) astray = Math.abs(mediaTime - offset) > frame / 2;
  else if (stands && !film.seeking && now > offset + 0.2) astray = mediaTime > now + 0.004 || mediaTime < now - 2 * frame - 0.05;
  return astray ? clockTime() : mediaTime;
}

function seek(at) { if (film) film.currentTime = Math.max(0, at + offset) + 0.0005; }

if (film) {
  fetch(stage.dataset.boxes, { headers: { Accept: "application/json" } }).then((r) => r.ok ? r.json() : Promise.reject(r)).then((got) => { data = got; draw(clockTime() - offset); })
    .catch(() => { $("film-said").textContent = "The faces could not be read. Reload the page."; });
  // mediaTime is that of the very picture on the screen; currentTime runs on between two pictures.
  if ("requestVideoFrameCallback" in HTMLVideoElement.prototype) {
    const onFrame = (_, frame) => { draw(pictureTime(frame.mediaTime) - offset); film.requestVideoFrameCallback(onFrame); };
    film.requestVideoFrameCallback(onFrame);
    film.addEventListener("seeking", () => { stands = film.paused; });
    film.addEventListener("play", () => { stands = false; });
  } else {
    for (const event of ["timeupdate", "seeked", "loadeddata"]) film.addEventListener(event, () => draw(clockTime() - offset));
  }
  new ResizeObserver(() => draw(shownAt)).observe(film);
  document.addEventListener("fullscreenchange", () => draw(shownAt));
  $("show-faces").addEventListener("change", () => draw(shownAt));
  $("full").addEventListener("click", fullScreen);
  $("back-frame").addEventListener("click", () => step(-1));
  $("on-frame").addEventListener("click", () => step(1));
  if ($("to-worst")) $("to-worst").addEventListener("click", () => seek(Number(stage.dataset.worst)));
}

function fullScreen() { if (document.fullscreenElement) document.exitFullscreen(); else stage.requestFullscreen(); }
/** When the picture on the screen began, by the faces' own times: after a seek Firefox tells where it was sent, and not
 *  that. Without a face, half a picture before what it tells is the picture before in any browser. */
function began(frame) {
  const times = data ? data.tracks.map((track) => track.t[lastNotAbove(track.t, shownAt + 0.0005)] ?? -1) : [];
  const latest = Math.max(-1, ...times);
  return shownAt - latest < 0.9 * frame ? latest : shownAt - frame / 2;
}

/** One picture on or back, however long pictures last. */
function step(by) {
  film.pause();
  const frame = 1 / ((data && data.fps) || 25);
  if (by < 0) seek(began(frame) - 0.002);
  else seek(Math.max(shownAt, film.currentTime - offset) + frame);
}

document.addEventListener("click", (event) => {
  const to = event.target.closest(".seek");
  if (to) { seek(Number(to.dataset.at)); if (stage) stage.scrollIntoView({ block: "nearest", behavior: "smooth" }); }
});

if (strip) {
  const go = (event) => { const box = strip.getBoundingClientRect(); seek((event.clientX - box.left) / box.width * Number(strip.dataset.duration)); };
  strip.addEventListener("pointerdown", (event) => { strip.setPointerCapture(event.pointerId); go(event); });
  strip.addEventListener("pointermove", (event) => { if (event.buttons) go(event); });
  strip.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
    const to = { Home: 0, End: Number(strip.dataset.duration) }[event.key];
    if (by || to !== undefined) { seek(by ? shownAt + by : to); event.preventDefault(); event.stopPropagation(); }
  });
}

// The film: its bytes are looked at first, and what browsers cannot play gets a copy that they can.
const filmSays = (text) => { $("film-said").textContent = text; };

async function filmReady() {
  for (;;) {
    const answer = await fetch(stage.dataset.film, { headers: json }), state = await answer.json();
    if (state.state === "ready") { offset = state.offset_s || 0; film.src = state.url; filmSays(""); return; }
    if (!answer.ok || state.state === "failed") { filmSays([state.error, state.detail || state.said, state.todo].filter(Boolean).join(" ")); return; }
    filmSays("The video is made ready for this browser. " + words(state));
    await new Promise((done) => setTimeout(done, 700));
  }
}

let asked = false; // for a copy, once
async function copyNeeded() {
  if (asked) { filmSays("This browser cannot play the video."); return; }
  asked = true;
  const where = { dataset: { make: stage.dataset.copy, made: stage.dataset.copy.replace("/make/", "/made/") } };
  const state = await make(where, (now) => filmSays(now.state === "failed" ? words(now) : "A copy that this browser can play is made. " + words(now)));
  if (state.state === "done") await filmReady();
}

if (film) {
  const away = () => filmSays("The desk did not answer. Reload the page.");
  film.addEventListener("error", () => copyNeeded().catch(away));
  if (film.error) copyNeeded().catch(away);
  else if (!film.hasAttribute("src")) filmReady().catch(away);
}

// Keys: not while somebody types, nor with a modifier, which are the browser's.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && !"ArrowLeft ArrowRight , .".includes(event.key)) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select")) { if (event.key === "Escape") event.target.blur(); return; }
  const press = (selector) => { const button = document.querySelector(selector); if (button) button.click(); };
  const does = {
    f: () => press("#decide-form [value=fake]"), a: () => press("#decide-form [value=real]"), u: () => press("#decide-form [value=unsure]"),
    n: () => press("#next"), z: () => press("#undo-form button, .messages .undo button"), g: () => press("#to-worst"), b: () => press("#show-faces"),
    ",": () => film && step(-1), ".": () => film && step(1),
    ArrowLeft: () => seek(shownAt - 1), ArrowRight: () => seek(shownAt + 1),
    " ": () => film && event.target === document.body && (film.paused ? film.play() : film.pause()),
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (does) { if (event.key === " " && event.target !== document.body) return; event.preventDefault(); does(); }
});
