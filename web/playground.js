// The playground's page: what it shows and how it is steered. The training itself runs in worker.js.

import { dial, kernels } from './parts.js';
import { el, paint, paintScan } from './panels/paint.js';
import { COLORS } from './palette.js';
import { DEFAULTS, UNSEEN } from './training.js';
import { dicePerImage, mean } from './scores.js';

document.documentElement.classList.add('able'); // scripts run here, as they do not in a page that was opened as a file
const get = (id) => document.getElementById(id);
const SHOWN = 6, FIRST = 1; // how many unseen scenes are shown, and which stands first
const CONTROLS = { // group: [name, label, range or choices]
  data: [['pictures', 'Pictures', [[0, 'endless stream'], [6, '6'], [24, '24'], [96, '96'], [400, '400']]], ['augment', 'Mirror and turn', [[true, 'yes'], [false, 'no']]],
    ['circles', 'Most circles', [0, 12, 1]], ['radius', 'Largest radius', [3, 20, 1]], ['contrast', 'Least contrast', [0.05, 0.5, 0.01]], ['noise', 'Noise', [0, 0.4, 0.01]],
    ['illumination', 'Uneven light', [0, 1, 0.05]], ['vessels', 'Most vessels', [0, 8, 1]]],
  network: [['size', 'Picture size', [[48, '48 x 48'], [64, '64 x 64'], [96, '96 x 96']]], ['depth', 'Levels', [2, 4, 1]], ['filters', 'Filters', [4, 16, 4]],
    ['skips', 'Skip connections', [[true, 'yes'], [false, 'no']]], ['upsampling', 'Upsampling', [['transpose', 'transposed convolution'], ['resize', 'resize, then convolve']]]],
  training: [['loss', 'Loss', [['bce_dice', 'cross-entropy + Dice'], ['bce', 'cross-entropy'], ['dice', 'Dice']]], ['rate', 'Highest rate', [[0.0003, '0.0003'], [0.001, '0.001'], [0.003, '0.003'], [0.006, '0.006'], [0.02, '0.02'], [0.1, '0.1'], [1, '1']]],
    ['schedule', 'Schedule', [['cosine', 'warm-up and cosine'], ['constant', 'constant']]], ['steps', 'Steps', [[400, '400'], [800, '800'], [1200, '1200'], [3000, '3000']]],
    ['batch', 'Batch', [1, 8, 1]], ['wrong', 'Mistake', [['none', 'none'], ['mask255', 'masks of 0 and 255'], ['flip', 'images flipped without masks']]], ['seed', 'Seed', [1, 20, 1]]],
};
const MISTAKES = [
  ['Masks of 0 and 255', { wrong: 'mask255' }, 'The loss falls far below zero, which no loss of this kind can. The network marks everything, and Dice stays where it is.', '05_failure_clinic', 'notebook 05'],
  ['A rate far too high', { rate: 1 }, 'One step throws all weights away. After that nothing is marked any more, whatever the scan, and no later step brings it back.', '03_training_with_callbacks', 'notebook 03'],
  ['No skip connections', { skips: false }, 'It begins later and ends lower: where exactly a lesion ends is lost on the way down, and nothing brings it back.', '02_unet_anatomy', 'notebook 02'],
  ['Images flipped, masks not', { wrong: 'flip' }, 'Half of all masks lie in the wrong place. It learns slowly, and its Dice on the batch stays far below that on unseen scenes.', '05_failure_clinic', 'notebook 05'],
  ['Six pictures by heart', { pictures: 6, augment: false }, 'Dice on the batch reaches 1, and on unseen scenes it stops early. The network has learned the six, and not lesions.', '03_training_with_callbacks', 'notebook 03'],
  ['The all-background collapse', { loss: 'bce', circles: 1, radius: 3, contrast: 0.1, rate: 0.0003 }, 'Tiny faint lesions and cross-entropy alone: marking nothing is right on nearly every pixel. The loss is tiny and no lesion is found.', '03_training_with_callbacks', 'notebook 03'],
];

// --- settings and the link ------------------------------------------------------------------------------------------------

