// Less than was sent: the reasons unfold, and a weight that nobody has changed falls in proportion.
// Without script the line is tapped, and the weight typed.
document.addEventListener("input", (event) => {
  const box = event.target.closest("[data-sent]");
  if (!box) return;
  const weight = box.querySelector("[name$=-weight]");
  if (event.target === weight) weight.dataset.typed = "yes";
  if (!event.target.name.endsWith("-got") || event.target.value.trim() === "") return;
  const sent = Number(box.dataset.sent);
  const got = Number(event.target.value);
  const reasons = box.querySelector("details");
  if (got < sent && reasons) reasons.open = true;
  if (!weight || weight.dataset.typed || !(got >= 0 && got <= sent)) return;
  weight.value = String(Math.floor((weight.defaultValue * 500 * got) / sent + 1e-6) / 500);
});
