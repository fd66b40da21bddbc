// Keeps the list of uploads as the server has it. Without this script it is a plain list.
"use strict";
(() => {
  const FAST_MS = 2000, SLOW_MS = 30000; // fast: while something on the list goes on by itself
  const said = document.getElementById("upload-said");
  const tell = (text) => { said.textContent = text; };

  const list = document.getElementById("uploads"), none = document.getElementById("no-uploads");
  const shown = new Map(); // id -> what its item showed last; only items that say something else are replaced
  const content = (u) => JSON.stringify([u.state, u.words, u.todo, u.band, u.p_fake, u.url, u.deleted, u.name]);
  const latest = list.dataset.page === "1"; // of another page only what is on it is asked for: nothing slides in
  let asking = false, again = false, timer = 0, moving = list.querySelector('[data-moving="true"]') !== null;

  const itemOf = (upload) => {
    const made = document.createElement("template");
    made.innerHTML = upload.html; // from our own template, which escapes
    return made.content.firstElementChild;
  };

  const show = (uploads) => {
    const there = new Map([...list.children].map((item) => [item.dataset.id, item]));
    let place = null;
    for (const upload of uploads) {
      let item = there.get(upload.id);
      there.delete(upload.id);
      const now = content(upload), before = shown.get(upload.id);
      const stale = !item || (before === undefined ? item.dataset.state !== upload.state : before !== now);
      const held = item && item.querySelector("details[open]"); // somebody is about to press a button in it
      if (stale && !held) {
        const fresh = itemOf(upload);
        if (item) item.replaceWith(fresh);
        if (!item || item.dataset.state !== upload.state) tell(`${upload.name}: ${upload.band || upload.state}`);
        item = fresh;
      }
      if (!(stale && held)) shown.set(upload.id, now);
      const next = place ? place.nextElementSibling : list.firstElementChild;
      if (next !== item) list.insertBefore(item, next);
      place = item;
    }
    for (const [id, item] of there) { item.remove(); shown.delete(id); }
    none.hidden = list.children.length > 0;
  };

  const address = () => {
    if (latest) return list.dataset.url;
    const ids = [...list.children].map((item) => ["id", item.dataset.id]);
    return `${list.dataset.url}?${new URLSearchParams([["page", list.dataset.page], ...ids])}`;
  };

  const look = async () => {
    if (document.hidden || !(latest || list.children.length)) return;
    again = asking; // what is on its way may be older than the reason to look
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    try {
      const answer = await fetch(address(), { headers: { Accept: "application/json" }, redirect: "error" });
      if (answer.ok) {
        const { uploads } = await answer.json();
        show(uploads);
        moving = uploads.some((upload) => upload.moving);
      }
    } catch { /* the next look may be answered */ }
    asking = false;
    if (again) look(); else later();
  };
  const later = () => { timer = setTimeout(look, moving ? FAST_MS : SLOW_MS); };
  later();
  document.addEventListener("visibilitychange", look); // hidden pages do not ask; shown again, they ask at once
  document.addEventListener("uploaded", look); // by upload.js
})();