let settings = { ...DEFAULTS };
const all = Object.values(CONTROLS).flat();
function read(value, [, , range]) {
  if (Array.isArray(range[0])) return range.map(([v]) => v).find((v) => String(v) === value);
  const number = Number(value.replace(',', '.'));
  if (!value || !Number.isFinite(number)) return undefined;
  const [low, high, step] = range;
  return Math.min(high, Math.max(low, low + Math.round((number - low) / step) * step));
}
const link = new URLSearchParams(location.hash.slice(1));
let chosenByHand = false;
for (const control of all)
  if (link.has(control[0])) {
    settings[control[0]] = read(link.get(control[0]), control) ?? settings[control[0]];
    chosenByHand = true;
  }

const rows = {};
for (const [group, controls] of Object.entries(CONTROLS))
  for (const [name, label, range] of controls) {
    if (Array.isArray(range[0])) {
      const select = el('select', { id: name, onchange: () => apply({ [name]: read(select.value, [name, label, range]) }) }, ...range.map(([value, words]) => el('option', { value: String(value) }, words)));
      rows[name] = el('div', { class: 'dial' }, el('label', { for: name }, label), select);
      rows[name].set = (value) => (select.value = String(value));
    } else rows[name] = dial(name, label, range, settings[name], (value) => apply({ [name]: value }, 350));
    get(group).append(rows[name]);
  }
const showSettings = () => all.forEach(([name]) => rows[name].set(settings[name]));
showSettings();

let applying;
function apply(parts, wait = 0) {
  Object.assign(settings, parts);
  chosenByHand = true;
  clearTimeout(applying);
  applying = setTimeout(reset, wait);
}

// --- the worker -------------------------------------------------------------------------------------------------------------

let worker, state, todo = [], resting = [], playing = false, picture = 0, taken = null;
function makeWorker() {
  const url = document.getElementById('worker')?.textContent; // in the page that is one file, the worker is in it, too
  const made = url ? new Worker(URL.createObjectURL(new Blob([url], { type: 'text/javascript' }))) : new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  made.onmessage = ({ data }) => handle[data.type](data);
  return made;
}
const waitFor = () => new Promise((done) => resting.push(done));
let timed;
const handle = {
  state(message) {
    state = { ...state, ...message };
    if (!todo.length) requestAnimationFrame(showNext);
    todo.push(...[showNumbers, showUnseen, showCurves, showU].filter((part) => !todo.includes(part)));
  },
  rest() {
    setPlaying(false);
    resting.splice(0).forEach((done) => done());
    speak();
  },
  timed({ milliseconds }) { timed(milliseconds); },
  inside(message) { showInside(message); },
};

function setPlaying(on) {
  playing = on;
  get('play').textContent = on ? 'Pause' : 'Train';
  get('play').setAttribute('aria-pressed', on);
}
async function reset() {
  setPlaying(false);
  history.replaceState(null, '', `#${new URLSearchParams(Object.fromEntries(all.map(([name]) => [name, settings[name]]).filter(([name, value]) => value !== DEFAULTS[name])))}`);
  const done = waitFor();
  worker.postMessage({ type: 'reset', settings });
  await done;
  if (taken) inspect();
}
async function train(steps) {
  setPlaying(true);
  const done = waitFor();
  worker.postMessage({ type: 'run', steps });
  await done;
}

get('play').onclick = () => {
  if (playing) {
    worker.postMessage({ type: 'pause' });
    return;
  }
  if (state?.done >= settings.steps) reset().then(() => train());
  else train();
};
get('one').onclick = () => train(1);
get('reset').onclick = () => reset();

// --- what is seen -----------------------------------------------------------------------------------------------------------

let spoken = 0;
function speak() {
  const { point, line } = state;
  get('said').textContent = `Step ${state.done}: mean Dice on unseen scenes ${point.dice.toFixed(2)}, pooled ${point.pooled.toFixed(2)}; the best threshold scores ${line.dice.toFixed(2)}.`;
}

/** Show one part of what is new in each frame, so that no frame is long. */
function showNext() {
  todo.shift()();
  if (todo.length) requestAnimationFrame(showNext);
}
/** Wait until the page shows all that the worker has told. */
async function shown() {
  while (todo.length) await new Promise(requestAnimationFrame);
}

