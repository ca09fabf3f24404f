// One training in the page: scenes, batches, steps and scores. It runs in a worker (worker.js), and in node for the tests.

import { UNet, warmupCosine } from './engine/unet.js';
import { Random } from './engine/random.js';
import { SCENE, drawMany, drawScene } from './scene.js';
import { bestThreshold, dicePerImage, mean, pooledDice } from './scores.js';

export const DEFAULTS = {
  size: 64, depth: 3, filters: 4, skips: true, upsampling: 'transpose', // the network
  loss: 'bce_dice', rate: 0.006, schedule: 'cosine', steps: 1200, batch: 4, // the training
  pictures: 0, augment: true, wrong: 'none', seed: 1, // the data; 0 pictures: an endless stream
  circles: 6, radius: 15, contrast: 0.25, noise: 0.1, illumination: 0.6, vessels: 3, // the scenes: upper ends, contrast: lower
};
export const UNSEEN = 24; // scenes that no training sees; their seeds start at 900,000
const FAR = 900_000;

/** The scene of some settings. */
export function sceneOf(s) {
  const least = Math.min(5, s.radius);
  return {
    ...SCENE, size: s.size, circles: [Math.min(SCENE.circles[0], s.circles), s.circles], radius: [least, Math.max(least, s.radius)],
    contrast: [s.contrast, Math.max(s.contrast, Math.min(1, 2 * s.contrast))], noise: s.noise, illumination: s.illumination,
    vessels: [Math.min(1, s.vessels), s.vessels],
  };
}

export class Training {
  constructor(module, settings = {}) {
    this.settings = { ...DEFAULTS, ...settings };
    const s = this.settings, { size, depth, filters, skips, upsampling, loss, batch, seed } = s;
    this.scene = sceneOf(s);
    this.area = size * size;
    this.net = new UNet(module, { size, depth, filters, skips, upsampling, loss, batch, seed });
    this.viewer = new UNet(module, { size, depth, filters, skips, upsampling, batch: 1 }); // looks at one scan, in its own memory
    this.random = new Random([s.seed, 77]);
    this.rate = s.schedule === 'cosine' ? warmupCosine(s.rate, s.steps, Math.min(50, Math.floor(s.steps / 4))) : () => s.rate;
    this.known = s.pictures ? drawMany(s.pictures, this.scene, 1000 * s.seed) : null;
    this.unseen = drawMany(UNSEEN, this.scene, FAR);
    this.line = bestThreshold(this.unseen.masks, this.unseen.images, this.area); // what the network has to beat
    this.done = 0;
    this.drawn = 0;
    this.curve = [];
    this.images = new Float32Array(batch * this.area);
    this.masks = new Float32Array(batch * this.area);
  }

  /** Fill the batch: from the known pictures or with new ones, mirrored and turned at random if asked. */
  nextBatch() {
    const { batch, size, seed, augment, wrong } = this.settings, { area } = this;
    for (let i = 0; i < batch; i++) {
      let image, mask;
      if (this.known) {
        const pick = this.random.whole(0, this.settings.pictures - 1) * area;
        [image, mask] = [this.known.images.subarray(pick, pick + area), this.known.masks.subarray(pick, pick + area)];
      } else ({ image, mask } = drawScene(this.scene, 1_000_000 * seed + this.drawn++));
      const [mirror, turn, swap] = [0, 1, 2].map(() => augment && this.random.whole(0, 1)), last = size - 1;
      const alone = wrong === 'flip' && this.random.whole(0, 1); // the image is mirrored and its mask is not
      for (let y = 0; y < size; y++)
        for (let x = 0; x < size; x++) {
          const [v, u] = swap ? [x, y] : [y, x], from = (turn ? last - v : v) * size + (mirror ? last - u : u);
          const at = i * area + y * size;
          this.images[at + (alone ? last - x : x)] = image[from];
          this.masks[at + x] = mask[from] * (wrong === 'mask255' ? 255 : 1);
        }
    }
  }

  /** Learn from one batch; returns its loss. */
  step() {
    this.nextBatch();
    this.loss = this.net.step(this.images, this.masks, this.rate(this.done));
    this.done += 1;
    return this.loss;
  }

  /** The scores so far on the unseen scenes and on the latest batch; one more point of the curve. */
  evaluate() {
    const chance = this.net.predict(this.unseen.images), { masks } = this.unseen;
    const dice = mean(dicePerImage(masks, chance, this.area)), pooled = pooledDice(masks, chance);
    const truth = this.settings.wrong === 'mask255' ? this.masks.map((m) => m / 255) : this.masks;
    const training = mean(dicePerImage(truth, this.net.predict(this.images), this.area));
    const point = { step: this.done, loss: this.loss ?? NaN, dice, pooled, training };
    if (this.done) this.curve.push(point);
    return { ...point, chance };
  }

  /** Everything that a drawn U shows of one unseen scan: name to { h, w, c, data }. */
  maps(picture = 0) {
    this.viewer.weights.set(this.net.weights);
    this.viewer.forward(this.unseen.images.subarray(picture * this.area, (picture + 1) * this.area), 1);
    const names = Object.keys(this.viewer.maps).filter((name) => /^(encoder_\d|bottleneck|decoder_\d)$/.test(name));
    return Object.fromEntries(names.map((name) => [name, this.viewer.map(name)]));
  }

  /** One number of a map, taken apart: the window, the kernel, their products' sum, and the field of the picture behind it. */
  inspect(name, channel, y, x, input = 0) {
    const layer = this.viewer.layers.find((one) => one.map?.name === name), { c } = layer.map;
    const before = this.viewer.map(layer.input.name), weights = this.viewer.floats(layer.kernel.at, layer.kernel.count);
    const bias = this.viewer.floats(layer.bias.at, c)[channel], window = [], kernel = [];
    let total = bias, own = 0;
    for (let k = 0; k < 9; k++)
      for (let a = 0; a < before.c; a++) {
        const v = y + Math.floor(k / 3) - 1, u = x + (k % 3) - 1, inside = v >= 0 && u >= 0 && v < before.h && u < before.w;
        const value = inside ? before.data[(v * before.w + u) * before.c + a] : 0, weight = weights[(k * before.c + a) * c + channel];
        total += value * weight;
        if (a === input) window.push(value), kernel.push(weight), (own += value * weight);
      }
    return { from: before.c, window, kernel, own, bias, total, result: Math.max(total, 0), field: this.viewer.sensitivity(name, y, x, channel) };
  }
}
