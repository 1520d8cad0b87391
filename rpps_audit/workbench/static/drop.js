import { fresh, h, live } from "./dom.js";

// Files come in by pieces, each acknowledged before the next, so that a file of any size passes and a bar can move.

const PIECE = 1 << 20;

function render({ model, el }) {
  const id = fresh("depot");
  const field = h("input", { id: `${id}-files`, type: "file", multiple: true, class: "rpps-file" });
  const zone = h("div", { class: "rpps-drop" },
    h("p", {}, "Déposez ici vos fichiers (CSV, TXT, XLSX, JSON, ou archives ZIP telles quelles), ou :"),
    field, h("label", { for: `${id}-files`, class: "rpps-choose" }, "Choisir des fichiers"));
  const bar = h("progress", { max: "1", hidden: true, "aria-label": "Copie des fichiers" });
  const status = h("p", { role: "status", class: "rpps-status" });
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  el.append(zone, bar, status, alert);

  let acknowledge = () => {};
  async function send(files) {
    field.disabled = true;
    bar.hidden = false;
    for (const file of files) {
      for (let start = 0; start < Math.max(file.size, 1); start += PIECE) {
        const piece = await file.slice(start, start + PIECE).arrayBuffer();
        const answered = new Promise((resolve) => { acknowledge = resolve; });
        model.send({ do: "receive", name: file.name, start, last: start + PIECE >= file.size }, undefined, [piece]);
        await answered;
        bar.value = Math.min(1, (start + PIECE) / file.size);
      }
    }
    field.value = "";
    field.disabled = false;
    bar.hidden = true;
    model.send({ do: "finish" });
  }
  field.addEventListener("change", () => send([...field.files]));
  for (const name of ["dragover", "drop"]) zone.addEventListener(name, (event) => { event.preventDefault(); event.stopPropagation(); });
  zone.addEventListener("drop", (event) => send([...event.dataTransfer.files]));

  return live(model, el, (view) => {
    status.textContent = view.status;
    alert.textContent = view.message || "";
    acknowledge();
  });
}

export default { render };
