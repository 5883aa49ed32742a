// Keys of the suggestions inbox. They act only while the focus is inside it, so they never take a
// letter from anybody who types, reads or uses a screen reader elsewhere on the page.
(() => {
  const inbox = document.querySelector("[data-inbox]");
  if (!inbox) return;
  const offers = () => [...inbox.querySelectorAll("[data-offer]")];
  const current = () => document.activeElement?.closest("[data-offer]") || offers()[0];
  inbox.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.matches("select, textarea, input:not([type=checkbox])")) return;
    const key = event.key.toLowerCase();
    if (/^[1-9]$/.test(key)) {
      const wanted = inbox.querySelector(`[data-offer="${key}"]`);
      if (!wanted) return;
      event.preventDefault();
      wanted.focus();
      return;
    }
    const target = current()?.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.tagName === "SELECT") target.focus();
    else if (!event.repeat) target.click();
  });
  // A second click while the first is on its way would only be answered with the same delivery.
  inbox.addEventListener("submit", (event) => {
    if (inbox.dataset.busy) event.preventDefault();
    inbox.dataset.busy = "yes";
  });
  window.addEventListener("pageshow", () => delete inbox.dataset.busy);
  // After an answer, and from a link that leads here: go on with the first one.
  const start = () => {
    if (location.hash === "#inbox") offers()[0]?.focus();
  };
  window.addEventListener("hashchange", start);
  start();
})();
