// The course's U-Net, written out: what `build_unet` and `train_unet` of notebooks 02 and 03 do, in a page.
//
//   const module = await WebAssembly.compile(bytes of kernels.wasm)
//   const net = new UNet(module, { size: 96, depth: 4, filters: 8, batch: 4, seed: 1 })
//   net.predict(images)            Float32Array n*size*size of gray levels 0..1 -> probabilities 0..1, same shape
//   net.step(images, masks, rate)  one step of Adam on `batch` pictures; returns the loss before it
//   net.map('encoder_1', i)        { h, w, c, data } of picture i of the last forward pass, channels last
//   net.load(manifest, numbers)    weights exported from Keras by `python tools/web.py`
//   net.sensitivity('up_2', y, x, channel)   how much each gray level of the picture moves that one number
//   warmupCosine(peak, steps, warmup)        the learning rate as a function of the step
//
// Each network has a memory of its own and gives it back when nobody refers to it any more.

import { Random } from './random.js';

export const DEFAULTS = {
  size: 96, depth: 4, filters: 8, skips: true, upsampling: 'transpose', loss: 'bce_dice', prior: 0.1, batch: 4, seed: 0,
};

export class UNet {
  /** settings: as in DEFAULTS. filters: a multiple of 4; size: a multiple of 2 ** (depth - 1), at least 4 times that. */
  constructor(module, settings = {}) {
    this.settings = { ...DEFAULTS, ...settings };
    const { size, depth, filters, skips, upsampling, batch } = this.settings;
    const deepest = size / 2 ** (depth - 1);
    if (!Number.isInteger(deepest) || deepest < 3) throw new RangeError(`size is ${size}; a depth of ${depth} needs a multiple of ${2 ** (depth - 1)}, at least ${3 * 2 ** (depth - 1)}.`);
    if (!(filters > 0) || filters % 4) throw new RangeError(`filters is ${filters}; the kernels take multiples of 4.`);
    if (!['transpose', 'resize'].includes(upsampling)) throw new RangeError(`upsampling is ${upsampling}; choose transpose or resize.`);
    this.memory = new WebAssembly.Memory({ initial: 1 });
    this.kernels = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports;
    this.free = (this.kernels.heapBase() + 15) & ~15;
    Object.assign(this, { layers: [], maps: {}, parameters: [], steps: 0 });

    const level = (l) => filters * 2 ** (l - 1);
    const image = this.newMap('image', size, 1, false);
    let x = image;
    const encoder = {};
    for (let l = 1; l < depth; l++) {
      x = encoder[l] = this.block(`encoder_${l}`, x, level(l));
      x = this.pool(`pool_${l}`, x);
    }
    x = this.block('bottleneck', x, level(depth));
    for (let l = depth - 1; l > 0; l--) {
      x = upsampling === 'transpose' ? this.grow(`up_${l}`, x, level(l)) : this.conv(`up_${l}`, this.repeat(`up_${l}_resize`, x), level(l), false);
      if (skips) x = this.join(`skip_${l}`, encoder[l], x);
      x = this.block(`decoder_${l}`, x, level(l));
    }
    this.output(x);

    const count = this.parameters.reduce((sum, p) => sum + p.count, 0);
    for (const part of ['weights', 'gradients', 'means', 'squares']) this[`${part}At`] = this.allocate(count);
    let at = 0;
    for (const p of this.parameters) {
      p.at = this.weightsAt + 4 * at;
      p.gradient = this.gradientsAt + 4 * at;
      at += p.count;
    }
    this.count = count;
    this.turned = this.allocate(9 * 2 * level(depth) ** 2);
    this.probabilities = this.allocate(batch * size * size);
    this.truth = this.allocate(batch * size * size);
    this.dLogits = this.allocate(batch * size * size);
    this.memory.grow(Math.ceil(this.free / 65536) - this.memory.buffer.byteLength / 65536 + 1);
    this.initialize();
  }

  // --- memory ---------------------------------------------------------------------------------------------------------

  allocate(count) {
    const at = this.free;
    this.free += (4 * count + 15) & ~15;
    return at;
  }

  floats(at, count) {
    return new Float32Array(this.memory.buffer, at, count);
  }

  get weights() {
    return this.floats(this.weightsAt, this.count);
  }

  newMap(name, size, c, learns = true) {
    const count = this.settings.batch * ((size + 2) * (size + 1) + 1) * c;
    const map = { name, h: size, w: size, c, count, at: this.allocate(count), gradient: learns ? this.allocate(count) : 0 };
    return (this.maps[name] = map);
  }

  parameter(layer, kind, shape, fans) {
    const p = { name: `${layer}/${kind}`, shape, count: shape.reduce((a, b) => a * b, 1), fans };
    this.parameters.push(p);
    return p;
  }

  // --- layers: each knows how to go forward, and how to hand its gradient back ------------------------------------------

  block(name, x, filters) {
    return this.conv(`${name}_conv2`, this.conv(`${name}_conv1`, x, filters, true, `${name}_relu1`), filters, true, name);
  }

