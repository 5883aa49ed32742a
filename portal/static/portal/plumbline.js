// What htmx leaves unsaid: a request that failed must not look like one that found nothing.
(() => {
  const say = (text) => {
    const box = document.getElementById("request-status");
    if (box) box.textContent = text;
  };
  document.addEventListener("htmx:responseError", (event) => {
    say(`The page could not be updated (error ${event.detail.xhr.status}). Reload it to try again.`);
  });
  document.addEventListener("htmx:sendError", () => {
    say("The portal cannot be reached. What you see may be out of date.");
  });
  document.addEventListener("htmx:afterSwap", () => say(""));
  document.addEventListener("keydown", (event) => {
    // Escape closes an opened menu and gives the focus back to its button.
    if (event.key !== "Escape") return;
    const open = document.querySelector("[popover]:popover-open");
    if (open) document.querySelector(`[popovertarget="${open.id}"]`)?.focus();
  });
})();
(() => {
  // Addresses stay short: a filter that is empty is no filter.
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, parameters } = event.detail;
    if (!elt.classList.contains("filters")) return;
    for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
  });
  // The list is replaced as a whole; the form outside it keeps its sort, and a count is read out.
  document.addEventListener("htmx:afterSwap", () => {
    const results = document.getElementById("results");
    if (!results) return;
    const said = document.getElementById("results-said");
    if (said) said.textContent = results.dataset.said || "";
    const sort = document.getElementById("filter-sort");
    if (sort && results.dataset.sort) sort.value = results.dataset.sort;
  });
})();
