// Ctrl+Enter runs; while a question runs, the page says so. All of it works without this file too.
(() => {
  const form = document.getElementById("ask"), text = document.getElementById("q"), running = document.getElementById("running");
  text.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") { event.preventDefault(); form.requestSubmit(document.getElementById("run")); }
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.value === "csv") return; // a download leaves this page as it is
    running.textContent = "Running …";
    document.getElementById("run").disabled = true;
  });
  window.addEventListener("pageshow", () => { running.textContent = ""; document.getElementById("run").disabled = false; });
  const answer = document.getElementById("answer-h") || document.querySelector("[role=alert]");
  if (answer) answer.scrollIntoView({ block: "nearest" });
})();