  conv(name, x, c, relu, mapName = name) {
    const { kernels: k } = this, { h, w } = x, y = this.newMap(mapName, h, c);
    const kernel = this.parameter(name, 'kernel', [3, 3, x.c, c], [9 * x.c]), bias = this.parameter(name, 'bias', [c]);
    const forward = (n) => k.conv(x.at, kernel.at, bias.at, y.at, n, h, w, x.c, c, relu);
    const backward = (n) => {
      if (relu) k.reluGradient(y.at, y.gradient, n, h, w, c);
      k.biasGradient(y.gradient, bias.gradient, n, h, w, c);
      k.convKernelGradient(x.at, y.gradient, kernel.gradient, n, h, w, x.c, c);
      if (!x.gradient) return; // nobody asks for the gradient of the picture
      k.turnKernel(kernel.at, this.turned, x.c, c);
      k.conv(y.gradient, this.turned, 0, x.gradient, n, h, w, c, x.c, false);
    };
    this.layers.push({ name, map: y, input: x, kernel, bias, forward, backward });
    return y;
  }

  pool(name, x) {
    const { kernels: k } = this, y = this.newMap(name, x.h / 2, x.c);
    const forward = (n) => k.pool(x.at, y.at, n, x.h, x.w, x.c);
    const backward = (n) => {
      if (!this.settings.skips) this.floats(x.gradient, x.count).fill(0); // else the skip has left its share there
      k.poolGradient(x.at, y.at, y.gradient, x.gradient, n, x.h, x.w, x.c);
    };
    this.layers.push({ name, map: y, input: x, forward, backward });
    return y;
  }

  grow(name, x, c) {
    const { kernels: k } = this, { h, w } = x, y = this.newMap(name, 2 * h, c);
    const kernel = this.parameter(name, 'kernel', [2, 2, c, x.c], [4 * c]), bias = this.parameter(name, 'bias', [c]);
    const forward = (n) => k.grow(x.at, kernel.at, bias.at, y.at, n, h, w, x.c, c);
    const backward = (n) => {
      k.biasGradient(y.gradient, bias.gradient, n, 2 * h, 2 * w, c);
      k.growGradient(x.at, kernel.at, y.gradient, x.gradient, kernel.gradient, n, h, w, x.c, c);
    };
    this.layers.push({ name, map: y, input: x, kernel, bias, forward, backward });
    return y;
  }

  repeat(name, x) {
    const { kernels: k } = this, y = this.newMap(name, 2 * x.h, x.c);
    const forward = (n) => k.repeat(x.at, y.at, n, x.h, x.w, x.c);
    const backward = (n) => k.repeatGradient(y.gradient, x.gradient, n, x.h, x.w, x.c);
    this.layers.push({ name, map: y, input: x, forward, backward });
    return y;
  }

  join(name, skip, x) {
    const { kernels: k } = this, { h, w } = x, c = skip.c + x.c, y = this.newMap(name, h, c);
    const forward = (n) => {
      k.copyChannels(skip.at, y.at, n, h, w, skip.c, 0, c, 0, skip.c);
      k.copyChannels(x.at, y.at, n, h, w, x.c, 0, c, skip.c, x.c);
    };
    const backward = (n) => {
      k.copyChannels(y.gradient, skip.gradient, n, h, w, c, 0, skip.c, 0, skip.c);
      k.copyChannels(y.gradient, x.gradient, n, h, w, c, skip.c, x.c, 0, x.c);
    };
    this.layers.push({ name, map: y, input: x, skip, forward, backward });
    return y;
  }

  output(x) {
    const { kernels: k } = this, { h, w, c } = x;
    const kernel = this.parameter('logits', 'kernel', [1, 1, c, 1], [c, 1]), bias = this.parameter('logits', 'bias', [1]);
    const forward = (n) => k.probability(x.at, kernel.at, bias.at, this.probabilities, n, h, w, c);
    const backward = (n) => k.logitsGradient(x.at, kernel.at, this.dLogits, x.gradient, kernel.gradient, bias.gradient, n, h, w, c);
    this.layers.push({ name: 'logits', input: x, kernel, bias, forward, backward });
  }

  // --- weights --------------------------------------------------------------------------------------------------------

  /** Draw all weights anew, as Keras does: `he_normal`, and for the logits `glorot_uniform` and the bias of the prior. */
  initialize(seed = this.settings.seed) {
    const random = new Random([seed, 2015]), { prior } = this.settings;
    for (const p of this.parameters) {
      const values = this.floats(p.at, p.count).fill(0);
      if (p.fans?.length === 2) {
        const limit = Math.sqrt(6 / (p.fans[0] + p.fans[1]));
        for (let i = 0; i < p.count; i++) values[i] = random.real(-limit, limit);
      } else if (p.fans) {
        const spread = Math.sqrt(2 / p.fans[0]) / 0.87962566103423978; // which is what cutting off the tails takes away
        for (let i = 0; i < p.count; i++) {
          let z;
          do z = random.normal(); while (Math.abs(z) > 2);
          values[i] = z * spread;
        }
      }
    }
    this.floats(this.parameters.at(-1).at, 1)[0] = Math.log(prior / (1 - prior));
    this.floats(this.meansAt, this.count).fill(0);
    this.floats(this.squaresAt, this.count).fill(0);
    this.steps = 0;
  }

