// The balance of classes in a page: what a network with three classes finds, as helpers/panels/class_balance.py has it. The
// network came with the site; it was trained as notebook 09 trains its own.

import { SCENE, drawScene } from '../scene.js';
import { dicePerImage } from '../scores.js';
import { fixed, picture } from './brain.js';

const SIZE = 96, AREA = SIZE * SIZE;

/** Give the engine, which has one output, the weights of a network with three: its own output is not looked at. */
export function loadClasses(net, { weights }, numbers) {
  const bare = weights.map((entry) => (entry.name === 'logits/kernel' ? { ...entry, shape: [...entry.shape.slice(0, 3), 1] } : entry.name === 'logits/bias' ? { ...entry, shape: [1] } : entry));
  net.load({ weights: bare }, numbers);
  const [kernel, bias] = ['kernel', 'bias'].map((kind) => weights.find(({ name }) => name === `logits/${kind}`));
  const part = ({ offset, shape }) => numbers.subarray(offset, offset + shape.reduce((a, b) => a * b));
  return { kernel: part(kernel), bias: part(bias), classes: bias.shape[0] };
}

/** The probabilities of all classes, [(y * size + x) * classes + class], from the last block's maps. */
export function probabilities(net, { kernel, bias, classes }, image) {
  net.forward(image, 1);
  const { data, c } = net.map('decoder_1'), out = new Float32Array((data.length / c) * classes), exps = new Float64Array(classes);
  for (let at = 0; at < data.length / c; at++) {
    let total = 0;
    for (let k = 0; k < classes; k++) {
      let sum = bias[k];
      for (let i = 0; i < c; i++) sum += data[at * c + i] * kernel[i * classes + k];
      total += exps[k] = Math.exp(sum);
    }
    for (let k = 0; k < classes; k++) out[at * classes + k] = exps[k] / total;
  }
  return out;
}

/** The function of the panel for a network and its last layer: settings to views and facts. */
export const balance = (net, head) => ({ circles, vessels, noise, contrast, favor, seed }) => {
  const { image, mask, lines } = drawScene({ ...SCENE, circles, contrast, noise, vessels }, seed), chances = probabilities(net, head, image);
  const truth = Uint8Array.from(mask, (lesion, i) => (lesion ? 1 : 2 * lines[i]));
  const found = truth.map((_, i) => {
    const [none, lesion, vessel] = [chances[3 * i], chances[3 * i + 1], chances[3 * i + 2] * favor];
    return vessel > none && vessel > lesion ? 2 : lesion > none ? 1 : 0;
  });
  const only = (values, kind) => values.map((v) => (v === kind ? 1 : 0)), dice = (kind) => fixed(dicePerImage(only(truth, kind), only(found, kind), AREA)[0]);
  const count = (values) => values.reduce((a, b) => a + b, 0), wrong = truth.map((kind, i) => (kind === found[i] ? 0 : 1));
  return {
    views: [
      picture('Scan', image, SIZE), picture('Truth', truth, SIZE, 'classes'), picture('Network', found, SIZE, 'classes'),
      picture(`Wrong: ${fixed((100 * count(wrong)) / AREA, 1)}% of the pixels`, wrong, SIZE),
    ],
    facts: {
      'Dice of lesions': dice(1), 'Dice of vessels': dice(2),
      'vessel, really': `${count(only(truth, 2))} px`, 'called vessel': `${count(only(found, 2))} px`,
    },
    note: 'The network came with this site; it was trained as in this notebook.',
  };
};
