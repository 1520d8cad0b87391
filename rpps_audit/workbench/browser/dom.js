// Shared by every module of this folder. Text is only ever set as text: a file's content can never become markup.

function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  // JupyterLab's one-letter shortcuts (d d deletes a cell) must not hear what is typed here.
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Draws each view Python sends, and asks for the first one. Returns what the widget framework calls at the end.
function live(model, el, draw) {
  el.classList.add("rpps");
  const fault = h("p", { role: "alert", class: "rpps-alert" });
  el.append(fault);
  const hear = (message) => {
    fault.textContent = message.fault || "";
    if (message.view) draw(message.view);
  };
  model.on("msg:custom", hear);
  model.send({ do: "show" });
  return () => model.off("msg:custom", hear);
}

function later(milliseconds, act) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), milliseconds);
  };
}

let names = 0;
const fresh = (prefix) => `rpps-${prefix}-${++names}-${Math.random().toString(36).slice(2, 7)}`;
