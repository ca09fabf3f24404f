// Objects in a page: numbering, cutting at waists, matching, as helpers/instances has them. Labels are whole numbers, 0 for
// background; a picture is `size * size` values, row by row. A test compares all of it with Python, pixel by pixel.

const EIGHT = [[-1, 0], [0, -1], [0, 1], [1, 0], [-1, -1], [-1, 1], [1, -1], [1, 1]]; // by side first, then by corner

/** Call visit(neighbor) for the neighbors of a pixel, by side and by corner, that lie in the picture. */
function around(at, size, visit) {
  const y = Math.floor(at / size), x = at % size;
  for (const [dy, dx] of EIGHT) if (y + dy >= 0 && x + dx >= 0 && y + dy < size && x + dx < size) visit(at + dy * size + dx);
}

/** Number the connected pieces of what is not 0, from 1, in the order in which a reader meets them. */
export function pieces(mask, size) {
  const labels = new Int32Array(mask.length);
  let count = 0;
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || labels[start]) continue;
    const part = [start];
    labels[start] = count += 1;
    for (let i = 0; i < part.length; i++) around(part[i], size, (near) => { if (mask[near] && !labels[near]) labels[near] = count, part.push(near); });
  }
  return labels;
}

/** How many pixels each number has: { numbers, areas }, the numbers from low to high, without the background. */
function areasOf(labels) {
  const areas = new Map();
  for (const label of labels) if (label) areas.set(label, (areas.get(label) ?? 0) + 1);
  const numbers = [...areas.keys()].sort((a, b) => a - b);
  return { numbers, areas: numbers.map((number) => areas.get(number)) };
}

export const countObjects = (labels) => areasOf(labels).numbers.length;

/** Labels without objects of fewer than `least` pixels, numbered anew from 1. */
export function dropSmall(labels, least) {
  const { numbers, areas } = areasOf(labels), names = new Map(numbers.filter((_, i) => areas[i] >= least).map((number, i) => [number, i + 1]));
  return labels.map((label) => names.get(label) ?? 0);
}

/** The distance from each pixel of a mask to the nearest pixel that is none of it; beyond the picture there is none of it. */
function distances(mask, size) {
  const up = new Float64Array(mask.length), out = new Float64Array(mask.length);
  for (let x = 0; x < size; x++) {
    for (let y = 0; y < size; y++) up[y * size + x] = mask[y * size + x] ? (y ? up[(y - 1) * size + x] : 0) + 1 : 0;
    for (let y = size - 1; y >= 0; y--) up[y * size + x] = Math.min(up[y * size + x], (y < size - 1 ? up[(y + 1) * size + x] : 0) + 1);
  }
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      let best = Math.min(x + 1, size - x) ** 2;
      for (let u = 0; u < size; u++) best = Math.min(best, (x - u) ** 2 + up[y * size + u] ** 2);
      out[y * size + x] = mask[y * size + x] ? Math.sqrt(best) : 0;
    }
  return out;
}

/** Smooth by a Gaussian of a standard deviation of one pixel; beyond the border the picture is mirrored. */
function smooth(values, size) {
  const weights = [0, 1, 2, 3, 4].map((k) => Math.exp(-0.5 * k * k)), total = weights[0] + 2 * weights.slice(1).reduce((a, b) => a + b);
  const fold = (i) => (i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i);
  const once = (from, step, other) => {
    const to = new Float64Array(from.length);
    for (let line = 0; line < size; line++)
      for (let i = 0; i < size; i++) {
        const at = (k) => from[line * other + fold(i + k) * step];
        let sum = (weights[0] / total) * at(0);
        for (let k = 1; k < 5; k++) sum += (weights[k] / total) * (at(k) + at(-k));
        to[line * other + i * step] = sum;
      }
    return to;
  };
  return once(once(values, 1, size), size, 1);
}

/** Let `seed` grow under `hills` as far as it can. */
function reconstructed(seed, hills, size) {
  for (let changed = true; changed;) {
    changed = false;
    const across = new Float64Array(seed.length), grown = new Float64Array(seed.length), at = (values, y, x) => (y < 0 || x < 0 || y >= size || x >= size ? -Infinity : values[y * size + x]);
    for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) across[y * size + x] = Math.max(at(seed, y, x - 1), at(seed, y, x), at(seed, y, x + 1));
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const i = y * size + x;
        grown[i] = Math.min(Math.max(at(across, y - 1, x), across[i], at(across, y + 1, x)), hills[i]);
        if (grown[i] !== seed[i]) changed = true;
      }
    seed = grown;
  }
  return seed;
}

