// The front of every panel: controls, views, facts in words, and a sentence when something is the matter.
//
// A panel is this front and a brain. The brain is an object with
//   settings            the values of the controls, by name
//   ask(settings)       asks for another answer
//   act(settings)       asks for what takes longer, if spec.action names a button for it
//   onSettings(call)    calls back when the settings were changed elsewhere, for example in Python
//   onAnswer(call)      calls back with each answer {views, facts: [[name, text]], caption, note, offers, message, more}
//   onRest(html)        is called when the hand has rested for a second, with what is seen as HTML
// In a notebook it is Python in the kernel (notebook.js); in a page it is JavaScript beside it (web/brains).

import { el } from './paint.js';
import { makeField, nearest } from './fields.js';
import { makeView, snapshot } from './views.js';

const BUSY = 'The kernel has not answered yet. If another cell is running, the picture follows when it is done. '
  + 'If the kernel was restarted, run this cell again.';
const GONE = 'The kernel was restarted or has stopped, so this is the last picture. Run this cell again to move its sliders.';

let panels = 0;

/** Build the panel into `place` and return {lost, close}: lost() says that the brain is gone, close() ends its timers. */
export function mount(place, spec, brain) {
  const name = `unet-panel-${(panels += 1)}-${Math.random().toString(36).slice(2, 8)}`;
  const views = el('div', { class: 'unet-views' }), facts = el('dl', { class: 'unet-facts' });
  const message = el('p', { class: 'unet-message', role: 'status' }), offers = el('div', { class: 'unet-buttons unet-offers' });
  const spoken = el('p', { class: 'unet-spoken', 'aria-live': 'polite' });
  const inputs = el('fieldset', { class: 'unet-controls' }, el('legend', {}, `Settings of ${spec.title.toLowerCase()}`));
  const buttons = el('div', { class: 'unet-buttons' }), controls = el('fieldset', { class: 'unet-all' }, offers, inputs, buttons);
  const root = el('section', { class: 'unet-panel', 'aria-labelledby': name },
    el('h3', { id: name, class: 'unet-title' }, spec.title), views, facts, message, controls, spoken);
  // JupyterLab's shortcuts stay away from what has this attribute: there the arrow keys fold headings. Control+S still saves.
  const guard = (event) => {
    if (root.contains(event.target)) event.target.toggleAttribute('data-lm-suppress-shortcuts', !event.ctrlKey && !event.metaKey);
  };
  window.addEventListener('keydown', guard, true);
  // In a low window pictures and facts scroll (panel.css), and the keyboard has to get there.
  const low = window.matchMedia('(max-height: 480px)');
  const reachable = () => [views, facts].forEach((part) => (low.matches ? part.setAttribute('tabindex', '0') : part.removeAttribute('tabindex')));
  low.addEventListener('change', reachable);
  reachable();
  let settings = { ...brain.settings }, asked = null, turn = 0, gone = false, player = null, shown = [];
  const timers = {};
  const later = (key, wait, call) => { clearTimeout(timers[key]); timers[key] = setTimeout(call, wait); };
  const say = (words, kind = '') => { message.textContent = words; message.dataset.kind = kind; };

  const fields = {};
  spec.controls.forEach((control, i) => {
    fields[control.name] = makeField(control, `${name}-${i}`, (key, value) => change({ [key]: value }), (words) => say(words, 'input'));
    inputs.append(fields[control.name].node);
  });
  if (!spec.controls.length) controls.hidden = true;
  const button = (words, call, into = buttons) => {
    const node = el('button', { type: 'button', onclick: call }, words);
    into.append(node);
    return node;
  };
  const start = Object.fromEntries(spec.controls.map((control) => [control.name, control.start]));
  button('Reset', () => { turn = 0; stop(); change(start); });
  if (spec.next) button(spec.next.label, () => {
    if (spec.next.control) advance(spec.next.control);
    else change({ ...start, ...spec.next.examples[turn++ % spec.next.examples.length] });
  });
  const play = spec.play && button('Play', () => (player ? stop() : begin()));
  if (spec.action) button(spec.action, () => {
    if (asked || gone) return;
    asked = settings;
    say('Working ...', 'wait');
    brain.act(settings);
  });

  function advance(key) {
    const control = spec.controls.find((one) => one.name === key);
    change({ [key]: settings[key] < control.high ? nearest(control, settings[key] + control.step) : control.low });
  }
  function begin() {
    play.textContent = 'Pause';
    const control = spec.controls.find((one) => one.name === spec.play);
    if (settings[spec.play] >= control.high) change({ [spec.play]: control.low });
    player = setInterval(() => { if (!asked) advance(spec.play); if (settings[spec.play] >= control.high) stop(); }, 600);
  }
  function stop() {
    clearInterval(player);
    player = null;
    if (play) play.textContent = 'Play';
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
    later('busy', 1500, () => say(BUSY, 'wait'));
    brain.ask(asked);
  }
  function answered(answer) {
    clearTimeout(timers.busy);
    if (answer.more) return show(answer, 'Working ...');
    const waiting = asked && asked !== settings;
    asked = null;
    show(answer);
    if (waiting && !gone) ask();
    else later('rest', 1000, () => brain.onRest?.(snapshot(views)));
  }
  function show(answer, working = '') {
    const words = answer.message || working || answer.note || '';
    say(words, answer.message ? 'error' : words ? 'note' : '');
    if (!answer.views) return;
    answer.views.forEach((view, i) => {
      if (shown[i]?.kind !== view.kind) {
        const made = { kind: view.kind, ...makeView(view.kind, change) };
        if (shown[i]) shown[i].close(), shown[i].node.replaceWith(made.node);
        else views.append(made.node);
        shown[i] = made;
      }
      shown[i].update(view);
    });
    shown.splice(answer.views.length).forEach((old) => { old.close(); old.node.remove(); });
    facts.replaceChildren(...answer.facts.map(([term, words]) => el('div', {}, el('dt', {}, term), el('dd', {}, words))));
    offers.replaceChildren();
    for (const [label, values] of answer.offers ?? []) button(label, () => change(values), offers);
    root.dataset.answer = (Number(root.dataset.answer) || 0) + 1;
    later('speak', 700, () => { spoken.textContent = answer.facts.map(([term, words]) => `${term}: ${words}`).join('. '); });
  }

  brain.onSettings((values) => { if (!asked) { settings = { ...values }; showSettings(); } });
  brain.onAnswer(answered);
  showSettings();
  place.append(root);
  return {
    lost() { gone = true; stop(); controls.disabled = true; Object.values(timers).forEach(clearTimeout); say(GONE, 'gone'); },
    close() { stop(); low.removeEventListener('change', reachable); window.removeEventListener('keydown', guard, true); Object.values(timers).forEach(clearTimeout); shown.forEach((one) => one.close()); },
  };
}
