// Shared by every module of this folder. Text is only ever set as text: a file's content can never become markup.

export function h(tag, attributes = {}, ...children) {
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

// Draws each view Python sends, and asks for the first one. Returns what the widget framework calls at the end. When the
// program behind the page is gone, everything that was drawn goes: no name stays in a page that nobody answers for.
export function live(model, el, draw, hear = () => {}) {
  el.classList.add("rpps");
  const fault = h("p", { role: "alert", class: "rpps-alert" });
  el.append(fault);
  const listen = (message, buffers) => {
    fault.textContent = message.fault || "";
    if (message.view) draw(message.view);
    hear(message, buffers);
  };
  const gone = () => {
    model.off("msg:custom", listen);
    el.replaceChildren();
  };
  model.on("msg:custom", listen);
  document.addEventListener("rpps-gone", gone, { once: true });
  model.send({ do: "show" });
  return () => {
    document.removeEventListener("rpps-gone", gone);
    model.off("msg:custom", listen);
  };
}

export function later(milliseconds, act) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), milliseconds);
  };
}

let names = 0;
export const fresh = (prefix) => `rpps-${prefix}-${++names}-${Math.random().toString(36).slice(2, 7)}`;

// A file that Python gives: saved under its name, or opened in a new tab.
export function deliver(name, type, bytes, seen) {
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  const link = seen ? h("a", { href: address, target: "_blank", rel: "noopener" }) : h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

export const duration = (seconds) => `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
