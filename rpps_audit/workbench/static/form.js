import { fresh, h, live } from "./dom.js";

// A few fields and their buttons. The fields are made again only when they are others: what is being typed stays.

function render({ model, el }) {
  const id = fresh("formulaire");
  const note = h("p", { class: "rpps-note" });
  const fields = h("div", { class: "rpps-fields" });
  const buttons = h("div", { class: "rpps-bar" });
  const said = h("p", { role: "status", class: "rpps-status", tabindex: "-1" });
  const refused = h("ul", { class: "rpps-refused" });
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  el.append(h("div", { class: "rpps-form" }, note, fields, buttons, said, refused, alert));
  const cleared = {}; // how many times Python has emptied each field
  let made = "";
  let offered = "";
  let pressed = ""; // the button that waits for Python's answer

  const values = () => Object.fromEntries([...fields.querySelectorAll("[name]")].map((field) => [field.name, field.value]));

  function make(entry) {
    const key = `${id}-${entry.name}`;
    const tell = (event) => { if (entry.heard) model.send({ do: "type", name: entry.name, text: event.target.value }); };
    const common = { id: key, name: entry.name, "aria-describedby": `${key}-note`, onchange: tell };
    const list = entry.searched && h("datalist", { id: `${key}-list` }, (entry.choices || []).map(([, text]) => h("option", { value: text })));
    const field = entry.searched
      ? h("input", { type: "text", autocomplete: "off", list: `${key}-list`, ...common })
      : entry.long
      ? h("textarea", { rows: 2, ...common })
      : entry.choices
      ? h("select", common, h("option", { value: "" }, entry.none), entry.choices.map(([code, text]) => h("option", { value: code }, text)))
      : h("input", { type: "text", autocomplete: "off", ...common });
    return h("div", { class: entry.long && "rpps-wide" }, h("label", { for: key }, entry.label), field, list, h("p", { id: `${key}-note`, class: "rpps-keys" }));
  }

  function fill(entry) {
    const field = fields.querySelector(`[name="${CSS.escape(entry.name)}"]`);
    const shown = entry.searched ? (entry.choices || []).find(([code]) => code === entry.value)?.[1] ?? entry.value : entry.value;
    if (field !== document.activeElement || (entry.choices && !entry.searched)) field.value = shown;
    field.setAttribute("aria-invalid", entry.fault ? "true" : "false");
    field.setAttribute("aria-required", entry.needed_by.length ? "true" : "false");
    const beside = document.getElementById(`${id}-${entry.name}-note`) || field.nextSibling;
    beside.className = entry.fault ? "rpps-fault" : "rpps-keys";
    beside.textContent = entry.fault ? `⚠ ${entry.fault}` : entry.hint;
  }

  function press(name) {
    if (pressed) return;
    pressed = name;
    said.textContent = "En cours…";
    refused.replaceChildren();
    for (const one of buttons.children) one.setAttribute("aria-disabled", "true");
    model.send({ do: "press", button: name, values: values() });
  }

  // After an act the focus goes to the first field to complete, else stays on its button, else goes to what was said.
  function focusAfter(name) {
    const wrong = fields.querySelector("[aria-invalid=true]");
    const same = buttons.querySelector(`[data-button="${CSS.escape(name)}"]`);
    (wrong || same || said).focus();
  }

  return live(model, el, (view) => {
    // A choice or a text that is heard is Python's; any other text is only here until a button takes it.
    const kept = values();
    for (const entry of view.entries)
      if (entry.cleared !== (cleared[entry.name] || 0)) {
        cleared[entry.name] = entry.cleared;
        delete kept[entry.name];
        const field = fields.querySelector(`[name="${CSS.escape(entry.name)}"]`);
        if (field) field.value = "";
      }
    const waiting = pressed;
    const inside = buttons.contains(document.activeElement) || fields.contains(document.activeElement);
    const last = document.activeElement?.dataset?.button || "";
    const wanted = JSON.stringify(view.entries.map((entry) => [entry.name, entry.label, entry.choices]));
    if (wanted !== made) fields.replaceChildren(...view.entries.map(make));
    made = wanted;
    for (const entry of view.entries) fill(!entry.heard && !entry.value && kept[entry.name] ? { ...entry, value: kept[entry.name] } : entry);
    // The same buttons stay: one that is replaced between the two halves of a click would not hear it.
    const now = JSON.stringify(view.buttons);
    if (now !== offered)
      buttons.replaceChildren(...view.buttons.map(([name, label], i) =>
        h("button", { type: "button", "data-button": name, class: i === 0 && "rpps-main", onclick: () => press(name) }, label)));
    offered = now;
    pressed = view.busy ? waiting : "";
    for (const one of buttons.children) one.setAttribute("aria-disabled", pressed ? "true" : "false");
    note.textContent = view.note;
    if (!pressed) {
      said.textContent = view.said;
      refused.replaceChildren(...view.refused.map((one) => h("li", {}, one)));
    }
    alert.textContent = view.message || "";
    if (inside && !el.contains(document.activeElement)) focusAfter(last || waiting);
    else if (waiting && !pressed && inside) focusAfter(waiting);
  });
}

export default { render };
