/* data-tick-all="name": ticks every box of the form whose name begins so, or clears them when all are ticked. */
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-tick-all]");
  if (!button) return;
  const boxes = [...button.closest("form").querySelectorAll(`input[type=checkbox][name^="${button.dataset.tickAll}"]`)];
  const all = boxes.every((box) => box.checked);
  for (const box of boxes) {
    box.checked = !all;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }
});
