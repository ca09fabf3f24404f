// The controls of a panel: native labeled inputs. Few short choices stand side by side, more in a menu. A slider has a field beside it for typing a number.

import { el } from './paint.js';

/** The number that was typed, with a comma or a point, or null if it is none. */
export function typed(text) {
  const plain = text.trim().replace(',', '.');
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}

/** The nearest value that a control can have. */
export function nearest(control, value) {
  const steps = Math.round((Math.min(Math.max(value, control.low), control.high) - control.low) / control.step);
  return Number((control.low + steps * control.step).toFixed(control.digits));
}

/** Make the field of a control. Returns { node, show(value) }; changed(name, value) and complain(words) are called from it. */
export function makeField(control, id, changed, complain) {
  const help = el('span', { id: `${id}-help`, class: 'unet-help' }, control.help);
  const make = !control.choices ? rangeField : control.choices.join('').length > 16 ? menuField : radioField;
  const { nodes, show } = make(control, id, (value) => changed(control.name, value), complain);
  return { node: el('div', { class: 'unet-field' }, ...nodes, help), show };
}

function rangeField(control, id, changed, complain) {
  const words = (value) => value.toFixed(control.digits);
  const slider = el('input', { type: 'range', id, min: control.low, max: control.high, step: control.step, 'aria-describedby': `${id}-help` });
  const number = el('input', { type: 'text', inputmode: 'decimal', 'aria-label': `${control.label}, as a number` });
  slider.addEventListener('input', () => changed(Number(slider.value)));
  const read = () => {
    const value = typed(number.value);
    if (value === null || value < control.low || value > control.high) {
      number.setAttribute('aria-invalid', 'true');
      complain(`${control.label}: write a number from ${words(control.low)} to ${words(control.high)}, for example ${words(control.start)}.`);
      return;
    }
    changed(nearest(control, value));
    show(nearest(control, value));
  };
  number.addEventListener('change', read);
  number.addEventListener('keydown', (event) => { if (event.key === 'Enter') read(); });
  function show(value) {
    slider.value = value;
    number.removeAttribute('aria-invalid');
    number.value = words(value);
  }
  return { nodes: [el('label', { for: id }, control.label), slider, number], show };
}

function menuField(control, id, changed) {
  const select = el('select', { id, 'aria-describedby': `${id}-help` }, ...control.choices.map((choice, i) => el('option', { value: i }, String(choice))));
  select.addEventListener('change', () => changed(control.choices[Number(select.value)]));
  return { nodes: [el('label', { for: id }, control.label), select], show: (value) => { select.value = control.choices.indexOf(value); } };
}

function radioField(control, id, changed) {
  const buttons = control.choices.map((choice) => el('input', { type: 'radio', name: id, value: String(choice), onchange: () => changed(choice) }));
  const group = el('div', { role: 'radiogroup', 'aria-labelledby': id, 'aria-describedby': `${id}-help`, class: 'unet-radios' },
    ...control.choices.map((choice, i) => el('label', {}, buttons[i], String(choice))));
  return { nodes: [el('span', { id, class: 'unet-label' }, control.label), group], show: (value) => buttons.forEach((b, i) => { b.checked = control.choices[i] === value; }) };
}
