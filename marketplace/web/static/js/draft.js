/* What was typed into a form and not sent is there again when the person comes back to it, in this tab alone.
   data-draft on a note inside the form names the draft; data-client-uuid on the page of what was sent says
   which one is over: the draft keeps the form's client_uuid, so that it can never be sent twice. */
(() => {
  let store;
  try { store = window.sessionStorage; } catch { return; }
  const PREFIX = "draft:";
  const sent = document.querySelector("[data-client-uuid]");
  if (sent) {
    Object.keys(store)
      .filter((key) => key.startsWith(PREFIX) && store.getItem(key).includes(sent.dataset.clientUuid))
      .forEach((key) => store.removeItem(key));
  }
  const note = document.querySelector("form [data-draft]");
  if (!note) return;
  const form = note.closest("form");
  const key = `${PREFIX}${note.dataset.draft}${window.location.search}`;
  const save = () => {
    const typed = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "csrf_token");
    try { store.setItem(key, JSON.stringify(typed)); } catch { /* full: nothing is kept */ }
  };
  const fill = ([name, value]) => {
    const held = form.elements[name];
    if (!held) return;
    if (held.type === "radio") held.checked = held.value === value;
    else if (!held.options || [...held.options].some((option) => option.value === value)) held.value = value;
    const folded = value && held.closest && held.closest("details");
    if (folded) folded.open = true;
  };
  form.addEventListener("input", save);
  form.addEventListener("change", save);
  note.querySelector("button").addEventListener("click", () => {
    store.removeItem(key);
    window.location.reload();
  });
  const kept = store.getItem(key);
  if (document.querySelector(".error-summary")) save();
  else if (kept) {
    JSON.parse(kept).forEach(fill);
    note.hidden = false;
  }
})();
