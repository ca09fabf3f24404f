// The architect in a page: the shapes of a U-Net by arithmetic, as helpers/anatomy.py and helpers/panels/unet_architect.py have it.

import { SCENE, drawScene } from '../scene.js';
import { picture } from './brain.js';

const SIZES = [32, 576, 4];
const comma = (value) => value.toLocaleString('en-US');
const weightsOf = (kernel, into, out) => kernel * kernel * into * out + out;

/** What one side loses by padding "valid", doubled for both sides. */
const crop = (depth) => { let lost = 2; for (let i = 1; i < depth; i++) lost = 2 * lost + 4; return 2 * lost; };

/** Why a size cannot be halved as often as the depth asks, in words, or '' if it can. */
export function problem(size, depth, padding) {
  let here = size;
  for (let level = 1; level < depth; level++) {
    here -= padding === 'valid' ? 4 : 0;
    if (here % 2 || here <= 0) return `level ${level} would have to halve ${here}`;
    here /= 2;
  }
  return here <= 0 || (padding === 'valid' && size <= crop(depth)) ? 'nothing would be left of it' : '';
}

/** The blocks from input to output: { block, size, channels, weights }. */
export function shapeTable(size, depth, filters, padding) {
  const rows = [], lost = padding === 'valid' ? 4 : 0, add = (block, channels, weights) => rows.push({ block, size: here, channels, weights });
  let here = size, before = 1;
  for (let level = 1; level <= depth; level++) {
    const width = filters * 2 ** (level - 1);
    here -= lost;
    add(level === depth ? 'bottleneck' : `encoder_${level}`, width, weightsOf(3, before, width) + weightsOf(3, width, width));
    if (level < depth) here /= 2;
    before = width;
  }
  for (let level = depth - 1; level > 0; level--) {
    const width = filters * 2 ** (level - 1);
    here *= 2;
    add(`up_${level}`, width, weightsOf(2, before, width));
    here -= lost;
    add(`decoder_${level}`, width, weightsOf(3, 2 * width, width) + weightsOf(3, width, width));
    before = width;
  }
  add('logits', 1, weightsOf(1, before, 1));
  return rows;
}

/** How many pixels wide the part of the input is that the middle output pixel sees. */
export function receptiveField(depth) {
  let first = 0, last = 0;
  for (let i = 1; i < depth; i++) [first, last] = [Math.floor((first - 2) / 2), Math.floor((last + 2) / 2)];
  [first, last] = [first - 2, last + 2];
  for (let i = 1; i < depth; i++) [first, last] = [2 * first - 2, 2 * last + 1 + 2];
  return last - first + 1;
}

/** The largest connected lesion of a mask: { x, y, wide, mask }, or null. Neighbors touch by an edge or a corner. */
export function largestLesion(mask, size) {
  const seen = new Uint8Array(mask.length);
  let best = null;
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || seen[start]) continue;
    const part = [start];
    seen[start] = 1;
    for (let i = 0; i < part.length; i++) {
      const y = Math.floor(part[i] / size), x = part[i] % size;
      for (let v = Math.max(0, y - 1); v <= Math.min(size - 1, y + 1); v++)
        for (let u = Math.max(0, x - 1); u <= Math.min(size - 1, x + 1); u++)
          if (mask[v * size + u] && !seen[v * size + u]) seen[v * size + u] = 1, part.push(v * size + u);
    }
    if (!best || part.length > best.length) best = part;
  }
  if (!best) return null;
  const xs = best.map((at) => at % size), ys = best.map((at) => Math.floor(at / size)), range = (v) => v.reduce((a, b) => Math.max(a, b)) - v.reduce((a, b) => Math.min(a, b)) + 1;
  const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length, shape = new Uint8Array(mask.length);
  best.forEach((at) => { shape[at] = 1; });
  return { x: mean(xs), y: mean(ys), wide: Math.max(range(xs), range(ys)), mask: shape };
}

/** The function of the panel: settings to views and facts. */
export function architect({ depth, filters, size, padding, seed }) {
  const { image, mask } = drawScene({ ...SCENE, size, circles: 5, radius: [5, Math.min(15, size / 2)], contrast: 0.4, noise: 0.06, vessels: 1 }, seed);
  const field = receptiveField(depth), lesion = largestLesion(mask, size), bad = problem(size, depth, padding);
  const facts = {
    weights: 'none', 'activations, one picture': 'none', output: 'none', 'receptive field': `${field} px`,
    'largest lesion': lesion ? `${lesion.wide} px` : 'none here',
  };
  const seen = fieldPicture(image, size, lesion, field), drawn = (title, stages) => ({ kind: 'u', title, stages, skips: true, chosen: '', control: '' });
  if (bad) {
    const fitting = [];
    for (let one = SIZES[0]; one <= SIZES[1]; one += SIZES[2]) if (!problem(one, depth, padding)) fitting.push(one);
    const near = [fitting.filter((one) => one < size).at(-1), fitting.find((one) => one > size)].filter(Boolean);
    const rule = padding === 'same' ? `a multiple of ${2 ** (depth - 1)}` : 'a size that stays even on every level';
    const note = `The size is ${size} pixels, but ${bad}. A U-Net of depth ${depth} with padding "${padding}" needs ${rule}.${near.length ? '' : ' No size of this slider fits: lower the depth.'}`;
    return { views: [drawn('This U-Net cannot be built', []), seen], facts, note, offers: near.map((one) => [`Take ${one} pixels`, { size: one }]) };
  }
  const rows = shapeTable(size, depth, filters, padding), blocks = rows.filter(({ block }) => /^(encoder|bottleneck|decoder)/.test(block));
  const numbers = rows.reduce((sum, row) => sum + row.size ** 2 * row.channels, 0)
    + blocks.reduce((sum, row) => sum + (row.size + (padding === 'valid' ? 2 : 0)) ** 2 * row.channels, 0);
  Object.assign(facts, {
    weights: comma(rows.reduce((sum, row) => sum + row.weights, 0)),
    'activations, one picture': `${(4 * numbers / 1e6).toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })} MB`,
    output: `${rows.at(-1).size} x ${rows.at(-1).size} px`,
  });
  const stages = blocks.map((row) => [row.block, row.block === 'bottleneck' ? depth : Number(row.block.split('_')[1]), row.size, row.size, row.channels]);
  return { views: [drawn(`Depth ${depth}, ${filters} filters, padding ${padding}`, stages), seen], facts };
}

/** The scan with its largest lesion outlined and, as a box, the square that one output pixel sees. */
function fieldPicture(image, size, lesion, field) {
  const middle = lesion ? [lesion.x + 0.5, lesion.y + 0.5] : [size / 2, size / 2], inside = (v) => Math.min(Math.max(v, 0), size);
  const first = middle.map((v) => inside(v - field / 2)), wide = middle.map((v, i) => inside(v + field / 2) - first[i]);
  const words = lesion && field < lesion.wide ? 'It cannot see across the lesion.' : Math.min(...wide) >= size ? 'It sees the whole scan.'
    : lesion ? "It sees past the lesion's border." : 'It sees a part of the scan.';
  const view = picture('What one output pixel sees', image, size, 'gray', { truth: lesion?.mask, below: `The square is its field, ${field} x ${field} pixels. ${words}` });
  return { ...view, box: [...first, ...wide], center: middle };
}
