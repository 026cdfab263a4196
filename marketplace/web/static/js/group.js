/* An entry of a group registration: the total follows the quantities. */
(() => {
  const yuan = (fen) => `${Math.floor(fen / 100).toLocaleString("en-US")}.${String(fen % 100).padStart(2, "0")}`;
  const count = (box) => {
    let total = 0;
    for (const line of box.querySelectorAll("[data-price]")) {
      const text = line.querySelector("input").value.trim();
      if (/^\d{1,4}$/.test(text)) total += Number(text) * Number(line.dataset.price);
    }
    box.querySelector("[data-total]").textContent = yuan(total);
  };
  for (const box of document.querySelectorAll("[data-sum]")) {
    box.addEventListener("input", () => count(box));
    addEventListener("pageshow", () => count(box));
  }
})();
