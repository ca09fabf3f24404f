// Counting in a page: how many lesions each method finds, and where, as helpers/panels/counting.py has it. The networks are those
// that came with the site: the first finds lesions, and the second was trained with gaps and weights, as notebook 08 trains its own.

import { SCENE, drawScene } from '../scene.js';
import { fixed, picture } from './brain.js';
import { circleObjects } from './hough.js';
import { countObjects, cutGaps, matchObjects, pieces, splitObjects } from './objects.js';

const SIZE = 96, RADIUS = [5, 10];

/** The function of the panel for two networks, { net, splitting } each: settings to views and facts. */
export const counting = (plain, gaps) => ({ circles, noise, seed, strictness }) => {
  const { image, numbers: labels } = drawScene({ ...SCENE, circles, radius: RADIUS, contrast: 0.4, noise, vessels: 2 }, seed);
  const found = {
    'Hough circles': circleObjects(image, SIZE, RADIUS, strictness),
    Watershed: splitObjects(plain.net.predict(image), SIZE, plain.splitting),
    'Gaps and weights': splitObjects(gaps.net.predict(image), SIZE, gaps.splitting),
  };
  const there = countObjects(labels);
  const facts = { 'lesions to be seen': String(there), 'connected pieces of the true mask': String(countObjects(pieces(labels, SIZE))) };
  const views = [picture(`Truth: ${there}`, image, SIZE, 'gray', { truth: cutGaps(labels, SIZE) })];
  for (const [name, one] of Object.entries(found)) {
    const { fn, fp, f1 } = matchObjects(labels, one), count = countObjects(one);
    facts[name] = `${count}; ${fn} missed, ${fp} invented, F1 ${fixed(f1)}`;
    views.push(picture(`${name}: ${count}`, image, SIZE, 'gray', { found: cutGaps(one, SIZE) }));
  }
  return { views, facts, note: 'Both networks came with this site; the second one was trained with gaps and weights, as in this notebook.' };
};