  /** Take over weights from Keras. manifest: { weights: [{ name, shape, offset }] }; numbers: Float32Array. */
  load(manifest, numbers) {
    for (const p of this.parameters) {
      const entry = manifest.weights.find((e) => e.name === p.name);
      if (!entry || String(entry.shape) !== String(p.shape)) throw new Error(`${p.name} needs the shape ${p.shape}; the file has ${entry ? entry.shape : 'none'}.`);
      this.floats(p.at, p.count).set(numbers.subarray(entry.offset, entry.offset + p.count));
    }
  }

  // --- forward, backward, step ------------------------------------------------------------------------------------------

  /** Run up to `batch` pictures through the network; the result is a view that the next call overwrites. */
  forward(images, n = images.length / this.settings.size ** 2) {
    const { size } = this.settings, row = size + 1, plane = (size + 2) * row + 1;
    const map = this.floats(this.maps.image.at, this.maps.image.count);
    for (let i = 0; i < n; i++)
      for (let y = 0; y < size; y++)
        for (let x = 0; x < size; x++) map[i * plane + (y + 1) * row + x + 1] = 4 * images[(i * size + y) * size + x] - 2;
    for (const layer of this.layers) layer.forward(n);
    return this.floats(this.probabilities, n * size * size);
  }

  /** The probability of being foreground, for each pixel of any number of pictures. */
  predict(images) {
    const { size, batch } = this.settings, chunk = batch * size * size, out = new Float32Array(images.length);
    for (let at = 0; at < images.length; at += chunk) out.set(this.forward(images.subarray(at, at + chunk)), at);
    return out;
  }

  /** The loss of a batch, and in `gradients` its gradient at every weight. masks: 0 and 1. */
  lossAndGradients(images, masks) {
    const { size, loss } = this.settings, n = images.length / size ** 2;
    this.forward(images, n);
    this.floats(this.truth, masks.length).set(masks);
    const value = this.kernels.loss(this.probabilities, this.truth, this.dLogits, n, size * size, loss.includes('bce'), loss.includes('dice'));
    for (const layer of this.layers.toReversed()) layer.backward(n);
    return value;
  }

  /** Learn from one batch: Adam, with the gradient's length clipped to 1. Returns the loss before the step. */
  step(images, masks, rate) {
    const value = this.lossAndGradients(images, masks), t = ++this.steps;
    this.norm = this.kernels.norm(this.gradientsAt, this.count);
    const corrected = (rate * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t);
    this.kernels.adam(this.weightsAt, this.gradientsAt, this.meansAt, this.squaresAt, this.count, corrected, 1 / Math.max(this.norm, 1));
    return value;
  }

  // --- looking inside ---------------------------------------------------------------------------------------------------

  /** A feature map of the last forward pass: { h, w, c, data }, data[(y * w + x) * c + channel]. */
  map(name, picture = 0) {
    const { h, w, c, at, count } = this.maps[name], plane = count / this.settings.batch;
    const padded = this.floats(at + 4 * picture * plane, plane), data = new Float32Array(h * w * c);
    for (let y = 0; y < h; y++) data.set(padded.subarray(((y + 1) * (w + 1) + 1) * c, ((y + 1) * (w + 1) + 1 + w) * c), y * w * c);
    return { h, w, c, data };
  }

  /** How much each pixel of the first picture moves one number of a map: its gradient, [size * size]. */
  sensitivity(name, y, x, channel) {
    for (const map of Object.values(this.maps)) if (map.gradient) this.floats(map.gradient, map.count).fill(0);
    const { w, c, gradient, count } = this.maps[name];
    this.floats(gradient, count)[((y + 1) * (w + 1) + x + 1) * c + channel] = 1;
    const from = this.layers.findIndex((layer) => layer.map?.name === name);
    for (const layer of this.layers.slice(0, from + 1).reverse()) layer.backward(1);
    const { size, filters } = this.settings, { map: first, kernel } = this.layers[0], out = new Float32Array(size * size);
    const dy = this.floats(first.gradient, first.count), weights = this.floats(kernel.at, kernel.count);
    for (let v = 0; v < size; v++)
      for (let u = 0; u < size; u++)
        for (let k = 0; k < 9; k++)
          for (let o = 0; o < filters; o++)
            out[v * size + u] += 4 * weights[k * filters + o] * dy[((v + 2 - Math.floor(k / 3)) * (size + 1) + u + 2 - (k % 3)) * filters + o];
    return out;
  }
}

/** The course's learning rate: up in a straight line for `warmup` steps, then down along a cosine to 0 at `steps`. */
export function warmupCosine(peak = 3e-3, steps = 1000, warmup = 50) {
  const up = Math.min(warmup, Math.floor(steps / 2)), down = Math.max(steps - up, 1);
  return (step) => (step < up ? (peak * step) / up : (peak / 2) * (1 + Math.cos((Math.PI * Math.min(step - up, down)) / down)));
}
