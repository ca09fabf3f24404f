// The brain of a panel in a page: a function from settings to views and facts, as helpers/panels has them in Python.

import { KINDS } from '../palette.js';

/** Make a brain for `mount` of a function draw(settings) that returns { views, facts, note, offers }. act(settings), where the
 *  panel has a button for longer work, yields such results as they come; between two of them the page gets its turn. */
export function makeBrain(spec, draw, act) {
  const calls = [], settings = Object.fromEntries(spec.controls.map((control) => [control.name, control.start]));
  const tell = (result) => calls.forEach((call) => call(result));
  const complain = (error) => tell({ message: `This setting cannot be shown. ${error.message} Press Reset.` });
  const made = ({ facts, ...rest }, more = false) => ({ ...rest, facts: Object.entries(facts), message: '', more });
  const answer = (now) => {
    let result;
    try {
      result = made(draw(now));
    } catch (error) {
      return complain(error);
    }
    tell(result);
  };
  return {
    settings,
    ask: (now) => requestAnimationFrame(() => answer(now)),
    async act(now) {
      let last;
      try {
        for await (const result of act(now)) {
          if (last) tell(made(last, true)), await new Promise((turn) => setTimeout(turn));
          last = result;
        }
        tell(made(last));
      } catch (error) {
        complain(error);
      }
    },
    onSettings() {},
    onAnswer(call) {
      calls.push(call);
      queueMicrotask(() => answer(settings));
    },
  };
}

/** A number with so many digits after the point, as Python writes it: what lies just half-way goes to the even digit. */
export function fixed(value, digits = 2) {
  const unit = 10 ** digits, half = Number.isInteger(value * 2 ** 20) && Math.abs((value * unit) % 1) === 0.5;
  return (half ? (2 * Math.round((value * unit) / 2)) / unit : value).toFixed(digits);
}

/** A picture as a view: values 0..1, or kinds of pixels. */
export function picture(title, values, size, colors = 'gray', { truth, found, below = '' } = {}) {
  const scale = KINDS[colors] ? 1 : 255;
  return {
    kind: 'picture', title, shape: [size, size], values: Uint8Array.from(values, (v) => Math.round(v * scale)), colors, below,
    outlines: { ...(truth && { truth }), ...(found && { prediction: found }) },
  };
}
