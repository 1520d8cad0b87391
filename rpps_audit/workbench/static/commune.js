import { fresh, h, later, live } from "./dom.js";

// The commune search: a text box and the list of what it found. Arrows choose, Enter takes, Escape closes.

function render({ model, el }) {
  const id = fresh("commune");
  let view = null;
  let active = -1;

  const field = h("input", {
    id: `${id}-name`, type: "text", role: "combobox", autocomplete: "off",
    "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list", "aria-describedby": `${id}-status`,
  });
  const label = h("label", { for: `${id}-name` });
  const list = h("ul", { id: `${id}-list`, role: "listbox", "aria-label": "Communes trouvées", hidden: true });
  const status = h("p", { id: `${id}-status`, role: "status", class: "rpps-status" });
  el.append(h("div", { class: "rpps-commune" }, label, field, list, status));

  const take = (position) => {
    const found = view.results[position];
    if (found) model.send({ do: "take", code: found.code });
  };

  function draw(next) {
    const changed = !view || JSON.stringify(view.results) !== JSON.stringify(next.results);
    view = next;
    label.textContent = view.label;
    if (field !== document.activeElement || view.chosen) field.value = view.text;
    field.setAttribute("aria-invalid", view.fault ? "true" : "false");
    status.textContent = view.message || view.status;
    if (changed) active = -1;
    list.hidden = view.results.length === 0 || field !== document.activeElement;
    field.setAttribute("aria-expanded", String(!list.hidden));
    list.replaceChildren(...view.results.map((found, i) => h("li", {
      id: `${id}-${i}`, role: "option", "aria-selected": String(i === active),
      onmousedown: (event) => { event.preventDefault(); take(i); },
    }, found.shown)));
  }

  function point(position) {
    active = Math.max(0, Math.min(position, view.results.length - 1));
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === active)));
    field.setAttribute("aria-activedescendant", `${id}-${active}`);
    list.children[active]?.scrollIntoView({ block: "nearest" });
  }

  field.addEventListener("input", later(150, () => {
    field.removeAttribute("aria-activedescendant");
    model.send({ do: "look", text: field.value });
  }));
  field.addEventListener("focus", () => view && draw(view));
  field.addEventListener("blur", () => view && draw(view));
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "ArrowDown" && view.results.length) { event.preventDefault(); point(active + 1); }
    else if (event.key === "ArrowUp" && view.results.length) { event.preventDefault(); point(active - 1); }
    else if (event.key === "Enter" && active >= 0) { event.preventDefault(); take(active); }
    else if (event.key === "Escape") model.send({ do: "look", text: "" });
  });
  return live(model, el, draw);
}

export default { render };
