// The feature viewer in a page: the maps of the network that ships, and where each of their numbers comes from.

import { SCENE, drawScene } from '../scene.js';
import { fixed, picture } from './brain.js';

const SIZE = 96, FIRST = 38, LAST = 'probability'; // pictures 0, 1, ... are the scenes of seed 38, 39, ...
const largest = (values, from = 0) => values.reduce((a, b) => Math.max(a, b), from);
const bytesOf = (values, top) => Uint8Array.from(values, (v) => Math.round(255 * Math.min(Math.max(v / top, 0), 1)));

/** The function of the panel for a network: settings to views and facts. */
export const features = (net) => {
  const blocks = Object.keys(net.maps).filter((name) => /^(encoder_\d+|bottleneck|decoder_\d+)$/.test(name));
  const depth = blocks.indexOf('bottleneck') + 1, levelOf = (name) => (name === 'bottleneck' ? depth : Number(name.split('_')[1]));
  const stages = blocks.map((name) => [name, levelOf(name), net.maps[name].h, net.maps[name].w, net.maps[name].c]);
  const layerOf = (level) => net.layers.find(({ name }) => name === (level === LAST ? 'logits' : `${level}_conv2`));

  /** How much each gray level moves one number before its ReLU, which would hide it where the map is 0. */
  function fieldOf(level, row, column, map) {
    if (level === LAST) { // a sum over the maps below it
      const { kernel, input } = layerOf(level), weights = net.floats(kernel.at, kernel.count).slice(), sum = new Float32Array(SIZE * SIZE);
      weights.forEach((weight, c) => net.sensitivity(input.name, row, column, c).forEach((v, i) => { sum[i] += weight * v; }));
      return sum;
    }
    const { at, w, c, count } = net.maps[level], place = ((row + 1) * (w + 1) + column + 1) * c + map, [value] = [net.floats(at, count)[place]];
    net.floats(at, count)[place] = Math.max(value, 1e-6);
    const field = net.sensitivity(level, row, column, map);
    net.floats(at, count)[place] = value;
    return field;
  }

  return ({ level, scale, map: askedMap, row: askedRow, column: askedColumn, input_map: askedInput, picture: which }) => {
    const { image } = drawScene(SCENE, FIRST + which), chance = net.predict(image), layer = layerOf(level);
    const { h, w, c, data } = level === LAST ? { h: SIZE, w: SIZE, c: 1, data: chance } : net.map(level), input = net.map(layer.input.name);
    const map = Math.min(askedMap, c - 1), inputMap = Math.min(askedInput, input.c - 1), maps = Array.from({ length: c }, (_, i) => data.filter((_, at) => at % c === i));
    let row = Math.min(askedRow, h - 1), column = Math.min(askedColumn, w - 1);
    if (row < 0 || column < 0) {
      const brightest = maps[map].indexOf(largest(maps[map]));
      [row, column] = [Math.floor(brightest / w), brightest % w];
    }
    const changed = [['map', askedMap, map], ['row', askedRow, row], ['column', askedColumn, column], ['input map', askedInput, inputMap]].filter(([, asked, used]) => asked > used);
    const own = maps.map((one) => Math.max(largest(one), 1e-6)), top = level === LAST ? 1 : Math.max(...own);
    const tops = scale === 'one for the level' ? own.map(() => top) : own, shown = Math.min(c, 32), field = fieldOf(level, row, column, map).map(Math.abs);
    const strongest = Math.max(largest(field), 1e-12), chosen = data[(row * w + column) * c + map], silent = maps.filter((one) => largest(one) <= 0).length;
    return {
      views: [
        { kind: 'u', title: 'The network that ships with the course: choose a level', stages, skips: true, chosen: level, control: 'level' },
        { ...picture('What the number sees', field.map((v) => Math.sqrt(v / strongest)), SIZE, 'features', { below: 'bright: a change here moves it more' }), under: bytesOf(image, 1) },
        {
          kind: 'maps', title: shown < c ? `${level}: ${shown} of ${c} maps` : `${level}: all maps`, shape: [h, w, shown], chosen: map, control: 'map', below: `scale: ${scale}`,
          values: Uint8Array.from(maps.slice(0, shown).flatMap((one, i) => [...bytesOf(one, tops[i])])), tops: tops.slice(0, shown).map((v) => fixed(v)),
        },
        { ...picture(`Map ${map}`, maps[map].map((v) => Math.min(v / tops[map], 1)), w, 'features', { below: 'click on a pixel' }), top: fixed(tops[map]), pick: ['row', 'column'], mark: [row, column] },
        sum(net, layer, input, chosen, level, map, row, column, inputMap),
      ],
      facts: {
        level, shape: `${h} x ${w} x ${c}`, "one map's pixel covers": `${SIZE / h} px`,
        'numbers above 0': `${Math.round((100 * data.filter((v) => v > 0).length) / data.length)}%`, 'silent maps': `${silent} of ${c}`, 'the chosen number': fixed(chosen),
      },
      note: changed.length ? `${level} has ${c} maps of ${h} x ${w} pixels, so what is shown is ${changed.map(([name, , used]) => `${name} ${used}`).join(', ')}.` : '',
    };
  };
};

/** One number of a map taken apart: window, kernel, and the sum of their products, over all input maps. */
function sum(net, layer, input, result, level, map, row, column, inputMap) {
  const [, , , out] = layer.kernel.shape, reach = Math.floor(layer.kernel.shape[0] / 2), side = 2 * reach + 1;
  const kernel = net.floats(layer.kernel.at, layer.kernel.count), bias = net.floats(layer.bias.at, layer.bias.count)[map];
  const value = (y, x, c) => (y < 0 || x < 0 || y >= input.h || x >= input.w ? 0 : input.data[(y * input.w + x) * input.c + c]);
  const parts = new Float64Array(input.c), window = Array.from({ length: 3 }, () => [0, 0, 0]), weights = window.map((one) => [...one]), shift = 1 - reach;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      for (let c = 0; c < input.c; c++) {
        const v = value(row + y - reach, column + x - reach, c), k = kernel[((y * side + x) * input.c + c) * out + map];
        parts[c] += v * k;
        if (c === inputMap) window[y + shift][x + shift] = v, weights[y + shift][x + shift] = k;
      }
  const total = parts.reduce((a, b) => a + b, bias), after = level === LAST ? 'the sigmoid' : 'the ReLU';
  return {
    kind: 'products', title: `Where ${fixed(result)} comes from`, window, kernel: weights,
    words: `The products with input map ${inputMap} add up to ${fixed(parts[inputMap])}. All ${input.c} input maps and the bias ${fixed(bias)} make ${fixed(total)}, and ${after} turns that into ${fixed(result)}.`,
  };
}
