import { fresh, h, live } from "./dom.js";

// Facets with their counts, beside the rows they keep. Each group is one stop of the Tab key; the arrows choose in it.

function render({ model, el }) {
  const id = fresh("facettes");
  const box = h("div", { class: "rpps-facets" });
  el.append(box);
  const choose = (facet, value) => model.send({ do: "choose", facet, value });

  function group(facet) {
    const title = h("h3", { id: `${id}-${facet.name}` }, facet.label);
    const radios = facet.values.map(([value, label, count]) => h("div", {
      role: "radio", "data-facet": facet.name, "data-value": value, "aria-checked": String(value === facet.chosen), tabindex: value === facet.chosen ? "0" : "-1",
      onclick: () => choose(facet.name, value),
    }, h("span", {}, label), h("span", { class: "rpps-number" }, Number(count).toLocaleString("fr-FR"))));
    const list = h("div", { role: "radiogroup", "aria-labelledby": title.id }, radios);
    list.addEventListener("keydown", (event) => {
      const here = radios.indexOf(document.activeElement);
      const next = { ArrowDown: here + 1, ArrowRight: here + 1, ArrowUp: here - 1, ArrowLeft: here - 1, " ": here, Enter: here, Home: 0, End: radios.length - 1 }[event.key];
      if (here < 0 || next === undefined) return;
      event.preventDefault();
      const one = radios[(next + radios.length) % radios.length];
      one.focus();
      one.click();
    });
    return [title, list];
  }

  return live(model, el, (view) => {
    const { facet, value } = box.contains(document.activeElement) ? document.activeElement.dataset : {};
    box.replaceChildren(...view.facets.flatMap(group));
    if (facet) (box.querySelector(`[data-facet="${CSS.escape(facet)}"][data-value="${CSS.escape(value)}"]`) || box.querySelector("[tabindex='0']"))?.focus();
  });
}

export default { render };
