// A piece of page written in Python by a template that escapes every value; links to a row are answered by Python.

function render({ model, el }) {
  const box = h("div", { class: "rpps-panel", tabindex: "-1" });
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  el.append(box, alert);
  box.addEventListener("click", (event) => {
    const asked = event.target.closest("button[data-do]");
    if (asked) model.send({ do: asked.dataset.do, ...JSON.parse(asked.dataset.with || "{}") });
  });
  return live(model, el, (view) => {
    const asked = box.contains(document.activeElement) ? document.activeElement.dataset.with : undefined;
    const focused = box.contains(document.activeElement);
    box.innerHTML = view.html;
    for (const one of box.querySelectorAll("a, button, summary")) one.setAttribute("data-lm-suppress-shortcuts", "true");
    alert.textContent = view.message || "";
    // What was pressed is pressed again with the same key; a button that is gone leaves the focus at its table.
    if (focused) ([...box.querySelectorAll("[data-with]")].find((one) => one.dataset.with === asked) || box).focus();
  });
}

export default { render };
