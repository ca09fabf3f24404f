// The flip book in a page: what a small network made of a few scans, page by page, as web/flip_book.mjs kept it.

import { dicePerImage } from '../scores.js';
import { errorMap } from '../panels/paint.js';
import { fixed, picture } from './brain.js';

/** Fetch the pages: { times, size, scans, images, masks, pages }, one array of bytes for each scan (and page). */
export async function flipPages() {
  const at = (name) => fetch(new URL(`../built/${name}`, import.meta.url));
  const [about, data] = await Promise.all([at('flip.json').then((r) => r.json()), at('flip.bin').then((r) => r.arrayBuffer())]);
  const { times, size, scans } = about, area = size * size, part = (i) => new Uint8Array(data, i * area, area), all = (first) => Array.from({ length: scans }, (_, i) => part(first + i));
  return { ...about, images: all(0), masks: all(scans), pages: times.map((_, page) => all((2 + page) * scans)) };
}

/** The function of the panel for such pages: settings to views and facts. */
export const flip = ({ times, size, images, masks, pages }) => ({ page, picture: which }) => {
  const mask = masks[which], area = size * size, chances = pages.map((one) => Float32Array.from(one[which], (v) => v / 255));
  const found = Uint8Array.from(pages[page][which], (v) => (v >= 128 ? 1 : 0)), scores = chances.map((chance) => dicePerImage(mask, chance, area)[0]);
  const share = (one) => `${fixed((100 * one.reduce((a, b) => a + b, 0)) / area, 1)}%`;
  return {
    views: [
      picture('Scan and truth', Float32Array.from(images[which], (v) => v / 255), size, 'gray', { truth: mask }),
      picture('Probability', chances[page], size, 'probability'),
      picture('Errors', errorMap(mask, found), size, 'errors'),
      {
        kind: 'chart', title: 'Dice of this picture', x: [0, times.length - 1, 'page'], y: [0, 1, ''], marks: [[page, '']],
        lines: [{ name: 'Dice', color: 'prediction', style: 'line', points: scores.map((score, i) => [i, score]) }],
      },
    ],
    facts: {
      network: times[page] ? `after step ${times[page]}` : 'before training', 'Dice of this picture': fixed(scores[page]),
      'pixels called lesion': share(found), 'pixels that are': share(mask),
    },
    note: 'These pages are of a small network on 64x64 pixels, trained when this site was made.',
  };
};
