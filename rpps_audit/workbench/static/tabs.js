import { fresh, h, live } from "./dom.js";

// Tabs: one stop of the Tab key; the arrows go from one to the next, and what is under them is shown below by Python.

function render({ model, el }) {
  const id = fresh("onglets");
  const list = h("div", { class: "rpps-tabs", role: "tablist" });
  el.append(list);
  let drawn = "";
  list.addEventListener("keydown", (event) => {
    const all = [...list.children];
    const here = all.indexOf(document.activeElement);
    const next = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (here < 0 || next === undefined) return;
    event.preventDefault();
    const one = all[(next + all.length) % all.length];
    one.focus();
    one.click();
  });
  return live(model, el, (view) => {
    if (JSON.stringify(view) === drawn) return;
    drawn = JSON.stringify(view);
    const inside = list.contains(document.activeElement);
    list.setAttribute("aria-label", view.label);
    list.replaceChildren(...view.tabs.map(([name, label], i) => h("button", {
      type: "button", role: "tab", id: `${id}-${i}`, "data-tab": name, "aria-selected": String(name === view.chosen), tabindex: name === view.chosen ? "0" : "-1",
      onclick: () => model.send({ do: "choose", name }),
    }, label)));
    if (inside) list.querySelector("[aria-selected=true]")?.focus();
  });
}

export default { render };
