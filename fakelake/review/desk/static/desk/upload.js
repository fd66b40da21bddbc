// Sends chosen files one a request with their progress. Without this script the form works as a plain page.
"use strict";
(() => {
  const AT_ONCE = 2;
  const said = document.getElementById("upload-said");
  const tell = (text) => { said.textContent = text; };
  const form = document.getElementById("upload-form");
  if (!form) return;
  const input = document.getElementById("files"), drop = document.getElementById("drop");
  const sending = document.getElementById("sending"), send = document.getElementById("send");
  const limit = Number(form.dataset.limit), token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  let chosen = [], running = 0;

  form.classList.add("live");
  input.required = false;
  form.querySelector(".drop-words").hidden = false;

  const size = (bytes) => {
    const units = ["bytes", "kB", "MB", "GB"];
    const n = Math.min(3, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
    return `${n ? (bytes / 1000 ** n).toFixed(1) : bytes} ${units[n]}`;
  };
  const part = (name, properties) => Object.assign(document.createElement(name), properties);

  const refreshButton = () => {
    const ready = chosen.filter((one) => one.state === "chosen").length;
    send.disabled = ready === 0;
    send.textContent = ready ? `Upload ${ready} ${ready === 1 ? "video" : "videos"}` : "Upload";
  };

  const preview = (file) => {
    const empty = part("span", { className: "no-picture" });
    if (!file.type.startsWith("video/")) return empty;
    const video = part("video", { muted: true, preload: "metadata", playsInline: true, src: URL.createObjectURL(file) });
    video.setAttribute("aria-hidden", "true");
    video.addEventListener("loadedmetadata", () => { video.currentTime = Math.min(1, video.duration / 2 || 0); });
    video.addEventListener("error", () => video.replaceWith(empty)); // of a codec that this browser has not
    return video;
  };

  const forget = (one) => {
    const video = one.item.querySelector("video");
    if (video) URL.revokeObjectURL(video.src);
    if (one.request) one.request.abort();
    const beside = one.item.nextElementSibling || one.item.previousElementSibling;
    const held = one.item.contains(document.activeElement);
    one.item.remove();
    chosen = chosen.filter((other) => other !== one);
    if (held) (beside ? beside.querySelector("button") : input).focus();
    refreshButton();
  };

  const say = (one, text, bad) => {
    one.words.textContent = text;
    one.words.className = bad ? "error" : "soft";
  };

  const refuse = (one, text) => {
    one.state = "refused";
    one.progress.hidden = true;
    say(one, text, true);
    tell(text);
  };

  const choose = (files) => {
    for (const file of files) {
      const same = (one) => one.file.name === file.name && one.file.size === file.size && one.file.lastModified === file.lastModified;
      if (chosen.some(same)) continue;
      const item = part("li", { className: "sending" });
      const remove = part("button", { type: "button", className: "plain", textContent: "Remove" });
      remove.setAttribute("aria-label", `Remove ${file.name}`);
      const progress = part("progress", { max: 1, value: 0, hidden: true });
      progress.setAttribute("aria-label", `Sent of ${file.name}`);
      const words = part("p", { className: "soft", textContent: size(file.size) });
      const below = part("p", {});
      below.append(progress, words);
      item.append(preview(file), part("span", { className: "upload-name", textContent: file.name }), remove, below);
      const one = { file, item, progress, words, remove, state: "chosen" };
      remove.addEventListener("click", () => forget(one));
      chosen.push(one);
      sending.append(item);
      if (file.size > limit) refuse(one, `${file.name} has ${size(file.size)}; the desk takes at most ${form.dataset.limitWords} a file.`);
      else if (file.size === 0) refuse(one, `${file.name} has no bytes. Copy it again from where it came from.`);
    }
    refreshButton();
  };

  const finish = (one, request) => {
    let told = null;
    try { told = JSON.parse(request.responseText); } catch { /* a page: of the log-in, or of a proxy */ }
    if (request.status === 0) return refuse(one, `${one.file.name} did not arrive: the connection broke. Remove it, then choose it again.`);
    if (!told) return refuse(one, `${one.file.name} was not taken (${request.status}). Reload the page: you may have been logged out.`);
    if (told.error || (told.refused || []).length) {
      const why = (told.refused || [])[0] || { said: `${told.error} ${told.detail || ""}`, todo: told.todo || "" };
      return refuse(one, `${why.said} ${why.todo}`);
    }
    const taken = told.accepted[0];
    if (!taken.known) { forget(Object.assign(one, { request: null })); tell(`${taken.name} has arrived.`); return document.dispatchEvent(new Event("uploaded")); }
    one.state = "known";
    one.progress.hidden = true;
    say(one, "The very same bytes are here already. ");
    if (taken.url) one.words.append(part("a", { href: taken.url, textContent: "See the video" }));
    tell(`${taken.name} is here already.`);
  };

  const start = () => {
    while (running < AT_ONCE) {
      const one = chosen.find((other) => other.state === "waiting");
      if (!one) return;
      running += 1;
      one.state = "sending";
      one.progress.hidden = false;
      one.remove.textContent = "Stop";
      const request = one.request = new XMLHttpRequest(), body = new FormData();
      body.append("files", one.file);
      request.open("POST", form.dataset.url);
      request.setRequestHeader("X-CSRFToken", token);
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => {
        one.progress.value = event.loaded / event.total;
        say(one, event.loaded < event.total ? `${size(event.loaded)} of ${size(event.total)}` : "Arrived; the desk looks at what it is …");
      });
      request.addEventListener("loadend", () => {
        running -= 1;
        if (one.item.isConnected) {
          one.remove.textContent = "Remove";
          finish(one, request);
        }
        one.request = null;
        refreshButton();
        start();
      });
      request.send(body);
    }
  };

  input.addEventListener("change", () => { choose(input.files); input.value = ""; });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const one of chosen) if (one.state === "chosen") { one.state = "waiting"; say(one, "Waits for its turn"); }
    refreshButton();
    start();
  });
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.remove("over"); });
  drop.addEventListener("drop", (event) => choose(event.dataTransfer.files));
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault()); // beside the field the browser would leave the page
  window.addEventListener("beforeunload", (event) => { if (running) event.preventDefault(); });
  refreshButton();
})();