function showNumbers() {
  const { point, line, done, settings: now } = state;
  get('clock').textContent = `step ${done} of ${now.steps}`;
  get('numbers').replaceChildren(...[
    ['Dice, unseen', point.dice], ['pooled', point.pooled], ['Dice, latest batch', done ? point.training : NaN], ['loss', point.loss], ['line to beat', line.dice],
  ].map(([name, value]) => el('span', {}, `${name} `, el('b', {}, Number.isFinite(value) ? value.toFixed(2) : 'none yet'))));
  if (playing && done - spoken >= 200) (spoken = done), speak();
}

function showUnseen() {
  const list = get('unseen'), { chance, images, masks, settings: { size } } = state, area = size * size;
  if (!list.children.length)
    for (let i = 0; i < SHOWN; i++)
      list.append(el('li', {}, el('button', { 'aria-pressed': i === picture, onclick: () => {
        picture = i;
        [...list.querySelectorAll('button')].forEach((b, k) => b.setAttribute('aria-pressed', k === i));
        worker.postMessage({ type: 'look', picture: FIRST + i });
      } }, el('canvas', { role: 'img' }))));
  [...list.querySelectorAll('canvas')].forEach((canvas, i) => {
    const part = (array) => array.subarray((FIRST + i) * area, (FIRST + i + 1) * area), truth = part(masks), found = part(chance).map((p) => (p >= 0.5 ? 1 : 0));
    paintScan(canvas, part(images), size, 4, truth, found);
    canvas.setAttribute('aria-label', `Unseen scene ${i + 1}, Dice ${dicePerImage(truth, found, area)[0].toFixed(2)}. Press to look inside with it.`);
  });
}

function showCurves() {
  const canvas = get('curve'), c = canvas.getContext('2d'), { curve, line, settings: { steps } } = state, style = getComputedStyle(document.body);
  const [left, right, top, bottom] = [52, 1068, 14, 262], x = (step) => left + ((right - left) * step) / steps, y = (value) => bottom - (bottom - top) * value;
  c.clearRect(0, 0, 1080, 300);
  c.font = '19px system-ui, sans-serif';
  c.fillStyle = style.getPropertyValue('color');
  c.strokeStyle = style.getPropertyValue('color');
  c.textAlign = 'right';
  c.textBaseline = 'middle';
  for (const value of [0, 0.5, 0.8, 0.9, 1]) {
    c.globalAlpha = 0.22;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(left, y(value));
    c.lineTo(right, y(value));
    c.stroke();
    c.globalAlpha = 1;
    if (value !== 0.9) c.fillText(value.toFixed(1), left - 8, y(value));
  }
  c.textAlign = 'center';
  for (const part of [0, 0.25, 0.5, 0.75, 1]) c.fillText(String(steps * part), Math.min(x(steps * part), right - 16), 284);
  const draw = (points, color, dashes, width = 3) => {
    c.strokeStyle = color;
    c.lineWidth = width;
    c.setLineDash(dashes);
    c.beginPath();
    points.forEach(([a, b], i) => (i ? c.lineTo(a, b) : c.moveTo(a, b)));
    c.stroke();
    c.setLineDash([]);
  };
  draw([[left, y(line.dice)], [right, y(line.dice)]], COLORS.quiet, [4, 6], 3);
  draw(curve.map((p) => [x(p.step), y(p.training)]), COLORS.decoder, [], 1.5);
  draw(curve.map((p) => [x(p.step), y(p.pooled)]), COLORS.prediction, [10, 6], 2.5);
  draw(curve.map((p) => [x(p.step), y(p.dice)]), COLORS.prediction, [], 3.5);
}

// --- the U --------------------------------------------------------------------------------------------------------------------

