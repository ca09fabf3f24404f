// The first screen: a scan under the network that ships. The course's own scenes, its own U-Net, its own Dice.

import { dial, shippedNetwork } from './parts.js';
import { el, paintScan } from './panels/paint.js';
import { COLORS } from './palette.js';
import { SCENE, drawLayers, compose } from './scene.js';
import { dicePerImage, bestThreshold } from './scores.js';

document.documentElement.classList.add('able'); // scripts run here, as they do not in a page that was opened as a file
const SIZE = 96, AREA = SIZE * SIZE, ZOOM = 5;
const DIALS = [ // name, label, [low, high, step], start
  ['circles', 'Circles', [0, 12, 1], 4], ['noise', 'Noise', [0, 0.5, 0.01], 0.1], ['contrast', 'Contrast', [0.05, 1, 0.01], 0.4],
  ['illumination', 'Uneven light', [0, 1, 0.05], 0.6], ['vessels', 'Vessels', [0, 8, 1], 2],
];
const get = (id) => document.getElementById(id);
const settings = Object.fromEntries(DIALS.map(([name, , , start]) => [name, start]));
settings.seed = 38;
let layers, shipped, own = [], chosen = 0, result;

// --- the link -----------------------------------------------------------------------------------------------------------

const given = new URLSearchParams(location.hash.slice(1));
for (const [name, , [low, high]] of [...DIALS, ['seed', '', [0, 9999]]]) {
  const value = Number((given.get(name) ?? '').replace(',', '.'));
  if (given.has(name) && Number.isFinite(value)) settings[name] = Math.min(high, Math.max(low, value));
}
let waiting;
function remember() {
  clearTimeout(waiting);
  waiting = setTimeout(() => history.replaceState(null, '', `#${new URLSearchParams(settings)}`), 300);
}

// --- one answer -----------------------------------------------------------------------------------------------------------

/** Draw the scan for the present settings anew; lesions that the reader has drawn or moved stay. */
function redraw() {
  const { seed, ...dials } = settings;
  layers = drawLayers({ ...SCENE, ...dials, radius: SCENE.radius, blur: 1 }, seed);
  for (const [i, moved] of own.entries()) if (moved) layers.lesions[i] = { ...moved, level: Math.round(255 * settings.contrast) };
  layers.lesions = layers.lesions.filter(Boolean);
  answer();
  remember();
}

function answer() {
  const { image, mask } = compose(layers), chance = shipped.net.predict(image);
  const found = Uint8Array.from(chance, (p) => (p >= shipped.threshold ? 1 : 0));
  const empty = !layers.lesions.length;
  result = { image, mask, found, empty, dice: dicePerImage(mask, found, AREA)[0], simple: bestThreshold(mask, image, AREA) };
  paintScan(get('scan'), image, SIZE, ZOOM, mask, found);
  showScores();
  speakSoon();
  keepSoon();
}

function showScores() {
  const rows = [
    ['net', 'U-Net', result.empty ? (result.dice ? 'nothing to find, nothing found' : 'nothing to find, but it marks some') : result.dice.toFixed(2), result.dice],
    ['', 'Best single threshold', result.empty ? 'nothing to find' : result.simple.dice.toFixed(2), result.empty ? 0 : result.simple.dice],
  ];
  const box = get('scores');
  if (!box.children.length)
    box.append(...rows.map(([kind, name]) => el('div', { class: `score ${kind}` }, el('span', {}, `${name}: Dice`), el('b'), el('div', { class: 'bar' }, el('i')))));
  rows.forEach(([, , words, share], i) => {
    box.children[i].querySelector('b').textContent = words;
    box.children[i].querySelector('i').style.width = `${100 * share}%`;
  });
}

let speaking;
function speakSoon() { // once the reader pauses, so that a screen reader is not flooded while a slider moves
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    const n = layers.lesions.length;
    get('said').textContent = result.empty
      ? `No lesion. The network ${result.dice ? 'marks nothing' : 'marks something all the same'}.`
      : `${n} lesion${n > 1 ? 's' : ''}. Dice of the U-Net ${result.dice.toFixed(2)}, of the best threshold ${result.simple.dice.toFixed(2)}.`;
  }, 500);
}

// --- break it -------------------------------------------------------------------------------------------------------------

