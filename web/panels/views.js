// What a panel shows: pictures, curves, a U, maps, a sum of products. A view is plain data, the same from Python
// (helpers/panels/views.py) and from JavaScript (web/brains). Pictures are drawn on a canvas; words are HTML.

import { COLORS, RAMPS, LEGENDS } from '../palette.js';
import { el, svg, paintLarge, outlines } from './paint.js';

/** Bytes as they come over a wire, or as they are. */
export const bytes = (data) => (data instanceof Uint8Array ? data : new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength));

/** Make the element for a view; set(settings) is called when the reader clicks into it. Returns { node, update(view) }. */
export function makeView(kind, set) {
  const title = el('figcaption', { class: 'unet-view-title' }), node = el('figure', { class: `unet-view unet-${kind}` }, title);
  const draw = KINDS_OF_VIEW[kind](node, set);
  let last;
  const update = (view) => {
    last = view;
    if (title.textContent !== view.title) title.textContent = view.title;
    node.classList.toggle('unet-wide', Boolean(view.wide));
    draw(view);
  };
  const width = kind === 'chart' || kind === 'u' ? new ResizeObserver(() => last && draw(last)) : null;
  width?.observe(node);
  return { node, update, close: () => width?.disconnect() };
}

const KINDS_OF_VIEW = { picture: pictureView, chart: chartView, u: uView, maps: mapsView, products: productsView };

function legend(list, entries, ramp) {
  const words = JSON.stringify([entries, ramp]);
  if (list.dataset.words === words) return;
  list.dataset.words = words;
  list.replaceChildren(...entries.map(([color, word, style]) => el('li', {}, el('span', { class: `unet-key unet-key-${style}`, style: `--key: ${COLORS[color]}` }), word)));
  if (ramp) list.append(el('li', { class: 'unet-ramp' }, ramp.low, el('span', { style: `background: linear-gradient(to right, ${RAMPS[ramp.name].join(', ')})` }), ramp.high));
  list.hidden = !list.children.length;
}

function pictureView(node, set) {
  const canvas = el('canvas', { role: 'img' }), key = el('ul', { class: 'unet-legend' }), below = el('p', { class: 'unet-below' });
  node.append(canvas, key, below);
  let now;
  canvas.addEventListener('click', (event) => {
    if (!now.pick) return;
    const box = canvas.getBoundingClientRect(), [height, width] = now.shape;
    set({ [now.pick[0]]: Math.floor(((event.clientY - box.top) / box.height) * height), [now.pick[1]]: Math.floor(((event.clientX - box.left) / box.width) * width) });
  });
  return (view) => {
    now = view;
    const [height, width] = view.shape, zoom = Math.max(1, Math.round(384 / Math.max(height, width)));
    const masks = Object.fromEntries(Object.entries(view.outlines).map(([name, mask]) => [name, bytes(mask)]));
    const context = paintLarge(canvas, bytes(view.values), width, zoom, view.colors, 1);
    if (view.under) { // a heat map over a scan: the scan shows through where the map is dark
      context.globalCompositeOperation = 'screen';
      const scan = el('canvas');
      paintLarge(scan, bytes(view.under), width, zoom, 'gray', 0.45);
      context.drawImage(scan, 0, 0);
      context.globalCompositeOperation = 'source-over';
    }
    outlines(context, width, zoom, masks.truth, masks.prediction);
    context.lineWidth = 3;
    if (view.box) square(context, view.box.map((v) => v * zoom), COLORS.prediction);
    if (view.center) context.fillRect(view.center[0] * zoom - 4, view.center[1] * zoom - 4, 8, 8);
    if (view.mark) square(context, [view.mark[1] * zoom - 2, view.mark[0] * zoom - 2, zoom + 4, zoom + 4], COLORS.paper);
    canvas.classList.toggle('unet-pick', Boolean(view.pick));
    canvas.setAttribute('aria-label', described(view, masks));
    legend(key, [
      ...(LEGENDS[view.colors] ?? []).map(([color, word]) => [color, word, 'box']),
      ...LEGENDS.outlines.filter(([kind]) => masks[kind]).map(([kind, word]) => [kind, word, kind === 'truth' ? 'line' : 'dashed']),
    ], RAMPS[view.colors] && view.colors !== 'gray' && { name: view.colors, low: '0', high: view.top ?? '1' });
    below.textContent = view.below;
    below.hidden = !view.below;
  };
}

