/* A new registration: name and closing time follow the chosen round until the person types. Without this file the server does so at saving. */
(() => {
  const list = document.querySelector("[data-suggestions]");
  const form = list?.closest("form");
  if (!form) return;
  const rows = new Map([...list.children].map((row) => [row.dataset.round, row.dataset]));
  const { title, closes_on: day, closes_time: time, suggested } = form.elements;
  form.addEventListener("change", (event) => {
    const then = rows.get(suggested.value);
    const fresh = event.target.name === "round_id" && rows.get(event.target.value);
    if (!fresh || !then) return;
    if (!title.value.trim() || title.value === then.title) title.value = fresh.title;
    if (!day.value || (day.value === then.day && time.value === then.time)) {
      day.value = fresh.day;
      time.value = fresh.time;
    }
    suggested.value = fresh.round;
  });
})();