const kindOf = (name) => (name.startsWith('e') ? 'encoder' : name.startsWith('d') ? 'decoder' : 'bottleneck');
let built = '';
function showU() {
  const { maps, settings: { depth } } = state, shape = Object.values(maps).map((m) => [m.h, m.c]).join();
  if (built !== shape) {
    built = shape;
    const stage = (name) => {
      const { h, w, c } = maps[name], box = el('div', { class: 'stagebox' }, el('h3', {}, `${name.replace('_', ' ')}: ${h} x ${w}, ${c} maps`), el('div', { class: 'maps' }, ...Array.from({ length: Math.min(c, 8) }, (_, i) =>
        el('button', { 'data-map': `${name} ${i}`, 'aria-pressed': false, 'aria-label': `${name.replace('_', ' ')}, map ${i + 1} of ${c}: take it apart`, onclick: () => choose(name, i) }, el('canvas')))));
      box.style.setProperty('--kind', COLORS[kindOf(name)]);
      return box;
    };
    get('u').replaceChildren(...Array.from({ length: depth }, (_, i) => i + 1).map((level) => level === depth
      ? el('div', { class: 'level bottom' }, stage('bottleneck')) : el('div', { class: 'level' }, stage(`encoder_${level}`), stage(`decoder_${level}`))));
    if (taken && !(maps[taken.name]?.c > taken.channel)) (taken = null), (get('inspector').hidden = true);
  }
  for (const [name, { h, w, c, data }] of Object.entries(maps)) {
    let top = 1e-6; // one scale a level, so that maps of a level can be compared
    for (const value of data) if (value > top) top = value;
    for (let i = 0; i < Math.min(c, 8); i++) {
      const canvas = get('u').querySelector(`[data-map="${name} ${i}"] canvas`), values = new Float32Array(h * w);
      for (let k = 0; k < h * w; k++) values[k] = data[k * c + i] / top;
      paint(canvas, values, h, 'features');
    }
  }
  if (taken) paintTaken();
}

function choose(name, channel) {
  const { h, w, c, data } = state.maps[name];
  let best = 0; // begin at the brightest pixel: where a map is 0, the ReLU hides what it depends on
  for (let k = 0; k < h * w; k++) if (data[k * c + channel] > data[best * c + channel]) best = k;
  taken = { name, channel, y: Math.floor(best / w), x: best % w, input: 0 };
  get('u').querySelectorAll('button').forEach((b) => b.setAttribute('aria-pressed', b.dataset.map === `${name} ${channel}`));
  inspect();
}
const inspect = () => worker.postMessage({ type: 'inspect', ...taken });

function paintTaken() {
  const canvas = get('inspector').querySelector('canvas.pick');
  if (!canvas) return;
  const { h, c, data } = state.maps[taken.name], values = new Float32Array(h * h);
  let top = 1e-6;
  for (let k = 0; k < h * h; k++) top = Math.max(top, (values[k] = data[k * c + taken.channel]));
  paint(canvas, values.map((v) => v / top), h, 'features');
  const context = canvas.getContext('2d');
  context.strokeStyle = COLORS.paper;
  context.lineWidth = Math.max(0.6, h / 64);
  context.strokeRect(taken.x - 0.5, taken.y - 0.5, 2, 2);
}