function square(context, [x, y, width, height], color) {
  context.fillStyle = color;
  for (const [stroke, wide] of [[COLORS.paper, 5], [color === COLORS.paper ? RAMPS.gray[0] : color, 2.5]]) {
    context.strokeStyle = stroke;
    context.lineWidth = wide;
    context.strokeRect(x, y, width, height);
  }
}

/** What a picture shows, for those who cannot see it: its title, and which part of it is drawn how. */
function described(view, masks) {
  const share = (mask) => `${((100 * mask.reduce((a, b) => a + (b > 0), 0)) / mask.length).toFixed(1)} % of the picture`;
  const lines = Object.entries(masks).map(([kind, mask]) => (mask.some((v) => v) ? `outline of the ${kind}: ${share(mask)}` : `no ${kind}`));
  const kinds = LEGENDS[view.colors] && view.colors === 'errors' ? ['too much', 'missed', 'found'].map((word, i) => `${word}: ${bytes(view.values).reduce((a, b) => a + (b === i + 1), 0)} px`) : [];
  return [view.title, ...lines, ...kinds].join('; ');
}

// A drawing as wide as its place, so that its words keep their size.
function drawing(node, height) {
  const picture = svg('svg', { role: 'img' });
  node.append(picture);
  return (label, most = 900) => {
    const wide = Math.max(120, Math.min(most, Math.floor(node.clientWidth || 200))), tall = height(wide);
    for (const [name, value] of Object.entries({ width: wide, height: tall, viewBox: `0 0 ${wide} ${tall}`, 'aria-label': label })) picture.setAttribute(name, value);
    picture.replaceChildren();
    return [picture, wide, tall];
  };
}
const text = (x, y, words, more = {}) => svg('text', { x, y, fill: COLORS.ink, 'font-size': 11, 'font-family': 'system-ui, sans-serif', ...more }, words);
const line = (x1, y1, x2, y2, color, more = {}) => svg('line', { x1, y1, x2, y2, stroke: color, ...more });

function chartView(node) {
  const start = drawing(node, (wide) => (wide > 320 ? 150 : Math.min(wide, 200))), key = el('ul', { class: 'unet-legend' });
  node.append(key);
  return (view) => {
    const said = view.lines.filter((one) => one.points.length).map(({ name, points, style }) => (style === 'bars' ? name : `${name} from ${number(points[0][1])} to ${number(points.at(-1)[1])}`));
    const [picture, wide, tall] = start(`${view.title}: ${said.join(', ') || 'no curve yet'}`);
    const [left, right, top, floor] = [38, wide - 10, 10, tall - 32], [x0, x1, xLabel] = view.x, [y0, y1, yLabel] = view.y;
    const x = (v) => left + ((right - left) * (Math.min(Math.max(v, x0), x1) - x0)) / (x1 - x0), y = (v) => floor - ((floor - top) * (Math.min(Math.max(v, y0), y1) - y0)) / (y1 - y0);
    for (const share of [0, 0.5, 1]) {
      const value = y0 + share * (y1 - y0);
      picture.append(line(left, y(value), right, y(value), share ? COLORS.faint : COLORS.quiet), text(left - 4, y(value) + 4, number(value), { 'text-anchor': 'end' }));
    }
    for (const [share, anchor] of wide > 320 ? [[0, 'start'], [0.25, 'middle'], [0.5, 'middle'], [0.75, 'middle'], [1, 'end']] : [[0, 'start'], [1, 'end']]) picture.append(text(x(x0 + share * (x1 - x0)), floor + 13, number(x0 + share * (x1 - x0)), { 'text-anchor': anchor }));
    picture.append(text((left + right) / 2, tall - 5, [xLabel, yLabel && `(up: ${yLabel})`].filter(Boolean).join(' '), { 'text-anchor': 'middle' }));
    for (const { points, color, style } of view.lines) {
      if (!points.length) continue;
      const stroke = COLORS[color], step = points.length > 1 ? points[1][0] - points[0][0] : 0;
      if (style === 'bars') {
        const up = points.flatMap(([a, b]) => [`${x(a).toFixed(1)},${y(b).toFixed(1)}`, `${x(a + step).toFixed(1)},${y(b).toFixed(1)}`]);
        picture.append(svg('polygon', { points: `${x(points[0][0])},${floor} ${up.join(' ')} ${x(points.at(-1)[0] + step)},${floor}`, fill: stroke, 'fill-opacity': 0.75 }));
      } else {
        picture.append(svg('polyline', { points: points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(' '), fill: 'none', stroke, 'stroke-width': 2, 'stroke-dasharray': style === 'dashed' ? '6 4' : 'none' }));
        picture.append(svg('circle', { cx: x(points.at(-1)[0]), cy: y(points.at(-1)[1]), r: 3, fill: stroke }));
      }
    }
    for (const [place, words] of view.marks) {
      const late = x(place) > (left + right) / 2;
      picture.append(line(x(place), top, x(place), floor, COLORS.prediction, { 'stroke-width': 1.5 }), text(x(place) + (late ? -4 : 4), top + 9, words, { 'text-anchor': late ? 'end' : 'start' }));
    }
    legend(key, view.lines.length > 1 ? view.lines.map(({ name, color, style }) => [color, name, { bars: 'box', dashed: 'dashed' }[style] ?? 'line']) : []);
  };
}

