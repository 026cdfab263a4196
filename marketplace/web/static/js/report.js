/* The report form: the picked product tells the usual unit, the county's reference price and the last day. */
(() => {
  const form = document.querySelector("form[enctype]");
  if (!form || !form.elements.price_unit) return;
  const { price_unit: unit, available_from: from, available_until: until } = form.elements;
  const line = form.querySelector("[data-reference-line]");
  let written = ""; // what this script wrote: what a person typed stays
  const picked = () => form.querySelector("input[name=product]:checked");
  const tell = () => {
    if (!picked()) return;
    const { unit: word, reference } = picked().dataset;
    unit.options[0].textContent = `每${word}`;
    line.textContent = `县里参考价 ${reference}`;
    line.hidden = false;
  };
  const fillLastDay = () => {
    if (!picked() || (until.value && until.value !== written)) return;
    const { shelf } = picked().dataset;
    const day = new Date(`${from.value}T00:00:00Z`);
    if (Number.isNaN(day.getTime())) return;
    day.setUTCDate(day.getUTCDate() + Number(shelf));
    written = until.value = day.toISOString().slice(0, 10);
  };
  form.addEventListener("change", (event) => {
    if (event.target.name === "product") { unit.value = ""; tell(); fillLastDay(); }
    if (event.target.name === "available_from") fillLastDay();
  });
  tell();
  if (!until.value) fillLastDay();
})();
