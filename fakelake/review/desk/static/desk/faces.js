// Which faces stand where at a moment, each with its own score: the same rules as the overlay that the lake exports.
"use strict";

/** Last place in a sorted list whose value is not above x; -1 before the first. */
function lastNotAbove(list, x) {
  let low = 0, high = list.length;
  while (low < high) { const mid = (low + high) >> 1; if (list[mid] <= x) low = mid + 1; else high = mid; }
  return low - 1;
}

/** What a face's windows say of a moment: the window that holds it, else the nearest one, with its time if far off. */
function saidAt(windows, at, near) {
  let best = null, least = Infinity;
  for (const w of windows) {
    const away = Math.max(w[0] - at, at - w[1], 0);
    if (away <= least) { best = w; least = away; }  // of two that hold it, the later
  }
  return best && { p: best[2], band: best[3], elsewhere: least > near ? best[0] : null };
}

/** Faces of the picture shown at `at` seconds from the first picture: [{id, box, seen, said}]. A face's box stands until
 *  its next row, at most `hold` seconds: the recipe may look at every n-th picture only. */
function facesAt(data, at) {
  const found = [], eps = 0.0005;
  for (const track of data.tracks) {
    const i = lastNotAbove(track.t, at + eps);
    if (i < 0 || at - track.t[i] > hold(data, track)) continue;
    found.push({ id: track.id, box: track.box.slice(4 * i, 4 * i + 4), seen: !!track.seen[i] && at - track.t[i] < 1 / (data.fps || 25),
      said: saidAt(track.windows, at, data.near_s) });
  }
  return found;
}

function hold(data, track) {
  if (track.hold === undefined) {
    const gaps = track.t.slice(1).map((t, i) => t - track.t[i]).sort((a, b) => a - b);
    track.hold = Math.max(gaps.length ? gaps[gaps.length >> 1] : 0, 1 / (data.fps || 25)) * 1.5;
  }
  return track.hold;
}

/** A probability for people: never 0 % or 100 %. */
function percent(p) {
  if (p < 0.001) return "under 0.1 %";
  if (p > 0.999) return "over 99.9 %";
  return (100 * p).toFixed(p < 0.1 || p > 0.9 ? 1 : 0) + " %";
}

const COLOURS = { fake: "#ff5a4d", suspicious: "#ffc04d", authentic: "#6db3ff", other: "#c8ccd2" };
const WORDS = { fake: "fake", suspicious: "suspicious", authentic: "authentic" };

/** Draw faces into a canvas that lies over a picture area of left, top, width, height (CSS px). */
function drawFaces(canvas, data, faces, area) {
  const ratio = window.devicePixelRatio || 1, context = canvas.getContext("2d");
  const width = Math.round(area.width * ratio), height = Math.round(area.height * ratio);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  canvas.style.left = area.left + "px"; canvas.style.top = area.top + "px";
  canvas.style.width = area.width + "px"; canvas.style.height = area.height + "px";
  context.clearRect(0, 0, width, height);
  const sx = width / data.width, sy = height / data.height, thick = Math.max(2, Math.round(width / 320));
  context.font = `600 ${Math.max(12 * ratio, Math.min(18 * ratio, width / 40))}px system-ui, sans-serif`;
  context.textBaseline = "top";
  for (const face of faces) {
    const [x1, y1, x2, y2] = [face.box[0] * sx, face.box[1] * sy, face.box[2] * sx, face.box[3] * sy];
    const colour = COLOURS[face.said && !data.by_marks ? face.said.band : "other"] || COLOURS.other;
    context.lineWidth = thick; context.strokeStyle = colour; context.setLineDash(face.seen ? [] : [4 * thick, 3 * thick]);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    const text = faceText(face, data.by_marks), size = context.measureText(text), tall = parseFloat(context.font.slice(4)) * 1.4;
    const left = Math.min(Math.max(0, x1 - thick / 2), Math.max(0, width - size.width - 12)), top = y1 - tall >= 0 ? y1 - tall : Math.min(y2, height - tall);
    context.fillStyle = colour; context.fillRect(left, top, size.width + 10, tall);
    context.fillStyle = "#10151b"; context.fillText(text, left + 5, top + tall * 0.15);
  }
}

/** byMarks: the video is called what its marks say, so that a face's own band would contradict it. */
function faceText(face, byMarks) {
  if (!face.said) return `face ${face.id}: not scored`;
  const there = face.said.elsewhere === null ? "" : ` (at ${face.said.elsewhere.toFixed(1)} s)`;
  return `${byMarks ? "detector:" : WORDS[face.said.band] || face.said.band} ${percent(face.said.p)}${there}`;
}