const number = (value) => (Math.abs(value) >= 100 || Number.isInteger(value) ? String(Math.round(value)) : Math.abs(value) < 0.1 && value ? String(+value.toFixed(4)) : value.toFixed(2));

function uView(node, set) {
  let view;
  const start = drawing(node, (wide) => Math.min(50 + (view.control ? 34 : 48) * Math.max(...view.stages.map((s) => s[1]), 1), 0.9 * wide + 40)), key = el('ul', { class: 'unet-legend' });
  node.append(key);
  return (given) => {
    view = given;
    const { stages, skips, chosen, control } = view, kindOf = (name) => name.split('_')[0], depth = Math.max(...stages.map((s) => s[1]), 1);
    const [picture, wide, tall] = start(`${view.title}: ${stages.map(([name, , h, w, c]) => `${name.replace('_', ' ')} ${h} x ${w}, ${c} channels`).join('; ') || 'no such network'}`, 620);
    const pitch = (wide - 20) / Math.max(stages.length, 1), row = (tall - 34) / depth, highest = stages[0]?.[2], widest = Math.max(...stages.map((s) => s[4]));
    const bars = stages.map(([name, level, h, w, c], i) => ({
      name, level, h, w, c, x: 10 + pitch * (i + 0.5), y: row * (level - 0.5) + 2,
      tall: Math.max(4, 0.75 * row * Math.sqrt(h / highest)), wide: Math.max(4, 0.5 * pitch * Math.sqrt(c / widest)),
    }));
    for (let i = 1; i < bars.length; i++) {
      const [a, b] = [bars[i - 1], bars[i]];
      picture.append(line(a.x + a.wide / 2 + 1, a.y + a.tall * 0.2, b.x - b.wide / 2 - 1, b.y - b.tall * 0.2, COLORS.quiet, { 'stroke-width': 1.3 }));
    }
    for (const a of bars.filter(({ name }) => skips && name.startsWith('encoder'))) {
      const b = bars.find(({ name }) => name === a.name.replace('encoder', 'decoder'));
      picture.append(line(a.x + a.wide / 2 + 2, a.y - a.tall * 0.3, b.x - b.wide / 2 - 2, a.y - a.tall * 0.3, COLORS.skip, { 'stroke-width': 1.8, 'stroke-dasharray': '5 3' }));
    }
    for (const { name, x, y, h, w, c, tall: high, wide: broad } of bars) {
      const stage = svg('g', control ? { class: 'unet-stage', onclick: () => set({ [control]: name }) } : {});
      stage.append(svg('rect', { x: x - pitch / 2, y: y - row / 2, width: pitch, height: row + 24, fill: 'transparent' }));
      stage.append(svg('rect', { x: x - broad / 2, y: y - high / 2, width: broad, height: high, rx: 2, fill: COLORS[kindOf(name)] }));
      if (name === chosen) stage.append(svg('rect', { x: x - broad / 2 - 4, y: y - high / 2 - 4, width: broad + 8, height: high + 8, rx: 3, fill: 'none', stroke: COLORS.ink, 'stroke-width': 2 }));
      stage.append(text(x, y + high / 2 + 13, `${h}x${w}`, { 'text-anchor': 'middle' }), text(x, y + high / 2 + 25, `${c} ${pitch > 70 ? 'channels' : 'ch'}`, { 'text-anchor': 'middle' }));
      picture.append(stage);
    }
    const there = [...new Set(stages.map(([name]) => kindOf(name)))];
    legend(key, control ? [] : [...there.map((name) => [name, name, 'box']), ...(skips && depth > 1 && stages.length ? [['skip', 'skip connection', 'dashed']] : [])]);
  };
}