function showInside({ from, window, kernel, own, bias, total, result, field }) {
  const box = get('inspector'), { name, channel, y, x, input } = taken, { h } = state.maps[name], { size } = state.settings;
  if (box.hidden || box.dataset.for !== `${name} ${channel} ${from}`) {
    box.hidden = false;
    box.dataset.for = `${name} ${channel} ${from}`;
    const pick = el('canvas', { class: 'pick', tabindex: 0, role: 'application', 'aria-label': `Map ${channel + 1} of ${name.replace('_', ' ')}. Move over it, or use the arrow keys, to choose a pixel.` });
    const to = (event) => {
      const frame = pick.getBoundingClientRect(), at = (v, long) => Math.min(state.maps[taken.name].h - 1, Math.max(0, Math.floor((v / long) * state.maps[taken.name].h)));
      Object.assign(taken, { x: at(event.clientX - frame.left, frame.width), y: at(event.clientY - frame.top, frame.height) });
      inspect();
    };
    pick.addEventListener('pointermove', to);
    pick.addEventListener('pointerdown', to);
    pick.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!step) return;
      event.preventDefault();
      Object.assign(taken, { y: Math.min(h - 1, Math.max(0, taken.y + step[0])), x: Math.min(h - 1, Math.max(0, taken.x + step[1])) });
      inspect();
    });
    const choice = el('select', { id: 'input', onchange: () => { taken.input = +choice.value; inspect(); } }, ...Array.from({ length: from }, (_, i) => el('option', { value: i }, `input map ${i + 1} of ${from}`)));
    box.replaceChildren(el('h3', {}, `${name.replace('_', ' ')}, map ${channel + 1}: its second convolution`), el('div', { class: 'taken' },
      el('div', {}, pick), el('div', {}, el('div', { class: 'row' }, el('label', { for: 'input' }, 'Seen through'), choice), el('div', { class: 'sum' }), el('p', { class: 'small words' }),
        el('div', { class: 'taken' }, el('canvas', { class: 'field', role: 'img' }), el('p', { class: 'small soft' }, 'The part of the scan that this one number depends on, brighter where a change moves it more: its receptive field, as far as the weights use it. It is dark everywhere if the ReLU has turned the number into 0.')))));
  }
  const grid = (title, numbers) => el('table', {}, el('caption', {}, title), ...[0, 3, 6].map((row) => el('tr', {}, ...numbers.slice(row, row + 3).map((n) => el('td', {}, n.toFixed(2))))));
  box.querySelector('.sum').replaceChildren(grid('window', window), el('span', {}, '×'), grid('kernel', kernel), el('span', {}, `= ${own.toFixed(3)}`));
  box.querySelector('.words').textContent = `Row ${y}, column ${x}: the nine products of input map ${input + 1} add up to ${own.toFixed(3)}. All ${from} input maps and the bias ${bias.toFixed(3)} make ${total.toFixed(3)}, and the ReLU turns that into ${result.toFixed(3)}.`;
  const canvas = box.querySelector('.field'), top = Math.max(1e-9, ...field.map(Math.abs));
  paint(canvas, field.map((v) => Math.sqrt(Math.abs(v) / top)), size, 'features');
  canvas.setAttribute('aria-label', 'Heat map of the receptive field in the scan');
  paintTaken();
}

// --- mistakes -------------------------------------------------------------------------------------------------------------------

get('mistakes').append(...MISTAKES.map(([title, parts, words, page, where]) => el('div', { class: 'card' }, el('h3', {}, title), el('p', { class: 'small' }, words),
  el('div', { class: 'row' }, el('button', { onclick: async () => {
    settings = { ...DEFAULTS, size: settings.size, ...parts };
    showSettings();
    clearTimeout(applying);
    await reset();
    get('answers').scrollIntoView({ behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
    train();
  } }, 'Make this mistake'), el('a', { href: `${page}.html`, class: 'small' }, where)))));
for (const [id, color] of [['truthKey', 'truth'], ['foundKey', 'prediction'], ['diceKey', 'prediction'], ['pooledKey', 'prediction'], ['trainKey', 'decoder'], ['lineKey', 'quiet']])
  get(id).style.setProperty('--key', COLORS[color]);

// --- start ----------------------------------------------------------------------------------------------------------------------

async function start() {
  const module = await kernels();
  worker = makeWorker();
  worker.postMessage({ type: 'module', module });
  if (!chosenByHand) { // a slow device gets smaller pictures; whoever opens a link gets what it says
    const milliseconds = await new Promise((done) => { timed = done; worker.postMessage({ type: 'time', settings }); });
    if (milliseconds > 40) settings.size = 48;
    showSettings();
  }
  await reset();
  worker.postMessage({ type: 'look', picture: FIRST });
}
const ready = start().catch((error) => {
  document.documentElement.classList.replace('able', 'unable');
  throw error;
});
window.playground = {
  ready,
  get settings() { return { ...settings }; },
  set settings(parts) { Object.assign(settings, parts); showSettings(); chosenByHand = true; },
  train: async (steps) => { await ready; await train(steps); await shown(); return state.done; },
  dice: async () => { await ready; return mean(dicePerImage(state.masks, state.chance, state.settings.size ** 2)); },
  reset: async () => { await ready; await reset(); await shown(); },
  unseen: UNSEEN,
};
