// What test_web_engine.py asks of the page's engine, in node: node engine.mjs WEB TASK [FILES ...]; answers in JSON.

import fs from 'node:fs';
import { pathToFileURL } from 'node:url';

const [web, task, ...files] = process.argv.slice(2), from = (name) => import(pathToFileURL(`${web}/${name}`));
const { UNet, warmupCosine } = await from('engine/unet.js');
const { Random } = await from('engine/random.js');
const { SCENE, drawMany } = await from('scene.js');
const { Training } = await from('training.js');
const { bestThreshold } = await from('scores.js');
const module = await WebAssembly.compile(fs.readFileSync(`${web}/built/kernels.wasm`));
const floats = (path) => { const b = fs.readFileSync(path); return new Float32Array(b.buffer.slice(b.byteOffset, b.byteOffset + b.length)); };

const tasks = {
  /** The gradient of the loss at some weights of every parameter, beside the slope between two losses. */
  gradients(settings) {
    const net = new UNet(module, JSON.parse(settings)), { size, batch } = net.settings, random = new Random(5), rows = [];
    const images = new Float32Array(batch * size * size).map(() => random.real()), masks = images.map(() => random.whole(0, 1));
    for (const p of net.parameters) if (p.name.endsWith('bias')) net.floats(p.at, p.count).forEach((_, i, a) => (a[i] = random.real(-0.1, 0.1)));
    net.lossAndGradients(images, masks);
    for (const p of net.parameters) {
      const gradient = Float32Array.from(net.floats(p.gradient, p.count)), weights = net.floats(p.at, p.count);
      for (let k = 0; k < 4; k++) {
        const i = random.whole(0, p.count - 1), was = weights[i], slopes = [0.003, 0.001, 0.0003].map((step) => {
          weights[i] = was + step;
          const up = net.lossAndGradients(images, masks);
          weights[i] = was - step;
          const down = net.lossAndGradients(images, masks);
          weights[i] = was;
          return (up - down) / (2 * step);
        });
        rows.push([p.name, gradient[i], ...slopes]);
      }
    }
    return rows;
  },
  /** Probabilities of a network from files, for pictures from a file, into a file. */
  predict(settings, manifest, numbers, images, out) {
    const net = new UNet(module, JSON.parse(settings));
    net.load(JSON.parse(fs.readFileSync(manifest)), floats(numbers));
    fs.writeFileSync(out, Buffer.from(net.predict(floats(images)).buffer));
  },
  /** Scenes into two files. */
  scenes(n, seed, images, masks) {
    const drawn = drawMany(+n, SCENE, +seed);
    fs.writeFileSync(images, Buffer.from(drawn.images.buffer));
    fs.writeFileSync(masks, Buffer.from(drawn.masks.buffer));
    return bestThreshold(drawn.masks, drawn.images, SCENE.size ** 2);
  },
  /** Train: Dice before and after, a fingerprint of the weights, and the memory of the network. */
  train(settings, steps) {
    const training = new Training(module, JSON.parse(settings)), before = training.evaluate().dice, memory = [];
    for (let i = 0; i < +steps; i++) {
      training.step();
      if (i % 100 === 99) globalThis.gc?.(); // what is counted is what cannot be thrown away
      if (i % 100 === 99) memory.push([training.net.memory.buffer.byteLength, process.memoryUsage().arrayBuffers]);
    }
    const { dice, training: known } = training.evaluate();
    return { before, dice, known, line: training.line.dice, loss: training.loss, weights: [...training.net.weights.slice(0, 50)], memory };
  },
  rates(peak, steps, warmup) { return Array.from({ length: +steps }, (_, i) => warmupCosine(+peak, +steps, +warmup)(i)); },
};
console.log(JSON.stringify(tasks[task](...files) ?? null));
