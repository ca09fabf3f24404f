// The schedule in a page: the learning rate over a training, and a small network of the playground's engine that tries it.

import { UNet } from '../engine/unet.js';
import { SCENE, drawMany } from '../scene.js';
import { fixed } from './brain.js';
import { general } from '../answers/words.js';

const MOST_STEPS = 3000, HIGHEST_RATE = 0.01, SIZE = 32, PICTURES = 256, BATCH = 4;

/** The learning rate of every step, as `learning_rates` of helpers/panels/rate_schedule.py. */
export function learningRates({ peak, warmup, steps, kind }) {
  const up = Math.min(warmup, Math.floor(steps / 2));
  const after = {
    cosine: (done) => 0.5 * (1 + Math.cos(Math.PI * done)), constant: () => 1, stepwise: (done) => 0.5 ** Math.floor(5 * done),
  }[kind];
  return Float64Array.from({ length: steps }, (_, step) => peak * (step < up ? step / up : after(Math.min((step - up) / Math.max(steps - up, 1), 1))));
}

/** Means of every `width` losses, each at the step in its middle. */
function smoothed(losses, width = 20) {
  const points = [];
  for (let at = 0; at < losses.length; at += width) {
    const part = losses.slice(at, at + width), mean = part.reduce((a, b) => a + b, 0) / part.length;
    points.push([at + part.length / 2, Number.isFinite(mean) ? Math.min(mean, 9) : 9]);
  }
  return points;
}

/** The functions of the panel: { draw(settings), act(settings) }; act trains, and yields what to show while it does. */
export function schedule(module) {
  let runs = [], small;

  function draw(settings) {
    const { warmup, steps } = settings, rates = learningRates(settings), highest = Math.max(...rates), first = rates.indexOf(highest);
    const mean = rates.reduce((a, b) => a + b, 0) / steps, last = runs.at(-1)?.losses.slice(-20);
    const shown = [...new Set([...Array.from({ length: 240 }, (_, i) => Math.floor((i * (steps - 1)) / 239)), first])].sort((a, b) => a - b);
    const views = [{
      kind: 'chart', title: 'Learning rate', wide: true, x: [0, MOST_STEPS, 'step'], y: [0, HIGHEST_RATE, ''], marks: [[steps, 'end']],
      lines: [{ name: 'learning rate', color: 'prediction', style: 'line', points: shown.map((step) => [step, rates[step]]) }],
    }];
    const styles = [['quiet', 'dashed'], ['prediction', 'line']].slice(-runs.length);
    if (runs.length) views.push({
      kind: 'chart', title: 'Loss of a small network trained with it', wide: true, x: [0, MOST_STEPS, 'step'], y: [0, 1.6, ''], marks: [],
      lines: runs.map(({ name, losses }, i) => ({ name, points: smoothed(losses), color: styles[i][0], style: styles[i][1] })),
    });
    const half = Math.floor(steps / 2);
    return {
      views,
      facts: {
        'highest rate': fixed(highest, 4), 'reached at step': String(first), 'rate half-way': fixed(rates[half], 4),
        'last rate': fixed(rates.at(-1), 4), 'mean rate': fixed(mean, 4),
        'loss at the end': last ? fixed(last.reduce((a, b) => a + b, 0) / last.length, 3) : 'not trained yet',
      },
      note: warmup > half ? `A warm-up of ${warmup} is more than half of ${steps} steps, so ${half} is used: the rate must come down.` : '',
    };
  }

  async function* act(settings) {
    const rates = learningRates(settings), area = SIZE * SIZE, losses = [], before = runs.slice(-1);
    small ??= {
      net: new UNet(module, { size: SIZE, depth: 2, filters: 4, batch: BATCH, seed: 7 }),
      ...drawMany(PICTURES, { ...SCENE, size: SIZE, circles: [1, 3], radius: [3, 6], vessels: [0, 1] }, 3),
    };
    small.net.initialize(); // always from the same start, on the same scans
    runs = [...before, { name: `${settings.kind}, peak ${general(settings.peak)}, warm-up ${settings.warmup}`, losses }];
    for (let step = 0, since = performance.now(); step < rates.length; step++) {
      const at = ((BATCH * step) % PICTURES) * area, batch = (all) => all.subarray(at, at + BATCH * area);
      losses.push(small.net.step(batch(small.images), batch(small.masks), rates[step]));
      if (performance.now() - since < 30) continue;
      yield draw(settings);
      since = performance.now();
    }
    yield draw(settings);
  }
  return { draw, act };
}
