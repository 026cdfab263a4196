// Less than was sent: the reasons unfold. Without script the line is tapped.
document.addEventListener("input", (event) => {
  const box = event.target.closest("[data-sent]");
  if (!box || !event.target.name.endsWith("-got")) return;
  const less = event.target.value.trim() !== "" && Number(event.target.value) < Number(box.dataset.sent);
  const reasons = box.querySelector("details");
  if (less && reasons) reasons.open = true;
});
