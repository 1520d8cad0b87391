// Long work: a bar, what is being done, and a way out.

function render({ model, el }) {
  const label = h("p", { role: "status", class: "rpps-status" });
  const bar = h("progress", { max: "1", "aria-label": "Avancement" });
  const stop = h("button", { type: "button", onclick: () => model.send({ do: "cancel" }) }, "Interrompre");
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  const box = h("div", { class: "rpps-task" }, label, bar, stop);
  el.append(box, alert);
  return live(model, el, (view) => {
    bar.hidden = !view.running;
    stop.hidden = !view.running || !view.can_stop;
    bar.value = view.share;
    label.textContent = view.said;
    alert.textContent = view.message || "";
  });
}

export default { render };
