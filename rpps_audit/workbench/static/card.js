import { duration, fresh, h, live } from "./dom.js";

// The card panel and its dialog. The PIN leaves this page in one binary message and is wiped from the field at once.

function render({ model, el }) {
  const id = fresh("carte");
  let drawn = "";
  let clock = null;
  let until = 0;

  const state = h("p", { role: "status", class: "rpps-card-state", tabindex: "-1" });
  const left = h("p", { class: "rpps-card-left" });
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  const buttons = h("div", { class: "rpps-bar" });
  const pin = h("input", { id: `${id}-pin`, type: "password", inputmode: "numeric", autocomplete: "off", "aria-describedby": `${id}-why` });
  const pinLabel = h("label", { for: `${id}-pin` }, "Code porteur");
  const why = h("p", { id: `${id}-why` });
  const title = h("h2", { id: `${id}-title` });
  const go = h("button", { type: "submit", class: "rpps-main" });
  const form = h("form", { onsubmit: submit }, title, why, pinLabel, pin,
    h("div", { class: "rpps-bar" }, go, h("button", { type: "button", onclick: giveUp }, "Renoncer")));
  const dialog = h("dialog", { "aria-labelledby": `${id}-title`, class: "rpps-dialog" }, form);
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); giveUp(); });
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  const panel = h("section", { class: "rpps-card", "aria-labelledby": `${id}-panel` }, h("h2", { id: `${id}-panel` }, "Carte CPx"), state, left, alert, buttons, dialog);
  el.append(panel);

  function submit(event) {
    event.preventDefault();
    const typed = new TextEncoder().encode(pin.value);
    pin.value = "";
    model.send({ do: "answer" }, undefined, [typed.buffer]);
    typed.fill(0);
  }

  function giveUp() {
    pin.value = "";
    model.send({ do: "give_up" });
  }

  function draw(view) {
    until = Date.now() + 1000 * view.seconds_left;
    const content = JSON.stringify({ ...view, seconds_left: view.seconds_left > 0 });
    if (content === drawn) return;
    drawn = content;
    const inside = panel.contains(document.activeElement);
    state.textContent = view.state;
    alert.textContent = view.message || "";
    buttons.replaceChildren(...[
      view.can_open && h("button", { type: "button", class: "rpps-main", onclick: () => model.send({ do: "open_session" }) }, "Ouvrir ma session avec la carte"),
      view.can_close && h("button", { type: "button", onclick: () => model.send({ do: "close_session" }) }, "Fermer la session"),
      !view.can_close && h("button", { type: "button", onclick: () => model.send({ do: "show" }) }, "Relire la carte"),
    ].filter(Boolean));
    question(view.question);
    // The button that was pressed, or the dialog, is gone: what has become of it is read next.
    if (inside && !dialog.open && !panel.contains(document.activeElement)) state.focus();
    clearInterval(clock);
    tick();
    if (view.seconds_left > 0) clock = setInterval(tick, 1000);
  }

  function question(asked) {
    if (!asked) {
      pin.value = "";
      if (dialog.open) dialog.close();
      return;
    }
    title.textContent = asked.title;
    why.textContent = asked.sentence;
    go.textContent = asked.go;
    go.hidden = !asked.go;
    pin.hidden = pinLabel.hidden = !asked.digits;
    pin.maxLength = asked.digits || 0;
    if (!dialog.open) dialog.showModal();
    (asked.digits ? pin : go).focus();
  }

  function tick() {
    const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
    left.textContent = until > Date.now() ? `Fermeture automatique dans ${duration(seconds)}.` : "";
  }

  const end = live(model, el, draw);
  return () => { clearInterval(clock); end(); };
}

export default { render };
