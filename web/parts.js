// What both live pages are built of: labeled dials, pictures on a canvas, outlines, the network from a file.

import { COLORS, RAMPS, KINDS } from './palette.js';
import { UNet } from './engine/unet.js';

/** Make an element: el('p', { class: 'soft' }, 'words', child, ...). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : value);
  element.append(...children);
  return element;
}

/** A labeled slider with its number beside it. change(value) is called while it moves. */
export function dial(name, label, [low, high, step], start, change, words = (v) => (step < 1 ? v.toFixed(2) : String(v))) {
  const shown = el('output', { for: name }, words(start));
  const input = el('input', { type: 'range', id: name, min: low, max: high, step, value: start, 'aria-valuetext': `${label} ${words(start)}` });
  const show = () => {
    shown.textContent = words(+input.value);
    input.setAttribute('aria-valuetext', words(+input.value));
  };
  input.addEventListener('input', () => { show(); change(+input.value); });
  const row = el('div', { class: 'dial' }, el('label', { for: name }, label), input, shown);
  row.set = (value) => { input.value = value; show(); };
  return row;
}

const rgb = (color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));

/** The 256 colors of a ramp of the palette, as [r, g, b]. */
const ramps = new Map();
export function ramp(name) {
  if (!ramps.has(name)) {
    const stops = (RAMPS[name] ?? KINDS[name].map((kind) => COLORS[kind])).map(rgb);
    ramps.set(name, Array.from({ length: 256 }, (_, i) => {
      if (KINDS[name]) return stops[Math.min(i, stops.length - 1)];
      const at = (i / 255) * (stops.length - 1), k = Math.min(Math.floor(at), stops.length - 2);
      return [0, 1, 2].map((c) => Math.round(stops[k][c] + (at - k) * (stops[k + 1][c] - stops[k][c])));
    }));
  }
  return ramps.get(name);
}

/** Paint `size * size` values, 0..1 (or whole kinds of pixels), into a canvas of that many pixels. */
export function paint(canvas, values, size, name = 'gray') {
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const context = canvas.getContext('2d'), picture = context.createImageData(size, size), colors = ramp(name);
  const scale = KINDS[name] ? 1 : 255;
  for (let i = 0; i < size * size; i++) {
    const [r, g, b] = colors[Math.min(255, Math.max(0, Math.round(values[i] * scale)))];
    picture.data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

/** The kind of each pixel: 0 background, 1 too much, 2 missed, 3 found. */
export const errorMap = (mask, found) => Float32Array.from(mask, (t, i) => 2 * t + (found[i] ? 1 : 0));

/** Draw a scan large, with outlines: the truth solid and orange just outside, the prediction dashed just inside. */
export function paintScan(canvas, image, size, zoom, truth, found) {
  const small = new OffscreenCanvas(size, size);
  paint(small, image, size);
  if (canvas.width !== size * zoom) canvas.width = canvas.height = size * zoom;
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, size * zoom, size * zoom);
  if (truth) outline(context, truth, size, zoom, COLORS.truth, [], -1.5);
  if (found) {
    outline(context, found, size, zoom, '#FFFFFF', [], 1.5);
    outline(context, found, size, zoom, COLORS.prediction, [zoom * 1.2, zoom * 1.2], 1.5);
  }
}

/** Follow the border between the pixels of a mask and the others; inset: how far inside it the line runs, in canvas pixels. */
function outline(context, mask, size, zoom, color, dashes, inset) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < size && y < size && mask[y * size + x] > 0;
  context.beginPath();
  const line = (x1, y1, x2, y2) => { context.moveTo(x1, y1); context.lineTo(x2, y2); };
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      if (!inside(x, y)) continue;
      const [l, t, r, b] = [x * zoom, y * zoom, (x + 1) * zoom, (y + 1) * zoom], d = inset;
      if (x > 0 && !inside(x - 1, y)) line(l + d, t, l + d, b);
      if (x < size - 1 && !inside(x + 1, y)) line(r - d, t, r - d, b);
      if (y > 0 && !inside(x, y - 1)) line(l, t + d, r, t + d);
      if (y < size - 1 && !inside(x, y + 1)) line(l, b - d, r, b - d);
    }
  context.strokeStyle = color;
  context.lineWidth = 2.5;
  context.setLineDash(dashes);
  context.stroke();
  context.setLineDash([]);
}

/** Compile the kernels. Throws where a browser has no WebAssembly with SIMD. */
export async function kernels() {
  const embedded = document.getElementById('kernels')?.textContent.trim();
  if (embedded) return WebAssembly.compile(Uint8Array.from(atob(embedded), (c) => c.charCodeAt(0)));
  return WebAssembly.compile(await (await fetch(new URL('./built/kernels.wasm', import.meta.url))).arrayBuffer());
}

/** The network that ships with the course: { net, threshold }. */
export async function shippedNetwork(batch = 1) {
  const at = (name) => fetch(new URL(`./built/${name}`, import.meta.url));
  const [module, manifest, numbers] = await Promise.all([
    kernels(), at('shipped.json').then((r) => r.json()), at('shipped.bin').then((r) => r.arrayBuffer()),
  ]);
  const net = new UNet(module, { size: 96, batch });
  net.load(manifest, new Float32Array(numbers));
  return { net, threshold: manifest.threshold };
}