function mapsView(node, set) {
  const canvas = el('canvas', { role: 'img', class: 'unet-pick' }), key = el('ul', { class: 'unet-legend' }), below = el('p', { class: 'unet-below' });
  node.append(canvas, key, below);
  let view, columns, cell;
  canvas.addEventListener('click', (event) => {
    const box = canvas.getBoundingClientRect(), at = (v, long, all) => Math.floor((v / long) * (all / cell));
    const i = at(event.clientY - box.top, box.height, canvas.height) * columns + at(event.clientX - box.left, box.width, canvas.width);
    if (i < view.shape[2]) set({ [view.control]: i });
  });
  return (given) => {
    view = given;
    const [height, width, count] = view.shape, values = bytes(view.values), zoom = Math.max(1, Math.round(96 / Math.max(height, width)));
    columns = Math.ceil(Math.sqrt(count));
    cell = Math.max(height, width) * zoom + 6;
    canvas.width = columns * cell;
    canvas.height = Math.ceil(count / columns) * cell;
    const context = canvas.getContext('2d'), one = el('canvas');
    for (let i = 0; i < count; i++) {
      const [x, y] = [(i % columns) * cell + 3, Math.floor(i / columns) * cell + 3];
      if (i === view.chosen) {
        context.fillStyle = COLORS.warning;
        context.fillRect(x - 3, y - 3, cell, cell);
      }
      paintLarge(one, values.subarray(i * height * width, (i + 1) * height * width), width, zoom, 'features', 1);
      context.drawImage(one, x, y);
    }
    canvas.setAttribute('aria-label', `${view.title}, ${height} x ${width} pixels each; largest number of each: ${view.tops.join(', ')}`);
    legend(key, count > 1 ? [['warning', `map ${view.chosen}`, 'line']] : [], { name: 'features', low: '0', high: view.tops[view.chosen] ?? view.tops[0] });
    below.textContent = view.below;
  };
}

function productsView(node) {
  const sum = el('div', { class: 'unet-sum' }), words = el('p', { class: 'unet-words' });
  node.append(sum, words);
  const grid = (name, rows) => el('table', {}, el('caption', {}, name), el('tbody', {}, ...rows.map((row) => el('tr', {}, ...row.map((value) => el('td', {}, value.toFixed(2)))))));
  return (view) => {
    sum.replaceChildren(grid('window', view.window), el('span', {}, '×'), grid('kernel', view.kernel));
    words.textContent = view.words;
  };
}

/** The views as HTML that needs no script: what stays when a panel is gone. */
export function snapshot(views) {
  return [...views.querySelectorAll('.unet-view')].map((view) => {
    const copy = view.cloneNode(true), wide = Math.round(view.getBoundingClientRect().width) || 200;
    copy.querySelectorAll('canvas, svg').forEach((empty, i) => {
      const drawn = view.querySelectorAll('canvas, svg')[i];
      const src = drawn.tagName === 'CANVAS' ? drawn.toDataURL('image/png')
        : `data:image/svg+xml;base64,${btoa(unescape(encodeURIComponent(new XMLSerializer().serializeToString(drawn))))}`;
      empty.replaceWith(el('img', { src, alt: drawn.getAttribute('aria-label'), width: Math.round(drawn.getBoundingClientRect().width) || wide, style: 'max-width: 100%; height: auto' }));
    });
    copy.setAttribute('style', `display: inline-block; vertical-align: top; width: ${wide}px; max-width: 100%; margin: 0 8px 8px 0`);
    return copy.outerHTML;
  }).join('');
}
