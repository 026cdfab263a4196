/* The shop: 加入 stays on the page, quantities in the basket count at once. Without this file both are plain forms. */
(() => {
  /* A page that answers a refused form stands in the history as a form; going back to it would ask to send it again. */
  const plain = document.querySelector("[data-plain-address]");
  if (plain) history.replaceState(null, "", plain.dataset.plainAddress);

  let waiting = Promise.resolve(); // one request after the other: the basket lives in one cookie
  const inTurn = (act) => { waiting = waiting.then(act, act); return waiting; };

  const said = document.querySelector("[data-said]");
  let fading;
  const say = (words) => {
    if (!said) return;
    said.textContent = words;
    said.hidden = false;
    clearTimeout(fading);
    fading = setTimeout(() => { said.hidden = true; }, 4000);
  };

  const badge = (text) => {
    const tab = document.querySelector('.tabs a[href$="/shop/basket"]');
    if (!tab) return;
    tab.querySelector(".tab-badge")?.remove();
    if (!text) return;
    const mark = document.createElement("b");
    mark.className = "tab-badge num";
    mark.textContent = text;
    tab.append(mark);
  };

  const add = async (form, button) => {
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(button.hasAttribute("formaction") ? button.formAction : form.action, {
        method: "POST", body: new FormData(form), headers: { Accept: "application/json" },
      });
      const told = await answer.json();
      say(told.said || told.message);
      if (answer.ok) {
        badge(told.badge);
        button.dataset.done = "";
      }
    } catch {
      say("网络断了，没有加进去，请再点一次。");
    }
    button.removeAttribute("aria-busy");
  };
  /* A double tap is one tap, however fast the answer comes; after both the button may be tapped again. One form
     serves all cards of a page, so it is the button that rests, never the form. */
  const DOUBLE_TAP_MS = 600;
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-add]")) return;
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("button:not([type=button])");
    if (button.dataset.adding) return;
    button.dataset.adding = "1";
    const lifted = new Promise((done) => { setTimeout(done, DOUBLE_TAP_MS); });
    await Promise.all([inTurn(() => add(form, button)), lifted]);
    delete button.dataset.adding;
  });

  /* The basket answers with itself; the field that had the focus gets it back, and what was typed meanwhile stays. */
  const recount = async () => {
    const form = document.querySelector("[data-basket-form]");
    if (!form) return;
    const sent = new FormData(form);
    try {
      const answer = await fetch(form.action, { method: "POST", body: sent });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("main");
      if (!fresh) throw new Error("no page");
      const focused = document.activeElement?.name;
      const newer = [...new FormData(form)].filter(([name, value]) => sent.get(name) !== value);
      document.querySelector("main").replaceChildren(...fresh.childNodes);
      badge(page.querySelector(".tab-badge")?.textContent);
      for (const [name, value] of newer) {
        const box = document.querySelector(`[data-basket-form] [name="${name}"]`);
        if (box) box.value = value;
      }
      if (newer.length) soon();
      if (focused) document.querySelector(`[name="${focused}"]`)?.focus();
    } catch {
      say("网络断了，数量没有存上，请再试一次。");
    }
  };
  let pause;
  const soon = () => {
    clearTimeout(pause);
    pause = setTimeout(() => { pause = 0; inTurn(recount); }, 500);
  };
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-counted-first]");
    if (!link || !pause) return;
    event.preventDefault();
    clearTimeout(pause);
    pause = 0;
    await inTurn(recount);
    location.assign(link.href);
  });
  document.addEventListener("change", (event) => {
    if (event.target.closest("[data-basket-form]")) soon();
    event.target.closest("[data-filter]")?.requestSubmit();
  });
})();
