// The card panel and its PIN dialog. The PIN leaves this page in one message and is wiped from the field at once.

function render({ model, el }) {
  const id = fresh("carte");
  let view = null;
  let clock = null;
  let until = 0;

  const state = h("p", { role: "status", class: "rpps-card-state" });
  const left = h("p", { class: "rpps-card-left" });
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  const buttons = h("div", { class: "rpps-bar" });
  const pin = h("input", {
    id: `${id}-pin`, type: "password", inputmode: "numeric", autocomplete: "off", maxlength: "8", "aria-describedby": `${id}-why`, required: true,
  });
  const why = h("p", { id: `${id}-why` });
  const form = h("form", { method: "dialog", onsubmit: submit },
    h("h3", { id: `${id}-title` }, "Code de la carte"), why,
    h("label", { for: `${id}-pin` }, "Code à quatre chiffres de la carte CPx"), pin,
    h("div", { class: "rpps-bar" }, h("button", { type: "submit", class: "rpps-main" }, "Valider"),
      h("button", { type: "button", onclick: () => { pin.value = ""; dialog.close(); } }, "Renoncer")));
  const dialog = h("dialog", { "aria-labelledby": `${id}-title`, class: "rpps-dialog" }, form);
  dialog.addEventListener("close", () => { pin.value = ""; });
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(h("section", { class: "rpps-card", "aria-label": "Carte CPx" }, state, left, alert, buttons, dialog));

  function submit(event) {
    event.preventDefault();
    const typed = pin.value;
    pin.value = "";
    dialog.close();
    model.send({ do: "enter_pin", pin: typed });
  }

  function draw(next) {
    view = next;
    state.textContent = view.state;
    alert.textContent = view.message || "";
    buttons.replaceChildren(...[
      view.can_open && h("button", { type: "button", class: "rpps-main", onclick: () => { why.textContent = view.why; dialog.showModal(); pin.focus(); } }, "Ouvrir ma session avec la carte"),
      view.can_close && h("button", { type: "button", onclick: () => model.send({ do: "close" }) }, "Fermer la session"),
      h("button", { type: "button", onclick: () => model.send({ do: "show" }) }, "Relire la carte"),
    ].filter(Boolean));
    until = Date.now() + 1000 * view.seconds_left;
    clearInterval(clock);
    tick();
    if (view.seconds_left > 0) clock = setInterval(tick, 1000);
  }

  function tick() {
    const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
    const said = `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
    left.textContent = view.seconds_left > 0 ? `Fermeture automatique dans ${said}.` : "";
    if (view.seconds_left > 0 && seconds === 0) { clearInterval(clock); model.send({ do: "show" }); }
  }

  const end = live(model, el, draw);
  return () => { clearInterval(clock); end(); };
}

export default { render };
