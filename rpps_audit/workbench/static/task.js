import { duration, h, live } from "./dom.js";

// Long work: a bar, what is being done, since when, and a way out. The clock moves even where the work cannot say more.

function render({ model, el }) {
  const label = h("p", { role: "status", class: "rpps-status" });
  const since = h("p", { class: "rpps-keys" });
  const bar = h("progress", { max: "1", "aria-label": "Avancement", hidden: true });
  const stop = h("button", { type: "button", hidden: true, onclick: () => model.send({ do: "cancel" }) }, "Interrompre");
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  el.append(h("div", { class: "rpps-task" }, label, bar, since, stop), alert);
  let clock = null;
  let begun = 0;
  const tick = () => { since.textContent = `Depuis ${duration(Math.max(0, Math.round((Date.now() - begun) / 1000)))}.`; };
  const end = live(model, el, (view) => {
    clearInterval(clock);
    bar.hidden = !view.running;
    stop.hidden = !view.running || !view.can_stop;
    bar.value = view.share;
    label.textContent = view.said;
    alert.textContent = view.message || "";
    since.textContent = "";
    if (!view.running) return;
    begun = Date.now() - 1000 * view.seconds;
    tick();
    clock = setInterval(tick, 1000);
  });
  return () => { clearInterval(clock); end(); };
}

export default { render };
