/* The canteen's sheet: Enter and the arrows go down the column, the total follows, one box finds lines. */
(() => {
  const sheet = document.querySelector("[data-supply]");
  if (!sheet) return;
  const boxes = [...sheet.querySelectorAll("[data-packs]")];
  const yuan = (fen) => `${Math.floor(fen / 100).toLocaleString("en-US")}.${String(fen % 100).padStart(2, "0")}`;

  /* NaN for what only the server reads (三十): it is never counted as nothing in silence. */
  const packsOf = (box) => {
    const text = box.value.normalize("NFKC").trim().replace(/份$/, "");
    return /^\d{0,6}$/.test(text) ? Number(text) : NaN;
  };
  const count = () => {
    let total = 0;
    let kinds = 0;
    for (const box of boxes) {
      const packs = packsOf(box);
      const amount = packs * Number(box.dataset.price);
      box.closest("tr").querySelector("[data-amount]").textContent = Number.isNaN(amount) ? "提交时算" : amount ? yuan(amount) : "";
      const whole = sheet.querySelector(`[data-whole="${box.name.slice(6)}"]`);
      if (whole) whole.hidden = !packs && !whole.querySelector("input").checked;
      total += amount || 0;
      kinds += packs === 0 ? 0 : 1;
    }
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
