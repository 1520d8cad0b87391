import { fresh, h, later, live } from "./dom.js";

// The grid: one real <table role="grid">. Tab enters and leaves it; inside, the arrows move from cell to cell.

const keysOf = (view) => [
  "Flèches : se déplacer.",
  view.columns.some((column) => column.editable) ? "Entrée : modifier la cellule. Ctrl + Z : annuler." : view.openable && "Entrée : ouvrir la ligne.",
  view.selectable && "Espace : choisir la ligne.",
  ...view.acts.map(([, label, letter]) => `${letter.toUpperCase()} : ${label}.`),
  view.pages > 1 && "Page suivante, page précédente : tourner la page.",
].filter(Boolean).join(" ");

function render({ model, el }) {
  const ask = (what, details = {}) => model.send({ do: what, ...details });
  const id = fresh("grille");
  let view = null;
  let at = { row: 0, column: 0 };
  let editing = null; // {row, column} of the cell being edited
  let wanted = false; // the table's body had the focus before it was drawn anew

  const caption = h("caption");
  const headers = h("tr");
  const filters = h("tr", { class: "rpps-filters" });
  const body = h("tbody");
  const table = h("table", { role: "grid", "aria-describedby": `${id}-keys` }, caption, h("thead", {}, headers, filters), body);
  const status = h("p", { role: "status", class: "rpps-status" });
  const alert = h("p", { role: "alert", class: "rpps-alert" });
  const keys = h("p", { id: `${id}-keys`, class: "rpps-keys" });
  const pager = h("div", { class: "rpps-pager" });
  const scroll = h("div", { class: "rpps-scroll", role: "region", "aria-labelledby": `${id}-caption` }, table);
  el.append(
    h("div", { class: "rpps-bar" }, status, pager),
    alert,
    scroll,
    keys,
  );
  caption.id = `${id}-caption`;
  const finder = h("input", { id: `${id}-search`, type: "search", oninput: later(120, (event) => ask("search", { text: event.target.value })) });
  const finding = h("div", { class: "rpps-pager", hidden: true }, h("label", { for: `${id}-search` }, "Chercher"), finder);
  el.prepend(finding);

  function draw(next) {
    const first = view === null;
    const inside = body.contains(document.activeElement);
    view = next;
    wanted = wanted || inside;
    caption.textContent = view.caption;
    status.textContent = view.status;
    keys.textContent = keysOf(view);
    alert.textContent = view.message || "";
    table.setAttribute("aria-rowcount", view.pages * view.page_size);
    if (first && !view.search) drawFilters();
    filters.hidden = view.search;
    finding.hidden = !view.search;
    if (finder !== document.activeElement) finder.value = view.searched;
    drawHeaders();
    syncFilters();
    drawPager();
    drawBody();
  }

  // --- head --------------------------------------------------------------------------------------------------

  function drawHeaders() {
    const focused = document.activeElement?.dataset?.sort;
    const box = view.selectable && h("th", { scope: "col" }, h("input", {
      type: "checkbox", "aria-label": "Choisir toutes les lignes trouvées",
      onchange: (event) => ask("select_all", { on: event.target.checked }),
    }));
    if (box) box.firstChild.checked = view.all_selected;
    headers.replaceChildren(...[box].filter(Boolean), ...view.columns.map((column) => {
      const sorted = view.order && view.order[0] === column.name ? (view.order[1] ? "descending" : "ascending") : "none";
      const arrow = { ascending: "▲", descending: "▼", none: "↕" }[sorted];
      // One stop for the whole row of headings: the arrows go from one to the next.
      const button = h("button", { type: "button", class: "rpps-sort", "data-sort": column.name, tabindex: column === view.columns[0] ? "0" : "-1", onclick: () => ask("sort", { column: column.name }) },
        column.label, h("span", { "aria-hidden": "true" }, ` ${arrow}`));
      return h("th", { scope: "col", "aria-sort": sorted, class: column.numeric && "rpps-number" }, button);
    }), ...(view.acts.length ? [h("th", { scope: "col" }, "Agir")] : []));
    if (focused) headers.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
  }

  function drawFilters() {
    const cells = view.columns.map((column) => {
      const send = (event) => ask("filter", { column: column.name, text: event.target.value });
      const label = `Filtrer : ${column.label}`;
      const field = column.choices
        ? h("select", { "aria-label": label, onchange: send }, h("option", { value: "" }, "tout"), column.choices.map(([code, text]) => h("option", { value: code }, text)))
        : h("input", { type: "text", "aria-label": label, placeholder: "filtrer", oninput: later(120, send) });
      field.dataset.filter = column.name;
      return h("td", {}, field);
    });
    filters.replaceChildren(...(view.selectable ? [h("td", {})] : []), ...cells);
  }

  function syncFilters() {
    for (const field of filters.querySelectorAll("[data-filter]"))
      if (field !== document.activeElement) field.value = view.filters[field.dataset.filter] || "";
  }

  function drawPager() {
    const focused = document.activeElement?.dataset?.pager;
    const button = (name, text, page, off) =>
      h("button", { type: "button", "data-pager": name, disabled: off, onclick: () => ask("turn", { page }) }, text);
    const last = view.pages - 1;
    const size = h("select", { "data-pager": "size", onchange: (event) => ask("size", { rows: Number(event.target.value) }) },
      view.page_sizes.map((rows) => h("option", { value: rows, selected: rows === view.page_size }, String(rows))));
    pager.replaceChildren(...[
      view.undo && h("button", { type: "button", "data-pager": "undo", onclick: () => ask("undo") }, view.undo),
      (Object.keys(view.filters).length > 0 || view.searched) && h("button", { type: "button", "data-pager": "clear", onclick: () => ask("clear") }, "Retirer les filtres"),
      view.pages > 1 && button("previous", "Page précédente", view.page - 1, view.page === 0),
      view.pages > 1 && button("next", "Page suivante", view.page + 1, view.page >= last),
      (view.pages > 1 || view.page_size !== 25) && h("label", {}, "Lignes par page ", size),
    ].filter(Boolean));
    if (focused) pager.querySelector(`[data-pager="${focused}"]:not([disabled])`)?.focus();
  }

  // --- body --------------------------------------------------------------------------------------------------

  function drawBody() {
    if (view.rows.length === 0) {
      const span = view.columns.length + (view.selectable ? 1 : 0) + (view.acts.length ? 1 : 0);
      body.replaceChildren(h("tr", {}, h("td", { colspan: span, class: "rpps-empty" }, view.empty)));
      wanted = false;
      return;
    }
    at.row = Math.min(at.row, view.rows.length - 1);
    at.column = Math.min(at.column, width() - 1);
    body.replaceChildren(...view.rows.map(drawRow));
    mark();
    if (wanted && !editing) focusCell();
    if (!editing) wanted = false;
  }

  function drawRow(row, r) {
    const shift = view.selectable ? 1 : 0;
    const box = view.selectable && h("td", { "data-cell": `${r}:0` }, h("input", {
      type: "checkbox", tabindex: "-1", "aria-label": `Choisir : ${row.cells[0].text}`,
      onchange: (event) => ask("select", { key: row.key, on: event.target.checked }),
    }));
    if (box) box.firstChild.checked = row.selected;
    const cells = row.cells.map((cell, c) => drawCell(row, r, cell, view.columns[c], c + shift));
    const acts = view.acts.length > 0 && h("td", { class: "rpps-acts" }, shownActs(row).map((name, a) => {
      const [, label, letter] = view.acts.find(([known]) => known === name);
      return h("button", {
        type: "button", class: "rpps-act", "data-cell": `${r}:${view.columns.length + shift + a}`, tabindex: "-1",
        "aria-label": `${label} : ${row.cells[0].text}`, title: `Touche ${letter.toUpperCase()}`,
        onclick: (event) => { event.stopPropagation(); ask("act", { name, key: row.key }); },
      }, label);
    }));
    return h("tr", { "aria-selected": view.selectable ? String(row.selected) : null, "aria-current": row.key === view.current ? "true" : null, "data-key": row.key }, box, cells, acts);
  }

  function drawCell(row, r, cell, column, c) {
    const wrong = cell.faults.length > 0;
    const note = wrong ? `${id}-${r}-${c}` : null;
    const opens = view.openable && c === (view.selectable ? 1 : 0);
    return h("td", {
      "data-cell": `${r}:${c}`,
      class: [column.numeric && "rpps-number", column.editable && "rpps-editable", opens && "rpps-opens"].filter(Boolean).join(" ") || null,
      "aria-invalid": wrong ? "true" : null,
      "aria-describedby": note,
      "aria-readonly": column.editable ? "false" : "true",
      "data-label": column.label,
      tabindex: "-1",
    }, h("span", { class: "rpps-text" }, shown(cell.text, column)),
    cell.second && h("span", { class: "rpps-second" }, cell.second),
    wrong && h("span", { id: note, class: "rpps-fault" }, `⚠ ${cell.faults.join(" ")}`));
  }

  const shown = (text, column) => (column.numeric && text !== "" && !Number.isNaN(Number(text)) ? Number(text).toLocaleString("fr-FR") : text);
  const width = (r = at.row) => view.columns.length + (view.selectable ? 1 : 0) + shownActs(view.rows[r]).length;
  const shownActs = (row) => (row?.acts || []).filter((name) => !view.acts.find(([known]) => known === name)[3]);
  const cellAt = () => body.querySelector(`[data-cell="${at.row}:${at.column}"]`);
  const target = (td) => td?.querySelector("input[type=checkbox]") || td;

  function mark() {
    body.querySelectorAll("[tabindex='0']").forEach((one) => one.setAttribute("tabindex", "-1"));
    target(cellAt())?.setAttribute("tabindex", "0");
  }

  function focusCell() {
    mark();
    target(cellAt())?.focus();
    follow();
  }

  // The sheet beside follows the row the reader has come to, once they stay on it.
  const followed = later(150, (key) => ask("follow", { key }));
  function follow() {
    const row = view.rows[at.row];
    if (!view.follows || !row || row.key === view.current) return;
    view.current = row.key;
    body.querySelectorAll("tr").forEach((one) => (one.dataset.key === row.key ? one.setAttribute("aria-current", "true") : one.removeAttribute("aria-current")));
    followed(row.key);
  }

  function move(row, column) {
    const r = Math.max(0, Math.min(row, view.rows.length - 1));
    at = { row: r, column: Math.max(0, Math.min(column, width(r) - 1)) };
    focusCell();
  }

  // --- acting ------------------------------------------------------------------------------------------------

  function use() {
    const c = at.column - (view.selectable ? 1 : 0);
    const row = view.rows[at.row];
    if (c >= view.columns.length) return target(cellAt())?.click();
    if (c < 0) ask("select", { key: row.key, on: !row.selected });
    else if (view.columns[c].editable) edit(row, view.columns[c], row.cells[c]);
    else if (view.openable) ask("open", { key: row.key });
  }

  function edit(row, column, cell) {
    if (editing) return;
    editing = { ...at };
    const td = cellAt();
    const label = `${column.label}, ${row.cells[0].text}`;
    const field = column.choices
      ? h("select", { "aria-label": label }, h("option", { value: "" }, "(vide)"), column.choices.map(([code, text]) => h("option", { value: code }, `${text} (${code})`)))
      : h("input", { type: "text", "aria-label": label });
    field.value = column.choices ? cell.code : cell.text;
    const before = field.value;
    let over = false;
    const end = (keep) => {
      if (over) return;
      over = true;
      editing = null;
      wanted = true;
      if (keep && field.value !== before) ask("edit", { key: row.key, column: column.name, text: field.value });
      else drawBody();
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") { event.preventDefault(); end(true); }
      if (event.key === "Escape") { event.preventDefault(); end(false); }
    });
    field.addEventListener("blur", () => end(true));
    td.querySelector(".rpps-text").replaceChildren(field);
    field.focus();
    field.select?.();
  }

  body.addEventListener("keydown", (event) => {
    if (editing || !view.rows.length) return;
    const page = (step) => {
      if (view.page + step < 0 || view.page + step >= view.pages) return;
      wanted = true;
      ask("turn", { page: view.page + step });
    };
    const acts = {
      ArrowDown: () => move(at.row + 1, at.column),
      ArrowUp: () => move(at.row - 1, at.column),
      ArrowRight: () => move(at.row, at.column + 1),
      ArrowLeft: () => move(at.row, at.column - 1),
      Home: () => move(event.ctrlKey ? 0 : at.row, 0),
      End: () => move(event.ctrlKey ? view.rows.length - 1 : at.row, width() - 1),
      PageDown: () => page(1),
      PageUp: () => page(-1),
      Enter: use,
      F2: use,
      " ": () => view.selectable && ask("select", { key: view.rows[at.row].key, on: !view.rows[at.row].selected }),
    };
    const act = !event.ctrlKey && !event.altKey && !event.metaKey && view.acts.find(([, , letter]) => letter === event.key.toLowerCase());
    if (act) { event.preventDefault(); if (view.rows[at.row].acts.includes(act[0])) ask("act", { name: act[0], key: view.rows[at.row].key }); }
    else if (event.ctrlKey && event.key.toLowerCase() === "z") { event.preventDefault(); if (view.undo) ask("undo"); }
    else if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
  });

  headers.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = [...headers.querySelectorAll(".rpps-sort")];
    const here = all.indexOf(document.activeElement);
    if (!step || here < 0) return;
    event.preventDefault();
    all[Math.max(0, Math.min(here + step, all.length - 1))].focus();
  });

  const aim = (event) => {
    const td = event.target.closest("[data-cell]");
    if (!td || editing) return null;
    const [row, column] = td.dataset.cell.split(":").map(Number);
    at = { row, column };
    mark();
    return td;
  };
  body.addEventListener("focusin", aim);
  body.addEventListener("click", (event) => { if (event.target.closest(".rpps-act")) return; if (aim(event)?.classList.contains("rpps-opens")) use(); else if (!editing && event.target.type !== "checkbox") focusCell(); else follow(); });
  body.addEventListener("dblclick", (event) => { if (aim(event)?.classList.contains("rpps-editable")) use(); });

  return live(model, el, draw, (message) => { if (message.focus && view?.rows.length) focusCell(); });
}

export default { render };
