/* The report form: the picked product tells the usual unit, the county's reference price and the last day. */
(() => {
  const form = document.querySelector("form[enctype]");
  if (!form || !form.elements.price_unit) return;
  const { price_unit: unit, available_from: from, available_until: until } = form.elements;
  const line = form.querySelector("[data-reference-line]");
  let written = until.value;
  const choose = () => {
    const picked = form.querySelector("input[name=product]:checked");
    if (!picked) return;
    const { unit: word, shelf, reference } = picked.dataset;
    unit.options[0].textContent = `每${word}`;
    line.textContent = `县里参考价 ${reference}`;
    line.hidden = false;
    if (until.value && until.value !== written) return;
    const day = new Date(`${from.value}T00:00:00Z`);
    if (Number.isNaN(day.getTime())) return;
    day.setUTCDate(day.getUTCDate() + Number(shelf));
    written = until.value = day.toISOString().slice(0, 10);
  };
  form.addEventListener("change", (event) => {
    if (event.target.name === "product") { unit.value = ""; choose(); }
    if (event.target.name === "available_from") choose();
  });
  if (!until.value) choose();
})();
