/* The editor of a listing: price bar, capacity and consent follow the typing. The server counts again when it saves;
   what this reading does not understand is left to the server ("重新算一算"). */
(() => {
  const box = document.querySelector("[data-preview]");
  if (!box) return;
  const form = box.closest("form");
  const units = { 斤: 500, 市斤: 500, 公斤: 1000, 千克: 1000, kg: 1000, 吨: 1000000, 两: 50, 克: 1, g: 1 };
  const counted = box.dataset.unit === "piece";

  /* Base units of "480斤", "480", "1.5万只"; NaN when unclear. */
  const base = (text) => {
    const parts = text.replace(/[\s,，]/g, "").match(/^(\d+(?:\.\d+)?)(万)?(\D*)$/);
    if (!parts) return NaN;
    const number = Number(parts[1]) * (parts[2] ? 10000 : 1);
    if (counted) return units[parts[3]] ? NaN : number;
    return parts[3] === "" ? number * 500 : number * (units[parts[3].toLowerCase()] ?? NaN);
  };
  /* Grams of "3.9" or "3.9斤". */
  const grams = (name) => {
    const parts = (form.elements[name]?.value ?? "").replace(/\s/g, "").match(/^(\d+(?:\.\d+)?)(\D*)$/);
    return parts ? Number(parts[1]) * (parts[2] === "" ? 500 : units[parts[2].toLowerCase()] ?? NaN) : NaN;
  };
  const weighed = () => form.elements.pack_kind?.value === "by_weight";
  /* What is typed is for a pack, or by weight for a 斤: then it is worth so many grams. */
  const fen = (name, worth = grams("heaviest")) => {
    const input = form.elements[name];
    const typed = input ? input.value.replace(/[元¥￥,，\s]/g, "") || "0" : "";
    if (!/^\d+(\.\d{1,2})?$/.test(typed)) return NaN;
    return Math.round((Number(typed) * 100 * (weighed() ? worth : 500)) / 500);
  };
  const yuan = (value) => (value / 100).toFixed(2).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const show = (name, text) => { const el = box.querySelector(`[data-${name}]`); if (el) el.textContent = text; };

  const price = () => {
    const parts = ["farmgate", "service", "freight"].map((name) => fen(name));
    const readable = parts.every(Number.isFinite) && parts[0] > 0;
    box.querySelector("[data-price-parts]")?.toggleAttribute("hidden", !readable);
    if (!readable) return show("price", "多少");
    const total = parts[0] + parts[1] + parts[2];
    show("price", yuan(total));
    const bars = box.querySelectorAll(".price-bar rect");
    bars[1]?.setAttribute("width", `${((parts[0] + parts[1]) * 100) / Math.max(total, 1)}%`);
    bars[2]?.setAttribute("width", `${(parts[0] * 100) / Math.max(total, 1)}%`);
    const words = box.querySelectorAll(".price-legend li");
    if (words.length === 3) {
      words[0].querySelector("b").textContent = yuan(parts[0]);
      words[1].lastChild.textContent = ` ${yuan(parts[1])}`;
      words[2].lastChild.textContent = ` ${yuan(parts[2])}`;
    }
  };

  const typedPack = () => {
    if (!form.elements.pack) return Number(box.dataset.pack);
    return weighed() && !counted ? grams("heaviest") : base(form.elements.pack.value);
  };

  /* What the county's reference price makes of the pack as typed: the price itself stays a person's word. */
  const reference = () => {
    const line = form.querySelector("[data-reference]");
    const fen = Math.ceil((Number(line?.dataset.fen) * typedPack()) / Number(line?.dataset.per));
    if (line) line.textContent = fen > 0 ? `照县参考价，这样一份给农户 ${yuan(fen)} 元。` : "";
  };

  /* As the server names a pack nobody named. */
  const usualName = () => {
    const pack = typedPack();
    if (!(pack > 0)) return "";
    const figure = (counted ? pack : pack / 500).toLocaleString("en-US", { maximumFractionDigits: 3 });
    return `${figure} ${counted ? box.dataset.piece : "斤"}装`;
  };

  const tooSmall = () => {
    const line = form.querySelector("[data-too-small]");
    const free = [...form.querySelectorAll("[data-lot]")].map((row) => Number(row.dataset.free));
    const small = free.filter((amount) => amount < typedPack()).length;
    const which = small === free.length ? "每批" : `${free.length} 批里 ${small} 批`;
    const pack = usualName().replace(/装$/, "");
    if (line) line.textContent = small * 2 > free.length ? `${which}都不够一份 ${pack}，请改小一份的量。` : "";
  };

  const lots = () => {
    const pack = typedPack();
    const middle = (grams("lightest") + grams("heaviest")) / 2;
    const farmgate = form.elements.farmgate ? fen("farmgate", middle) : NaN;
    let packs = 0;
    for (const row of form.querySelectorAll("[data-lot]")) {
      const typed = row.querySelector("[data-amount]").value.trim();
      const amount = typed === "" ? Number(row.dataset.free) : base(typed);
      if (row.querySelector("input[type=checkbox]").checked) packs += Math.floor(amount / pack);
      if (!(pack > 0) || !Number.isFinite(farmgate)) continue;
      const more = Math.ceil((Number(row.dataset.asked) * pack) / Number(row.dataset.per)) - farmgate;
      const consent = row.querySelector("[data-consent]");
      consent.hidden = more <= 0 && !("late" in consent.dataset) && !consent.querySelector("input").value;
      consent.querySelector("[data-asks-more]").hidden = more <= 0;
      row.querySelector("[data-more]").textContent = yuan(Math.max(0, more));
    }
    show("capacity", Number.isFinite(packs) ? packs.toLocaleString("en-US") : "多少");
  };

  const all = () => {
    if (form.elements.farmgate) {
      form.querySelector("[data-band]").hidden = !weighed();
      box.querySelector("[data-heaviest]")?.toggleAttribute("hidden", !weighed());
      price();
      reference();
      show("title", form.elements.title.value);
      show("pack-name", form.elements.pack_name.value || usualName());
      tooSmall();
    }
    lots();
  };
  form.addEventListener("input", all);
  form.addEventListener("change", all);
  const band = form.querySelector("[data-band]");
  if (band && !band.querySelector(".has-error")) band.hidden = !weighed();
})();