/** 1 where a pixel, or the even ground that it belongs to, is higher than all around it. */
function peaks(values, size) {
  const found = new Uint8Array(values.length), seen = new Uint8Array(values.length);
  for (let start = 0; start < values.length; start++) {
    if (seen[start]) continue;
    const flat = [start];
    let highest = true;
    seen[start] = 1;
    for (let i = 0; i < flat.length; i++)
      around(flat[i], size, (near) => {
        if (values[near] > values[start]) highest = false;
        else if (values[near] === values[start] && !seen[near]) seen[near] = 1, flat.push(near);
      });
    if (highest && flat.length < values.length) for (const at of flat) found[at] = 1;
  }
  return found;
}

/** Flood hills from their markers, highest first, and of equals the one that was reached first. */
function flooded(hills, markers, mask, size) {
  const labels = Int32Array.from(markers), heap = [];
  let age = 0;
  const before = (a, b) => (hills[a.at] === hills[b.at] ? a.age < b.age : hills[a.at] > hills[b.at]);
  const push = (one) => {
    let i = heap.push(one) - 1;
    for (let up = (i - 1) >> 1; i && before(heap[i], heap[up]); i = up, up = (i - 1) >> 1) [heap[i], heap[up]] = [heap[up], heap[i]];
  };
  const pop = () => {
    const first = heap[0], last = heap.pop();
    if (!heap.length) return first;
    heap[0] = last;
    for (let i = 0; ;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let top = i;
      if (left < heap.length && before(heap[left], heap[top])) top = left;
      if (right < heap.length && before(heap[right], heap[top])) top = right;
      if (top === i) return first;
      [heap[i], heap[top]] = [heap[top], heap[i]];
      i = top;
    }
  };
  labels.forEach((label, at) => { if (label) push({ at, age: 0 }); });
  while (heap.length) {
    const { at } = pop();
    around(at, size, (near) => {
      if (!mask[near] || labels[near]) return;
      labels[near] = labels[at];
      push({ at: near, age: (age += 1) });
    });
  }
  return labels;
}

/** Cut what is foreground into objects where it is narrow, as `split_objects`. probability: 0..1 for each pixel. */
export function splitObjects(probability, size, { threshold, waist, min_area: least }) {
  const mask = Uint8Array.from(probability, (p) => (p >= threshold ? 1 : 0)), hills = smooth(distances(mask, size), size), low = Math.min(...hills) - waist - 1;
  const wide = size + 2, padded = new Float64Array(wide * wide).fill(low), place = (at) => (Math.floor(at / size) + 1) * wide + (at % size) + 1;
  hills.forEach((value, at) => { if (mask[at]) padded[place(at)] = value; });
  const tops = peaks(reconstructed(padded.map((value) => value - waist), padded, wide), wide);
  const markers = pieces(mask.map((inside, at) => (inside && tops[place(at)] ? 1 : 0)), size);
  return dropSmall(flooded(hills, markers, mask, size), least);
}

/** A mask in which a line of one pixel, taken from the larger one, parts any two objects that touch, as `cut_gaps`. */
export function cutGaps(labels, size) {
  const { numbers, areas } = areasOf(labels), order = numbers.map((_, i) => i).sort((a, b) => areas[a] - areas[b] || a - b);
  const rank = new Map([[0, numbers.length + 1], ...order.map((i, place) => [numbers[i], place])]);
  return Uint8Array.from(labels, (label, at) => {
    if (!label) return 0;
    let smallest = true;
    around(at, size, (near) => { if (rank.get(labels[near]) < rank.get(label)) smallest = false; });
    return smallest ? 1 : 0;
  });
}

/** How many objects are found, invented and missed, each pair of an IoU of at least 0.5: { tp, fp, fn, f1 }. */
export function matchObjects(truth, found) {
  const [true_, pred] = [areasOf(truth), areasOf(found)], overlap = true_.numbers.map(() => pred.numbers.map(() => 0));
  truth.forEach((label, at) => { if (label && found[at]) overlap[true_.numbers.indexOf(label)][pred.numbers.indexOf(found[at])] += 1; });
  const may = overlap.map((row, i) => row.flatMap((both, j) => (both && both / (true_.areas[i] + pred.areas[j] - both) >= 0.5 ? [j] : [])));
  const owner = pred.numbers.map(() => -1); // as many pairs as possible: one that is in the way is moved, if it can be
  const pair = (i, tried) => may[i].some((j) => {
    if (tried.has(j)) return false;
    tried.add(j);
    if (owner[j] >= 0 && !pair(owner[j], tried)) return false;
    owner[j] = i;
    return true;
  });
  const tp = may.filter((_, i) => pair(i, new Set())).length, [fp, fn] = [pred.numbers.length - tp, true_.numbers.length - tp];
  return { tp, fp, fn, f1: tp + fp + fn ? (2 * tp) / (2 * tp + fp + fn) : 1 };
}
