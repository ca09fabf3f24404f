// Synthetic scans with round lesions, as `CircleScene` of notebook 01 draws them: the same dials, the same statistics.
//
//   const scene = { ...SCENE, noise: 0.2 }        each dial but size is a number or a range [low, high]
//   drawScene(scene, seed)                        { image, mask, numbers, lines, lesions }: Float32Array of 0..1; Uint8Arrays of 0 and 1,
//                                                 of each lesion's number from 1, and of 1 where a vessel is; and the discs
//   const layers = drawLayers(scene, seed)        what a scan is made of; change layers.lesions and call compose(layers)
//
// Light, vessels and lesions have random numbers of their own. So with one seed a dial that is moved changes one thing, and
// one circle more is one circle more. The same seed gives the same picture in every browser.

import { Random } from './engine/random.js';

export const SCENE = {
  size: 96, circles: [0, 6], radius: [5, 15], contrast: [0.25, 0.5], noise: 0.1, blur: 1, illumination: 0.6, vessels: [1, 3],
};

const real = (dial, random) => (Array.isArray(dial) ? random.real(...dial) : dial);
const whole = (dial, random) => (Array.isArray(dial) ? random.whole(...dial) : dial);

/** The parts of a scan: { size, light, vessels, lines, lesions: [{ x, y, radius, level }], blur }. level: gray level 0..255. */
export function drawLayers(scene, seed) {
  const { size } = scene, [forLight, forVessels, forLesions] = [0, 1, 2].map((stream) => new Random([seed, stream, 96]));
  const [vessels, lines] = [0, 1].map(() => new Uint8Array(size * size));
  for (let n = whole(scene.vessels, forVessels); n > 0; n--) drawVessel(vessels, lines, scene, forVessels);
  const blur = real(scene.blur, forLesions), lesions = [];
  for (let n = whole(scene.circles, forLesions); n > 0; n--) {
    const x = forLesions.real(0, size - 1), y = forLesions.real(0, size - 1), radius = whole(scene.radius, forLesions);
    lesions.push({ x, y, radius, level: Math.round(255 * real(scene.contrast, forLesions)) });
  }
  return { size, light: drawLight(scene, forLight), vessels, lines, lesions, blur };
}

/** Even or uneven light with noise: the darkest corner is 0 and the brightest the strength of the illumination. */
function drawLight(scene, random) {
  const { size } = scene, strength = real(scene.illumination, random), down = random.real(-1, 1), right = random.real(-1, 1);
  const steepness = strength / (Math.abs(down) + Math.abs(right)), noise = real(scene.noise, random);
  const light = new Float32Array(size * size), ramp = (i) => i / (size - 1) - 0.5;
  for (let y = 0, i = 0; y < size; y++)
    for (let x = 0; x < size; x++, i++)
      light[i] = noise * random.normal() + strength / 2 + steepness * (down * ramp(y) + right * ramp(x));
  return light;
}

/** One vessel, 2 or 3 pixels wide, along a quadratic Bezier curve that crosses the picture. */
function drawVessel(vessels, lines, scene, random) {
  const { size } = scene, [start, pull, end] = [0, 1, 2].map(() => random.real(0, size)), upright = random.whole(0, 1);
  const width = random.whole(2, 3), level = Math.round(255 * real(scene.contrast, random)), points = [];
  for (let i = 0; i <= 16; i++) {
    const t = i / 16, across = (1 - t) ** 2 * start + 2 * t * (1 - t) * pull + t ** 2 * end;
    points.push((upright ? [across, t * size] : [t * size, across]).map(Math.round));
  }
  for (let i = 0; i < 16; i++) {
    const [[ax, ay], [bx, by]] = [points[i], points[i + 1]], [ux, uy] = [bx - ax, by - ay], long = Math.max(ux * ux + uy * uy, 1);
    const reach = width / 2 + (ux && uy ? 0.73 : 0.05); // OpenCV, which draws notebook 01's, makes slanted lines wider
    for (let y = Math.max(0, Math.min(ay, by) - 3); y <= Math.min(size - 1, Math.max(ay, by) + 3); y++)
      for (let x = Math.max(0, Math.min(ax, bx) - 3); x <= Math.min(size - 1, Math.max(ax, bx) + 3); x++) {
        const along = Math.min(Math.max(((x - ax) * ux + (y - ay) * uy) / long, 0), 1);
        if ((x - ax - along * ux) ** 2 + (y - ay - along * uy) ** 2 <= reach * reach) vessels[y * size + x] = level, lines[y * size + x] = 1;
      }
  }
}

/** Put the parts together: { image, mask, numbers, lines, lesions }. A disc is the pixels whose centers lie in it. */
export function compose({ size, light, vessels, lines, lesions, blur }) {
  const tissue = Float32Array.from(vessels), numbers = new Uint8Array(size * size);
  for (const [n, { x, y, radius, level }] of lesions.entries())
    for (let v = Math.max(0, Math.ceil(y - radius)); v <= Math.min(size - 1, Math.floor(y + radius)); v++)
      for (let u = Math.max(0, Math.ceil(x - radius)); u <= Math.min(size - 1, Math.floor(x + radius)); u++)
        if ((u - x) ** 2 + (v - y) ** 2 <= radius * radius) {
          tissue[v * size + u] = level;
          numbers[v * size + u] = n + 1;
        }
  const smooth = blur > 0 ? blurred(tissue, size, blur) : tissue, image = new Float32Array(size * size);
  for (let i = 0; i < image.length; i++) image[i] = Math.min(Math.max(light[i] + Math.round(smooth[i]) / 255, 0), 1);
  return { image, mask: numbers.map((n) => Math.min(n, 1)), numbers, lines, lesions };
}

/** A Gaussian blur of this standard deviation, in pixels; beyond the border the picture is mirrored. */
function blurred(values, size, sigma) {
  const reach = Math.max(1, Math.round(3 * sigma)), weights = [];
  for (let k = -reach; k <= reach; k++) weights.push(Math.exp((-k * k) / (2 * sigma * sigma)));
  const total = weights.reduce((a, b) => a + b);
  const fold = (i) => (i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i), at = (i) => Math.min(Math.max(fold(i), 0), size - 1);
  const once = (from, step, other) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < size; line++)
      for (let i = 0; i < size; i++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++) sum += weights[k + reach] * from[line * other + at(i + k) * step];
        to[line * other + i * step] = sum / total;
      }
    return to;
  };
  return once(once(values, 1, size), size, 1);
}

/** One scan and its mask. */
export const drawScene = (scene, seed) => compose(drawLayers(scene, seed));

/** `n` scans in one array each, the seeds counted up from `seed`: { images, masks }. */
export function drawMany(n, scene, seed) {
  const area = scene.size ** 2, images = new Float32Array(n * area), masks = new Uint8Array(n * area);
  for (let i = 0; i < n; i++) {
    const { image, mask } = drawScene(scene, seed + i);
    images.set(image, i * area);
    masks.set(mask, i * area);
  }
  return { images, masks };
}
