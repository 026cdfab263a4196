/* The report form: the picked product tells the usual unit, the county's reference price and the last day
   that is meant when none is typed. The day itself stays empty: it follows the product until it is sent. */
(() => {
  const form = document.querySelector("form[enctype]");
  if (!form || !form.elements.price_unit) return;
  const { price_unit: unit, available_from: from } = form.elements;
  const line = form.querySelector("[data-reference-line]");
  const hint = document.getElementById("available_until-hint");
  const unpicked = hint.textContent;
  const picked = () => form.querySelector("input[name=product]:checked");
  const tell = () => {
    if (!picked()) return;
    const { unit: word, reference } = picked().dataset;
    unit.options[0].textContent = `每${word}`;
    line.textContent = `县里参考价 ${reference}`;
    line.hidden = false;
  };
  const tellLastDay = () => {
    const day = new Date(`${from.value}T00:00:00Z`);
    if (!picked() || Number.isNaN(day.getTime())) {
      hint.textContent = unpicked;
      return;
    }
    const { shelf } = picked().dataset;
    day.setUTCDate(day.getUTCDate() + Number(shelf));
    hint.textContent = `不填就按保鲜 ${shelf} 天算，到 ${day.getUTCMonth() + 1}月${day.getUTCDate()}日`;
  };
  form.addEventListener("change", (event) => {
    if (event.target.name === "product") { unit.value = ""; tell(); tellLastDay(); }
    if (event.target.name === "available_from") tellLastDay();
  });
  tell();
  tellLastDay();
})();
