// The brain of a panel in a page: a function from settings to views and facts, as helpers/panels has them in Python.

import { KINDS } from '../palette.js';

/** Make a brain for `mount` of a function draw(settings) that returns { views, facts, caption, note }. */
export function makeBrain(spec, draw) {
  const calls = [], settings = Object.fromEntries(spec.controls.map((control) => [control.name, control.start]));
  const answer = (now) => {
    let result;
    try {
      const { facts, ...rest } = draw(now);
      result = { ...rest, facts: Object.entries(facts), message: '' };
    } catch (error) {
      result = { message: `This setting cannot be shown. ${error.message} Press Reset.` };
    }
    calls.forEach((call) => call(result));
  };
  return {
    settings,
    ask: (now) => requestAnimationFrame(() => answer(now)),
    onSettings() {},
    onAnswer(call) {
      calls.push(call);
      queueMicrotask(() => answer(settings));
    },
  };
}

/** A picture as a view: values 0..1, or kinds of pixels. */
export function picture(title, values, size, colors = 'gray', { truth, found, below = '' } = {}) {
  const scale = KINDS[colors] ? 1 : 255;
  return {
    kind: 'picture', title, shape: [size, size], values: Uint8Array.from(values, (v) => Math.round(v * scale)), colors, below,
    outlines: { ...(truth && { truth }), ...(found && { prediction: found }) },
  };
}