const WHY = [ // the first that holds is named
  [() => result.empty, 'an empty picture', 'One marked pixel on an empty picture makes the score 0 instead of 1.'],
  [() => settings.contrast < 0.2, 'faint lesions', 'It was trained on contrasts from 0.25 to 0.50. What is fainter than anything it has seen, it misses.'],
  [() => settings.noise > 0.2, 'much noise', 'It was trained at a noise of 0.10. Beyond that the outline of a lesion drowns, and it is missed before others are invented.'],
  [() => layers.lesions.some((one) => one.radius < 5), 'small lesions', 'It was trained on radii from 5 to 15 pixels. A pixel more or less is a large part of a small lesion.'],
  [() => true, 'this very picture', 'A single picture can fail where most succeed: two vessels that cross can look like a lesion, or one cut by the border be missed.'],
];
const keptKeys = new Set();
let keeping;
function keepSoon() {
  clearTimeout(keeping);
  keeping = setTimeout(() => {
    const key = JSON.stringify([settings, layers.lesions.length]);
    if (result.dice >= 0.8 || keptKeys.has(key)) return;
    keptKeys.add(key);
    const [, name, reason] = WHY.find(([holds]) => holds()), picture = el('canvas', { role: 'img', 'aria-label': `The scan that broke it: ${name}` });
    paintScan(picture, result.image, SIZE, 3, result.mask, result.found);
    get('nothing').hidden = true;
    get('broken').prepend(el('li', { class: 'card' }, picture, el('h3', {}, `Dice ${result.dice.toFixed(2)}: ${name}`),
      el('p', { class: 'small' }, reason), el('a', { class: 'small', href: '04_evaluation_and_visualization.html' }, 'Why: notebook 04')));
    while (get('broken').children.length > 8) get('broken').lastChild.remove();
  }, 700);
}

// --- drawing lesions --------------------------------------------------------------------------------------------------------

const place = (event) => {
  const box = get('scan').getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top].map((v) => Math.min(95, Math.max(0, (v / box.width) * SIZE - 0.5)));
};
function change(i, parts) {
  own[i] = { ...layers.lesions[i], ...parts };
  layers.lesions[i] = own[i];
  answer();
}
function add(x, y, radius = 9) {
  chosen = layers.lesions.length;
  own[chosen] = { x, y, radius, level: Math.round(255 * settings.contrast) };
  layers.lesions.push(own[chosen]);
  answer();
}
function remove(i) {
  layers.lesions.splice(i, 1);
  own = layers.lesions.slice();
  chosen = 0;
  answer();
}

function wireCanvas() {
  const canvas = get('scan');
  let held = null;
  canvas.addEventListener('pointerdown', (event) => {
    const [x, y] = place(event);
    const i = layers.lesions.findLastIndex((one) => (one.x - x) ** 2 + (one.y - y) ** 2 <= (one.radius + 1) ** 2);
    canvas.setPointerCapture(event.pointerId);
    if (i < 0) add(x, y);
    chosen = i < 0 ? chosen : i;
    held = { dx: layers.lesions[chosen].x - x, dy: layers.lesions[chosen].y - y };
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!held) return;
    const [x, y] = place(event);
    change(chosen, { x: x + held.dx, y: y + held.dy });
  });
  for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => (held = null));
  const steps = { ArrowLeft: [-2, 0], ArrowRight: [2, 0], ArrowUp: [0, -2], ArrowDown: [0, 2] };
  canvas.addEventListener('keydown', (event) => {
    const one = layers.lesions[chosen];
    if (steps[event.key] && one) {
      const [dx, dy] = steps[event.key];
      change(chosen, { x: Math.min(95, Math.max(0, one.x + dx)), y: Math.min(95, Math.max(0, one.y + dy)) });
    } else if (event.key === 'Insert' || event.key === 'a') add(48, 48);
    else if ((event.key === 'Delete' || event.key === 'Backspace') && one) remove(chosen);
    else if ((event.key === '+' || event.key === '=') && one) change(chosen, { radius: Math.min(24, one.radius + 1) });
    else if (event.key === '-' && one) change(chosen, { radius: Math.max(2, one.radius - 1) });
    else if (event.key === 'n' && layers.lesions.length) chosen = (chosen + 1) % layers.lesions.length;
    else return;
    event.preventDefault();
  });
}

// --- start ------------------------------------------------------------------------------------------------------------------

const rows = {};
for (const [name, label, range, start] of DIALS) {
  rows[name] = dial(name, label, range, settings[name], (value) => {
    settings[name] = value;
    if (name === 'circles') own = [];
    redraw();
  });
  get('dials').append(rows[name]);
}
get('buttons').append(
  el('button', { class: 'main', onclick: () => { settings.seed = (settings.seed + 1) % 10000; own = []; redraw(); } }, 'New picture'),
  el('button', { onclick: () => {
    for (const [name, , , start] of DIALS) rows[name].set((settings[name] = start));
    Object.assign(settings, { seed: 38 });
    own = [];
    redraw();
  } }, 'Reset'),
);
get('truthKey').style.setProperty('--key', COLORS.truth);
get('foundKey').style.setProperty('--key', COLORS.prediction);

async function start() {
  shipped = await shippedNetwork();
  wireCanvas();
  redraw();
}
const ready = start().catch((error) => {
  document.documentElement.classList.replace('able', 'unable');
  throw error;
});
window.unet = { ready, predict: async (image) => (await ready, shipped.net.predict(Float32Array.from(image))) };
