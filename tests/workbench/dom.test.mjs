// The functions every module shares, on a document reduced to what they touch.
import assert from "node:assert/strict";
import { test } from "node:test";

class Element {
  constructor(tag) { Object.assign(this, { tag, attributes: {}, children: [], listeners: {}, classList: { add() {} } }); }
  setAttribute(name, value) { this.attributes[name] = value; }
  addEventListener(name, act) { this.listeners[name] = act; }
  append(...more) { this.children.push(...more); }
  replaceChildren(...more) { this.children = more; }
}
const heard = {};
globalThis.document = {
  createElement: (tag) => new Element(tag),
  addEventListener: (name, act) => { heard[name] = act; },
  removeEventListener: (name) => { delete heard[name]; },
};
const { duration, fresh, h, later, live } = await import("../../rpps_audit/workbench/static/dom.js");

test("an element has its attributes, its listeners and its children, and no false ones", () => {
  const press = () => {};
  const made = h("button", { type: "button", hidden: false, disabled: true, title: null, onclick: press }, "a", [null, "b", false]);
  assert.deepEqual(made.children, ["a", "b"]);
  assert.equal(made.attributes.disabled, "");
  assert.ok(!("hidden" in made.attributes) && !("title" in made.attributes));
  assert.equal(made.listeners.click, press);
});

test("when the program is gone, what was drawn goes and nothing is heard any longer", () => {
  const on = {};
  const model = { on: (name, act) => { on[name] = act; }, off: (name) => { delete on[name]; }, sent: [], send(message) { this.sent.push(message); } };
  const el = new Element("div");
  const drawn = [];
  live(model, el, (view) => { drawn.push(view); el.append("NOM"); });
  assert.deepEqual(model.sent, [{ do: "show" }]);
  on["msg:custom"]({ view: { a: 1 } });
  assert.deepEqual(drawn, [{ a: 1 }]);
  heard["rpps-gone"]();
  assert.deepEqual(el.children, []);
  assert.ok(!("msg:custom" in on));
});

test("what is asked too often is done once, with the last words", async () => {
  const done = [];
  const act = later(5, (word) => done.push(word));
  act("a");
  act("b");
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(done, ["b"]);
});

test("durations and names", () => {
  assert.equal(duration(65), "1 min 05 s");
  assert.notEqual(fresh("x"), fresh("x"));
});
