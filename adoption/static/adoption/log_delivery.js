// A use case that the person chose is never replaced by the one that a pasted link proposes.
document.addEventListener("change", (event) => {
  if (event.target.name !== "use_case") return;
  const flag = document.querySelector("[data-by-hand]");
  if (flag) flag.value = "1";
});
