// Elements, colors, pictures on a canvas and outlines that stay apart: what the live pages and all panels draw with.

import { COLORS, RAMPS, KINDS } from '../palette.js';

/** Make an element: el('p', { class: 'soft' }, 'words', child, ...). */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for a part of a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : value);
  element.append(...children);
  return element;
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

/** Paint `height * width` values, 0..1 (or whole kinds of pixels), into a canvas of that many pixels. */
export function paint(canvas, values, width, name = 'gray', scale = KINDS[name] ? 1 : 255) {
  const height = values.length / width;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d'), picture = context.createImageData(width, height), colors = ramp(name);
  for (let i = 0; i < values.length; i++) {
    const [r, g, b] = colors[Math.min(255, Math.max(0, Math.round(values[i] * scale)))];
    picture.data.set([r, g, b, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

/** Paint values large, `zoom` pixels for each, and leave the pixels sharp. Returns the context. */
export function paintLarge(canvas, values, width, zoom, name, scale) {
  const small = document.createElement('canvas');
  paint(small, values, width, name, scale);
  if (canvas.width !== width * zoom) canvas.width = width * zoom;
  if (canvas.height !== small.height * zoom) canvas.height = small.height * zoom;
  canvas.dataset.zoom = zoom;
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  return context;
}

/** The kind of each pixel: 0 background, 1 too much, 2 missed, 3 found. */
export const errorMap = (mask, found) => Float32Array.from(mask, (t, i) => 2 * t + (found[i] ? 1 : 0));

/** Draw a scan large, with outlines: the truth solid and orange just outside, the prediction dashed just inside. */
export function paintScan(canvas, image, size, zoom, truth, found) {
  outlines(paintLarge(canvas, image, size, zoom), size, zoom, truth, found);
}

export function outlines(context, width, zoom, truth, found) {
  if (truth) outline(context, truth, width, zoom, COLORS.truth, [], -1.5);
  if (found) {
    outline(context, found, width, zoom, COLORS.hit, [], 1.5);
    outline(context, found, width, zoom, COLORS.prediction, [zoom * 1.2, zoom * 1.2], 1.5);
  }
}

/** Follow the border between the pixels of a mask and the others; inset: how far inside it the line runs, in canvas pixels. */
function outline(context, mask, width, zoom, color, dashes, inset) {
  const height = mask.length / width, inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] > 0;
  context.beginPath();
  const line = (x1, y1, x2, y2) => { context.moveTo(x1, y1); context.lineTo(x2, y2); };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (!inside(x, y)) continue;
      const [l, t, r, b] = [x * zoom, y * zoom, (x + 1) * zoom, (y + 1) * zoom], d = inset;
      if (x > 0 && !inside(x - 1, y)) line(l + d, t, l + d, b);
      if (x < width - 1 && !inside(x + 1, y)) line(r - d, t, r - d, b);
      if (y > 0 && !inside(x, y - 1)) line(l, t + d, r, t + d);
      if (y < height - 1 && !inside(x, y + 1)) line(l, b - d, r, b - d);
    }
  context.strokeStyle = color;
  context.lineWidth = 2.5;
  context.setLineDash(dashes);
  context.stroke();
  context.setLineDash([]);
}
