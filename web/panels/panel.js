// The front of every panel: native labeled inputs, a picture, facts in words, and a sentence when something is the matter.
//
// A panel is this front and a brain. The brain is an object with
//   settings            the values of the controls, by name
//   ask(settings)       asks for another answer
//   onSettings(call)    calls back when the settings were changed elsewhere, for example in Python
//   onAnswer(call)      calls back with each answer {image: bytes of a PNG, facts: [[name, text]], caption, message}
//   onRest()            is called when the hand has rested for a second
// In a notebook it is Python in the kernel (`render`, below); in a page it is JavaScript beside it.

const BUSY = "The kernel has not answered yet. If another cell is running, the picture follows when it is done. "
  + "If the kernel was restarted, run this cell again.";
const GONE = "The kernel was restarted or has stopped, so this is the last picture. Run this cell again to move its sliders.";

let panels = 0;

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Returns the number that was typed, with a comma or a point, or null if it is none.
export function typed(text) {
  const plain = text.trim().replace(",", ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}

// Returns the nearest value that a control can have.
export function nearest(control, value) {
  const steps = Math.round((Math.min(Math.max(value, control.low), control.high) - control.low) / control.step);
  return Number((control.low + steps * control.step).toFixed(control.digits));
}

function rangeField(control, id, changed, complain) {
  const words = (value) => value.toFixed(control.digits);
  const slider = make("input", { type: "range", id, min: control.low, max: control.high, step: control.step,
    "aria-describedby": `${id}-help` });
  const number = make("input", { type: "text", inputmode: "decimal", "aria-label": `${control.label}, as a number` });
  slider.addEventListener("input", () => changed(control.name, Number(slider.value)));
  const read = () => {
    const value = typed(number.value);
    if (value === null || value < control.low || value > control.high) {
      number.setAttribute("aria-invalid", "true");
      complain(`${control.label}: write a number from ${words(control.low)} to ${words(control.high)}, for example ${words(control.start)}.`);
      return;
    }
    changed(control.name, nearest(control, value));
    show(nearest(control, value));
  };
  number.addEventListener("change", read);
  number.addEventListener("keydown", (event) => { if (event.key === "Enter") read(); });
  function show(value) {
    slider.value = value;
    number.removeAttribute("aria-invalid");
    number.value = words(value);
  }
  return { nodes: [slider, number], show };
}

function choiceField(control, id, changed) {
  const select = make("select", { id, "aria-describedby": `${id}-help` });
  control.choices.forEach((choice, i) => select.append(make("option", { value: i }, String(choice))));
  select.addEventListener("change", () => changed(control.name, control.choices[Number(select.value)]));
  return { nodes: [select], show: (value) => { select.value = control.choices.indexOf(value); } };
}

// Builds the panel into `el` and returns {lost, close}: lost() says that the brain is gone, close() ends its timers.
export function mount(el, spec, brain) {
  const name = `unet-panel-${(panels += 1)}-${Math.random().toString(36).slice(2, 8)}`;
  const picture = make("img", { alt: spec.title, class: "unet-picture" });
  const facts = make("dl", { class: "unet-facts" });
  const message = make("p", { class: "unet-message", role: "status" });
  const spoken = make("p", { class: "unet-spoken", "aria-live": "polite" });
  const inputs = make("fieldset", { class: "unet-controls" }, make("legend", {}, `Settings of ${spec.title.toLowerCase()}`));
  const buttons = make("div", { class: "unet-buttons" });
  const controls = make("fieldset", { class: "unet-all" }, inputs, buttons);
  const root = make("section", { class: "unet-panel", "aria-labelledby": name },
    make("h3", { id: name, class: "unet-title" }, spec.title), picture, facts, message, controls, spoken);
  // JupyterLab's shortcuts stay away from what has this attribute: there the arrow keys fold headings. Control+S still saves.
  const guard = (event) => {
    if (root.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey);
  };
  window.addEventListener("keydown", guard, true);
  let settings = { ...brain.settings }, asked = null, turn = 0, gone = false, player = null;
  const timers = {};
  const later = (key, wait, call) => { clearTimeout(timers[key]); timers[key] = setTimeout(call, wait); };
  const say = (text, kind = "") => { message.textContent = text; message.dataset.kind = kind; };

  const fields = {};
  spec.controls.forEach((control, i) => {
    const id = `${name}-${i}`;
    const build = control.choices ? choiceField : rangeField;
    fields[control.name] = build(control, id, (key, value) => change({ [key]: value }), (text) => say(text, "input"));
    inputs.append(make("div", { class: "unet-field" }, make("label", { for: id }, control.label),
      ...fields[control.name].nodes, make("span", { id: `${id}-help`, class: "unet-help" }, control.help)));
  });
  const button = (text, call) => {
    const node = make("button", { type: "button" }, text);
    node.addEventListener("click", call);
    buttons.append(node);
    return node;
  };
  const start = Object.fromEntries(spec.controls.map((control) => [control.name, control.start]));
  button("Reset", () => { turn = 0; stop(); change(start); });
  button(spec.next.label, () => {
    if (spec.next.control) advance(spec.next.control);
    else change({ ...start, ...spec.next.examples[turn++ % spec.next.examples.length] });
  });
  const play = spec.play && button("Play", () => (player ? stop() : begin()));

  function advance(key) {
    const control = spec.controls.find((one) => one.name === key);
    change({ [key]: settings[key] < control.high ? nearest(control, settings[key] + control.step) : control.low });
  }
  function begin() {
    play.textContent = "Pause";
    const control = spec.controls.find((one) => one.name === spec.play);
    if (settings[spec.play] >= control.high) change({ [spec.play]: control.low });
    player = setInterval(() => { if (!asked) advance(spec.play); if (settings[spec.play] >= control.high) stop(); }, 600);
  }
  function stop() {
    clearInterval(player);
    player = null;
    if (play) play.textContent = "Play";
  }
  function showSettings() {
    for (const [key, field] of Object.entries(fields)) field.show(settings[key]);
  }
  function change(values) {
    const next = { ...settings, ...values };
    const same = Object.keys(next).every((key) => next[key] === settings[key]);
    settings = next;
    showSettings();
    if (!same && !gone) ask();
  }
  // One question is under way at a time, so that quick presses do not pile up; the last one is always asked.
  function ask() {
    if (asked) return;
    asked = settings;
    later("busy", 1500, () => say(BUSY, "wait"));
    brain.ask(asked);
  }
  function answered(answer) {
    clearTimeout(timers.busy);
    const waiting = asked && asked !== settings;
    asked = null;
    show(answer);
    if (waiting && !gone) ask();
    else later("rest", 1000, () => brain.onRest && brain.onRest());
  }
  function show(answer) {
    say(answer.message || "", answer.message ? "error" : "");
    if (!answer.image) return;
    const old = picture.src;
    picture.src = URL.createObjectURL(new Blob([answer.image], { type: "image/png" }));
    if (old) setTimeout(() => URL.revokeObjectURL(old), 2000);
    picture.alt = `${spec.title}: ${answer.caption}`;
    facts.replaceChildren(...answer.facts.map(([term, text]) => make("div", {}, make("dt", {}, term), make("dd", {}, text))));
    later("speak", 700, () => { spoken.textContent = answer.facts.map(([term, text]) => `${term}: ${text}`).join(". "); });
  }

  brain.onSettings((values) => { if (!asked) { settings = { ...values }; showSettings(); } });
  brain.onAnswer(answered);
  showSettings();
  el.append(root);
  return {
    lost() { gone = true; stop(); controls.disabled = true; Object.values(timers).forEach(clearTimeout); say(GONE, "gone"); },
    close() { stop(); window.removeEventListener("keydown", guard, true); Object.values(timers).forEach(clearTimeout); URL.revokeObjectURL(picture.src); },
  };
}

// In a notebook, over anywidget: the brain is the kernel's Python.
function render({ model, el }) {
  const brain = {
    settings: model.get("settings"),
    ask(settings) { model.set("settings", settings); model.save_changes(); },
    onSettings(call) { model.on("change:settings", () => call(model.get("settings"))); },
    onAnswer(call) {
      model.on("change:answer", () => call(model.get("answer")));
      if (model.get("answer").image) queueMicrotask(() => call(model.get("answer")));
    },
    onRest() { model.send({ kind: "rest" }); },
  };
  const spec = model.get("spec");
  const panel = mount(el, spec, brain);
  // While this panel lives, the still picture that stands below it for tomorrow is not needed.
  el.append(make("style", {}, `[data-unet-still="${spec.id}"] { display: none; }`));
  // A front end marks the views of a kernel that has gone with this class.
  model.on("comm_live_update", () => panel.lost());
  const dead = () => el.closest(".jupyter-widgets-disconnected") && panel.lost();
  const watch = new MutationObserver(dead);
  for (let node = el, i = 0; node && i < 4; node = node.parentElement, i += 1) {
    watch.observe(node, { attributes: true, attributeFilter: ["class"] });
  }
  return () => { watch.disconnect(); panel.close(); };
}

export default { render };
