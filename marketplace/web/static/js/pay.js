/* While a payment is being confirmed the page looks again by itself; without this there is a button. */
(() => {
  const form = document.querySelector("[data-look]");
  if (form) setTimeout(() => form.requestSubmit(), 2000);
})();
