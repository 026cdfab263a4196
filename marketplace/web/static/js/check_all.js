/* form[data-check-all]: one box ticks every row without a doubt; the button says how many are ticked. */
for (const form of document.querySelectorAll("form[data-check-all]")) {
  const every = form.querySelector("[data-check-every]");
  const count = form.querySelector("[data-check-count]");
  const boxes = () => [...form.querySelectorAll("input[name=chosen]")];
  const tell = () => {
    const ticked = boxes().filter((box) => box.checked).length;
    if (count) count.textContent = ticked ? ` ${ticked} 条` : "";
  };
  every?.addEventListener("change", () => {
    for (const box of boxes()) if (box.hasAttribute("data-check-plain")) box.checked = every.checked;
    tell();
  });
  form.addEventListener("change", tell);
  tell();
}
