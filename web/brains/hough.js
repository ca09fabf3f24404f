// Hough circles in a page, as OpenCV finds them for `find_circles` of helpers/evaluation.py: edges vote for the centers of the
// circles that they may belong to. A test compares the circles with OpenCV's.

import { dropSmall } from './objects.js';

const CANNY = 120, ONE = 1024, BINS = 10; // the upper threshold of edges; fixed point; bins for one pixel of radius
const even = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value)); // a half goes to the even number
const f32 = Math.fround;

/** The median of each pixel and those up to two away; beyond the border the picture goes on as it ends. */
function median(values, size) {
  const at = (i) => Math.min(Math.max(i, 0), size - 1), window = new Uint8Array(25);
  return values.map((_, i) => {
    const y = Math.floor(i / size), x = i % size;
    for (let k = 0; k < 25; k++) window[k] = values[at(y + Math.floor(k / 5) - 2) * size + at(x + (k % 5) - 2)];
    return window.sort()[12];
  });
}

/** The slopes of a picture, by Sobel's kernels: { dx, dy }. */
function slopes(gray, size) {
  const at = (y, x) => gray[Math.min(Math.max(y, 0), size - 1) * size + Math.min(Math.max(x, 0), size - 1)];
  const dx = new Int32Array(gray.length), dy = new Int32Array(gray.length);
  for (let y = 0, i = 0; y < size; y++)
    for (let x = 0; x < size; x++, i++)
      for (let k = -1; k <= 1; k++) {
        dx[i] += (2 - Math.abs(k)) * (at(y + k, x + 1) - at(y + k, x - 1));
        dy[i] += (2 - Math.abs(k)) * (at(y + 1, x + k) - at(y - 1, x + k));
      }
  return { dx, dy };
}

/** Canny's edges: where the slope is steepest across, at least half the threshold, and connected to where it exceeds it. */
function edges({ dx, dy }, size) {
  const steep = (y, x) => (y < 0 || x < 0 || y >= size || x >= size ? 0 : Math.abs(dx[y * size + x]) + Math.abs(dy[y * size + x]));
  const found = new Uint8Array(dx.length), maybe = new Uint8Array(dx.length), sure = [];
  for (let y = 0, i = 0; y < size; y++)
    for (let x = 0; x < size; x++, i++) {
      const m = steep(y, x);
      if (m <= CANNY / 2) continue;
      const [a, b] = [Math.abs(dx[i]) * 13573, Math.abs(dy[i]) * 32768], side = dx[i] * dy[i] < 0 ? -1 : 1; // 13573 / 32768: the tangent of 22.5 degrees
      const ridge = b < a ? m > steep(y, x - 1) && m >= steep(y, x + 1)
        : b > a + Math.abs(dx[i]) * 65536 ? m > steep(y - 1, x) && m >= steep(y + 1, x) : m > steep(y - 1, x - side) && m > steep(y + 1, x + side);
      if (!ridge) continue;
      maybe[i] = 1;
      if (m > CANNY) found[i] = 1, sure.push(i);
    }
  for (let i = 0; i < sure.length; i++)
    for (let k = 0; k < 9; k++) {
      const y = Math.floor(sure[i] / size) + Math.floor(k / 3) - 1, x = (sure[i] % size) + (k % 3) - 1, near = y * size + x;
      if (y >= 0 && x >= 0 && y < size && x < size && maybe[near] && !found[near]) found[near] = 1, sure.push(near);
    }
  return found;
}

/** The circles in a picture of gray levels 0..1, the surest first: [[x, y, radius], ...]. */
export function findCircles(image, size, [least, most], strictness) {
  const gray = median(Uint8Array.from(image, (v) => even(f32(v * 255))), size), slope = slopes(gray, size), edge = edges(slope, size);
  const wide = size + 2, votes = new Int32Array(wide * wide), points = [];
  edge.forEach((on, i) => {
    if (!on) return;
    const [vx, vy] = [slope.dx[i], slope.dy[i]], length = f32(Math.sqrt(f32(vx * vx + vy * vy))), [x, y] = [i % size, Math.floor(i / size)];
    points.push([x, y]);
    const [sx, sy] = [even(f32(f32(vx * ONE) / length)), even(f32(f32(vy * ONE) / length))];
    for (const way of [1, -1])
      for (let r = least; r <= most; r++) {
        const [u, v] = [(x * ONE + way * r * sx) >> 10, (y * ONE + way * r * sy) >> 10];
        if (u < 0 || v < 0 || u >= size || v >= size) break;
        votes[v * wide + u] += 1;
      }
  });
  const centers = [];
  for (let y = 1; y < wide - 1; y++)
    for (let x = 1; x < wide - 1; x++) {
      const i = y * wide + x, n = votes[i];
      if (n > strictness && n > votes[i - 1] && n >= votes[i + 1] && n > votes[i - wide] && n >= votes[i + wide]) centers.push(i);
    }
  const circles = [];
  for (const center of centers) {
    const [x, y] = [(center % wide) + 0.5, Math.floor(center / wide) + 0.5], bins = new Int32Array((most - least) * BINS);
    for (const [u, v] of points) {
      const square = (x - u) ** 2 + (y - v) ** 2;
      if (square < least * least || square > most * most) continue;
      bins[Math.max(0, Math.min(bins.length - 1, even(f32(f32(f32(Math.sqrt(square)) - least) * BINS))))] += 1;
    }
    let support = 0, radius = 0;
    for (let j = bins.length - 1; j > 0; j--) { // one pixel of radius at a time, from the largest
      if (!bins[j]) continue;
      const last = j;
      let count = 0;
      for (; j > last - BINS && j >= 0; j--) count += bins[j];
      const here = f32(f32((last + j) / 2 / BINS) + least);
      if (f32(count * radius) >= f32(support * here) || (!radius && count >= support)) [radius, support] = [here, count];
    }
    if (support > strictness) circles.push({ x, y, radius, support });
  }
  circles.sort((a, b) => b.support - a.support || b.radius - a.radius || a.x - b.x || a.y - b.y);
  const kept = [];
  for (const one of circles) if (kept.every(({ x, y }) => (x - one.x) ** 2 + (y - one.y) ** 2 >= least * least)) kept.push(one);
  return kept.map(({ x, y, radius }) => [x, y, radius]);
}

/** Number the circles, the surest on top, as `circle_objects`. */
export function circleObjects(image, size, radius, strictness) {
  const circles = findCircles(image, size, radius, strictness), labels = new Int32Array(image.length);
  for (let n = circles.length; n > 0; n--) {
    const [x, y, r] = circles[n - 1];
    for (let v = 0; v < size; v++) for (let u = 0; u < size; u++) if ((u - x) ** 2 + (v - y) ** 2 <= r * r) labels[v * size + u] = n;
  }
  return dropSmall(labels, 1);
}
