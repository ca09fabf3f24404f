// The difficulty dial in a page: a scene of web/scene.js, its gray levels, and how far the best threshold gets.

import { drawScene } from '../scene.js';
import { bestThreshold } from '../scores.js';
import { errorMap } from '../panels/paint.js';
import { fixed, picture } from './brain.js';

const SIZE = 96, AREA = SIZE * SIZE, BINS = 50;

/** The function of the panel: settings to views and facts. */
export function difficulty({ seed, ...dials }) {
  const { image, mask } = drawScene({ size: SIZE, ...dials }, seed), best = bestThreshold(mask, image, AREA);
  const inside = mask.reduce((a, b) => a + b, 0), nothing = !inside;
  const found = Uint8Array.from(image, (v) => (!nothing && v >= best.threshold ? 1 : 0));
  const counts = [0, 1].map(() => Array(BINS).fill(0)), sums = [0, 0];
  image.forEach((v, i) => {
    counts[mask[i]][Math.min(BINS - 1, Math.floor(v * BINS))] += 1;
    sums[mask[i]] += v;
  });
  const most = Math.max(...counts.flat()), top = [300, 600, 1200, 2500, 5000, 10000].find((one) => one >= most);
  const gap = sums[1] / inside - sums[0] / (AREA - inside);
  return {
    views: [
      picture('Scan', image, SIZE),
      picture('Mask: what is lesion', mask, SIZE, 'mask'),
      {
        kind: 'chart', title: 'Gray levels', x: [0, 1, 'gray level'], y: [0, top, 'pixels'], marks: nothing ? [] : [[best.threshold, 'threshold']],
        lines: ['background', 'lesions'].map((name, kind) => ({ name, color: kind ? 'truth' : 'quiet', style: 'bars', points: counts[kind].map((n, i) => [i / BINS, n]) })),
      },
      picture(nothing ? 'Nothing to find' : `Above ${fixed(best.threshold)}: Dice ${fixed(best.dice)}`, errorMap(mask, found), SIZE, 'errors'),
    ],
    facts: {
      'best threshold': nothing ? 'nothing to find' : fixed(best.threshold), 'its Dice': nothing ? 'none' : fixed(best.dice),
      'lesion pixels': `${fixed((100 * inside) / AREA, 1)}%`,
      'lesions brighter by': nothing ? 'no lesions' : inside === AREA ? 'no background' : `${gap < 0 ? '' : '+'}${fixed(gap)}`,
    },
  };
}
