import { deliver, h, live } from "./dom.js";

// A piece of page written in Python by a template that escapes every value; buttons are answered by Python, files too.

function render({ model, el }) {
  const box = h("div", { class: "rpps-panel", tabindex: "-1" });
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  el.append(box, alert);
  box.addEventListener("click", (event) => {
    const asked = event.target.closest("button");
    if (!asked) return;
    if (asked.dataset.reload) window.location.reload();
    else if (asked.dataset.file) model.send({ do: "fetch", name: asked.dataset.file });
    else if (asked.dataset.do) model.send({ do: asked.dataset.do, ...JSON.parse(asked.dataset.with || "{}") });
  });
  const pressed = (one) => one.dataset.with || one.dataset.file;
  return live(model, el, (view) => {
    const focused = box.contains(document.activeElement);
    const asked = focused ? pressed(document.activeElement) : undefined;
    box.innerHTML = view.html;
    for (const one of box.querySelectorAll("a, button, summary")) one.setAttribute("data-lm-suppress-shortcuts", "true");
    alert.textContent = view.message || "";
    // What was pressed is pressed again with the same key; a button that is gone leaves the focus at its panel.
    if (focused) ([...box.querySelectorAll("button")].find((one) => pressed(one) === asked) || box).focus();
  }, (message, buffers) => {
    if (message.focus) box.focus();
    if (message.file) deliver(message.file.name, message.file.type, buffers[0], message.file.seen);
  });
}

export default { render };
