/* Small behaviours that hang on data- attributes. Every page works without this file. */
(() => {
  const root = document.documentElement;
  root.dataset.js = "";

  const on = (type, selector, act) =>
    document.addEventListener(type, (event) => {
      const target = event.target instanceof Element && event.target.closest(selector);
      if (target) act(target, event);
    });

  /* data-deadline: the same words as the server's countdown filter. */
  const pad = (n) => String(n).padStart(2, "0");
  const tick = () => {
    for (const el of document.querySelectorAll("[data-deadline]")) {
      const minutes = Math.floor((Date.parse(el.dataset.deadline) - Date.now()) / 60000);
      if (Number.isNaN(minutes)) continue;
      const days = Math.floor(minutes / 1440);
      const clock = `${pad(Math.floor((minutes % 1440) / 60))}:${pad(minutes % 60)}`;
      const short = minutes < 60 ? `${minutes} 分钟` : clock;
      el.textContent = minutes < 0 ? "已截止" : days ? `${days} 天 ${clock}` : short;
    }
  };
  tick();
  setInterval(tick, 15000);

  /* data-stepper: − [n] +; the input tells its page through the ordinary input and change events. */
  const limits = (box) => {
    const input = box.querySelector("input");
    for (const button of box.querySelectorAll("[data-step]")) {
      const next = Number(input.value) + Number(button.dataset.step);
      button.disabled = (input.min !== "" && next < Number(input.min)) || (input.max !== "" && next > Number(input.max));
    }
  };
  document.querySelectorAll("[data-stepper]").forEach(limits);
  on("input", "[data-stepper]", limits);
  on("click", "[data-step]", (button) => {
    const box = button.closest("[data-stepper]");
    const input = box.querySelector("input");
    const low = input.min === "" ? -Infinity : Number(input.min);
    const high = input.max === "" ? Infinity : Number(input.max);
    input.value = Math.min(high, Math.max(low, Number(input.value) + Number(button.dataset.step)));
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });

  /* data-copy: the clipboard needs a secure page; a selected textarea is the way of old browsers.
     textContent, because what stands in a closed <details> is not rendered and has no innerText. */
  const copyOld = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  on("click", "[data-copy]", async (button) => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    const text = "value" in source ? source.value : source.textContent.trim();
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      done = copyOld(text);
    }
    const label = button.querySelector("[data-copy-label]") || button;
    const before = button.dataset.before || (button.dataset.before = label.textContent);
    label.textContent = done ? "已复制" : "没复制上，请长按选字";
    setTimeout(() => { label.textContent = before; }, 2500);
  });

  /* data-confirm: the <details> becomes a dialog; focus starts on the harmless button. */
  on("click", "[data-confirm] > summary", (summary, event) => {
    if (!window.HTMLDialogElement) return;
    event.preventDefault();
    const box = summary.parentElement;
    const dialog = document.createElement("dialog");
    const body = box.querySelector(".confirm-body");
    dialog.setAttribute("aria-label", summary.textContent.trim());
    dialog.append(body);
    dialog.addEventListener("close", () => { box.append(body); dialog.remove(); summary.focus(); });
    dialog.addEventListener("click", (click) => { if (click.target === dialog) dialog.close(); });
    document.body.append(dialog);
    dialog.showModal();
    body.querySelector("[data-close]").focus();
  });
  on("click", "dialog [data-close]", (button) => button.closest("dialog").close());

  /* data-once: one submission per form, free again when the page comes back from history. */
  on("submit", "form[data-once]", (form, event) => {
    if (event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    form.querySelectorAll("button[type=submit]").forEach((button) => button.setAttribute("aria-busy", "true"));
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
    }
  });

  on("click", "[data-print]", () => window.print());

  /* data-back: to the page before as it was left, with what was typed into it. */
  on("click", "[data-back]", (link, event) => {
    if (history.length < 2) return;
    event.preventDefault();
    history.back();
  });

  /* data-drawer closes on Escape and on a click outside. */
  const closeDrawers = (except) => {
    for (const drawer of document.querySelectorAll("[data-drawer][open]")) if (drawer !== except) drawer.open = false;
  };
  document.addEventListener("keydown", (event) => {
    const drawer = event.key === "Escape" && document.querySelector("[data-drawer][open]");
    if (!drawer) return;
    closeDrawers();
    drawer.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => closeDrawers(event.target.closest("[data-drawer]")));

  /* data-large-type: kept in a cookie so that the server writes it into the next page. */
  const named = (button) => {
    const large = root.dataset.type === "large";
    button.textContent = large ? "标准字" : "大字";
    button.setAttribute("aria-pressed", String(large));
    button.hidden = false;
  };
  document.querySelectorAll("[data-large-type]").forEach(named);
  on("click", "[data-large-type]", () => {
    const large = root.dataset.type !== "large";
    if (large) root.dataset.type = "large"; else delete root.dataset.type;
    document.cookie = `type=${large ? "large" : ""}; path=/; max-age=${large ? 31536000 : 0}; samesite=lax`;
    document.querySelectorAll("[data-large-type]").forEach(named);
  });

  document.querySelector("[data-focus]")?.focus();
})();
