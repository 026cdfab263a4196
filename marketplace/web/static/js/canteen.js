/* The canteen's sheet: Enter and the arrows go down the column, the total follows, one box finds lines. */
(() => {
  const sheet = document.querySelector("[data-supply]");
  if (!sheet) return;
  const boxes = [...sheet.querySelectorAll("[data-packs]")];
  const yuan = (fen) => `${Math.floor(fen / 100).toLocaleString("en-US")}.${String(fen % 100).padStart(2, "0")}`;

  /* The same grammar as core/spoken_number.py, for whole numbers that a sheet can hold: 三百, 一百二, 2千, 1万5. */
  const MOST = 100000;
  const digits = "零一二三四五六七八九";
  const same = { 〇: "零", 两: "二", 兩: "二", 壹: "一", 贰: "二", 叁: "三", 肆: "四", 伍: "五", 陆: "六", 柒: "七", 捌: "八", 玖: "九", 拾: "十", 佰: "百", 仟: "千", 萬: "万" };
  const SECTION = /^零?(?:([1-9])千)?(?:零?([1-9])百)?(?:零?([1-9])?(十))?(零)?(\d+)?$/;
  const section = (text, above) => {
    const parts = SECTION.exec(text);
    if (!text || !parts || (text.endsWith("零") && text !== "零")) return NaN;
    const [, thousands, hundreds, tens, ten, zero, rest] = parts;
    const value = 1000 * (thousands || 0) + 100 * (hundreds || 0) + (ten ? 10 * (tens || 1) : 0);
    if (rest === undefined) return value;
    const smallest = ten ? 10 : hundreds ? 100 : thousands ? 1000 : above;
    if (!smallest) return value + Number(rest);
    if (Number(rest) >= smallest) return NaN;
    const short = rest.length === 1 && smallest > 10 && !zero && !text.startsWith("零");
    return value + Number(rest) * (short ? smallest / 10 : 1);
  };
  /* NaN for what is no number: it is counted neither as a kind nor as money, and the line says so. */
  const packsOf = (box) => {
    const typed = box.value.normalize("NFKC").trim().replace(/份$/, "").trim();
    if (!typed) return 0;
    const plain = /^\d{1,3}([ ,]\d{3})+$/.test(typed) ? typed.replace(/[ ,]/g, "") : typed;
    const text = [...plain].map((sign) => same[sign] ?? sign).join("");
    if (/[一二三四五六七八九]\d|\d[一二三四五六七八九]|[一二三四五六七八九]{2}/.test(text)) return NaN;
    const arabic = text.replace(/[一二三四五六七八九]/g, (sign) => digits.indexOf(sign));
    const pointed = /^(\d+\.\d+)([百千万]?)$/.exec(arabic);
    if (pointed) {
      const value = Math.round(pointed[1] * 1e6) * ({ 百: 100, 千: 1000, 万: 10000 }[pointed[2]] ?? 1) / 1e6;
      return Number.isInteger(value) && value <= MOST ? value : NaN;
    }
    const [head, tail, more] = arabic.split("万");
    if (more !== undefined) return NaN;
    const packs = tail === undefined ? section(head) : 10000 * section(head) + (tail ? section(tail, 10000) : 0);
    return packs <= MOST ? packs : NaN;
  };
  const count = () => {
    let total = 0;
    let kinds = 0;
    let unread = 0;
    let beyond = 0;
    let small = 0;
    for (const box of boxes) {
      const packs = packsOf(box);
      const amount = packs * Number(box.dataset.price);
      const cell = box.closest("tr").querySelector("[data-amount]");
      cell.textContent = Number.isNaN(packs) ? "看不懂" : amount ? yuan(amount) : "";
      const over = packs > Number(box.dataset.left);
      const low = !over && packs > 0 && packs < Number(box.dataset.least);
      cell.classList.toggle("line-trouble", Number.isNaN(packs) || over || low);
      const whole = sheet.querySelector(`[data-whole="${box.name.slice(6)}"]`);
      if (whole) whole.hidden = !packs && !whole.querySelector("input").checked;
      total += amount || 0;
      kinds += packs ? 1 : 0;
      unread += Number.isNaN(packs) ? 1 : 0;
      beyond += over ? 1 : 0;
      small += low ? 1 : 0;
    }
    const said = sheet.querySelector("[data-unread]");
    said.textContent = (unread ? `，有 ${unread} 行看不懂` : "") + (beyond ? `，有 ${beyond} 行超过还剩的` : "")
      + (small ? `，有 ${small} 行不到起订` : "");
    sheet.querySelector("[data-total]").textContent = yuan(total);
    sheet.querySelector("[data-kinds]").textContent = kinds;
  };
  sheet.addEventListener("input", count);
  addEventListener("pageshow", count);

  const steps = { Enter: 1, ArrowDown: 1, ArrowUp: -1 };
  sheet.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step || event.isComposing || !event.target.matches("[data-packs]")) return;
    event.preventDefault();
    const shown = boxes.filter((box) => !box.closest("tr").hidden);
    const next = shown[shown.indexOf(event.target) + step];
    if (next) {
      next.focus();
      next.select();
    }
  });

  const find = sheet.querySelector("[data-supply-find]");
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const line of sheet.querySelectorAll("[data-line]")) {
      const filled = line.querySelector("[data-packs]")?.value;
      line.hidden = !filled && !line.dataset.find.toLowerCase().includes(wanted);
    }
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    boxes.find((box) => !box.closest("tr").hidden)?.focus();
  });
})();
