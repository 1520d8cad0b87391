// A few fields and their buttons. The fields are made again only when they are others: what is being typed stays.

function render({ model, el }) {
  const id = fresh("formulaire");
  const note = h("p", { class: "rpps-note" });
  const fields = h("div", { class: "rpps-fields" });
  const buttons = h("div", { class: "rpps-bar" });
  const said = h("p", { role: "status", class: "rpps-status" });
  const refused = h("ul", { class: "rpps-refused" });
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  el.append(h("div", { class: "rpps-form" }, note, fields, buttons, said, refused, alert));
  let made = "";
  let pressed = "";

  const values = () => Object.fromEntries([...fields.querySelectorAll("[name]")].map((field) => [field.name, field.value]));

  function make(entry) {
    const key = `${id}-${entry.name}`;
    const tell = (event) => { if (entry.heard) model.send({ do: "type", name: entry.name, text: event.target.value }); };
    const common = { id: key, name: entry.name, "aria-describedby": `${key}-note`, onchange: tell };
    const field = entry.choices
      ? h("select", common, h("option", { value: "" }, "(choisir)"), entry.choices.map(([code, text]) => h("option", { value: code }, text)))
      : h("input", { type: "text", autocomplete: "off", ...common });
    return h("div", {}, h("label", { for: key }, entry.label), field, h("p", { id: `${key}-note`, class: "rpps-keys" }));
  }

  function fill(entry) {
    const field = fields.querySelector(`[name="${CSS.escape(entry.name)}"]`);
    if (field !== document.activeElement || entry.choices) field.value = entry.value;
    field.setAttribute("aria-invalid", entry.fault ? "true" : "false");
    const beside = document.getElementById(`${id}-${entry.name}-note`) || field.nextSibling;
    beside.className = entry.fault ? "rpps-fault" : "rpps-keys";
    beside.textContent = entry.fault ? `⚠ ${entry.fault}` : entry.hint;
  }

  return live(model, el, (view) => {
    // A choice or a text that is heard is Python's; any other text is only here until a button takes it.
    const kept = values();
    const wanted = JSON.stringify(view.entries.map((entry) => [entry.name, entry.label, entry.choices]));
    if (wanted !== made) fields.replaceChildren(...view.entries.map(make));
    made = wanted;
    for (const entry of view.entries) fill(!entry.heard && !entry.value && kept[entry.name] ? { ...entry, value: kept[entry.name] } : entry);
    const offered = JSON.stringify(view.buttons);
    if (offered !== pressed)
      buttons.replaceChildren(...view.buttons.map(([name, label], i) =>
        h("button", { type: "button", class: i === 0 && "rpps-main", onclick: () => model.send({ do: "press", button: name, values: values() }) }, label)));
    pressed = offered;
    note.textContent = view.note;
    said.textContent = view.said;
    refused.replaceChildren(...view.refused.map((one) => h("li", {}, one)));
    alert.textContent = view.message || "";
  });
}

export default { render };
