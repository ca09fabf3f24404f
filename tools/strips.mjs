// Lets wide figures of the built site reflow on a phone: node tools/strips.mjs site/_build/html
//
// A figure that holds several pictures or curves side by side is cut into tiles, each with its own title and legend. A page
// shows the figure where there is room, and the tiles, at their own size, in as many rows as it takes, where there is not.
// A figure is white where nothing is drawn, so the cuts follow lines that are white from end to end.

import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const NARROW = 320, BROAD = 420; // the width of a small phone's column, and what may shrink to it, in pixels of the page

// --- PNG: 8 bits a channel, not interlaced, as Matplotlib and OpenCV write it -----------------------------------------------

/** Read a PNG file: { width, height, rgb }, laid on white. */
export function readPng(file) {
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)], channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[file[25]], parts = { IDAT: [], PLTE: [], tRNS: [] };
  if (file[24] !== 8 || !channels || file[28]) throw new RangeError('expected a PNG file of 8 bits a channel, not interlaced');
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at))
    parts[file.toString('latin1', at + 4, at + 8)]?.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  const raw = zlib.inflateSync(Buffer.concat(parts.IDAT)), [colors] = parts.PLTE, [clear] = parts.tRNS, long = width * channels, out = Buffer.alloc(long * height), rgb = Buffer.alloc(3 * width * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (long + 1)], from = y * (long + 1) + 1, to = y * long;
    for (let i = 0; i < long; i++) {
      const a = i >= channels ? out[to + i - channels] : 0, b = y ? out[to + i - long] : 0, c = y && i >= channels ? out[to + i - long - channels] : 0;
      out[to + i] = raw[from + i] + [0, a, b, (a + b) >> 1, filter === 4 ? paeth(a, b, c) : 0][filter];
    }
  }
  for (let i = 0; i < width * height; i++)
    for (let k = 0; k < 3; k++) {
      const solid = colors ? clear?.[out[i]] ?? 255 : channels % 2 ? 255 : out[i * channels + channels - 1];
      const value = colors ? colors[3 * out[i] + k] : out[i * channels + (channels > 2 ? k : 0)];
      rgb[3 * i + k] = Math.round((value * solid) / 255 + 255 - solid);
    }
  return { width, height, rgb };
}

function paeth(a, b, c) {
  const [p, q, r] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  return p <= q && p <= r ? a : q <= r ? b : c;
}

/** Write a picture as a PNG file. */
export function writePng({ width, height, rgb }) {
  const long = 3 * width, raw = Buffer.alloc((long + 1) * height);
  for (let y = 0; y < height; y++) {
    raw[y * (long + 1)] = 2; // each row as its difference from the one above, which suits enlarged pixels
    for (let i = 0; i < long; i++) raw[y * (long + 1) + 1 + i] = rgb[y * long + i] - (y ? rgb[(y - 1) * long + i] : 0);
  }
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]), size = Buffer.alloc(4), sum = Buffer.alloc(4);
    size.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc(body));
    return Buffer.concat([size, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const mark = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([mark, chunk('IHDR', head), chunk('IDAT', zlib.deflateSync(raw, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

const TABLE = Int32Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1; return n; });
const crc = (bytes) => (bytes.reduce((c, byte) => (c >>> 8) ^ TABLE[(c ^ byte) & 255], -1) ^ -1) >>> 0;

// --- Where to cut -------------------------------------------------------------------------------------------------------

/** The runs of true among `n` places: [[first, after the last], ...]; gaps shorter than `least` do not part them. */
function runs(n, holds, least = 1) {
  const found = [];
  for (let i = 0; i < n; i++) {
    if (!holds(i)) continue;
    if (found.length && i - found.at(-1)[1] < least) found.at(-1)[1] = i + 1;
    else found.push([i, i + 1]);
  }
  return found;
}

/** The tiles of a figure, as pictures in reading order; none if it is one drawing. scale: pixels of the file for one of the page. */
export function tiles({ width, height, rgb }, scale = 1) {
  const ink = new Uint8Array(width * height);
  for (let i = 0; i < ink.length; i++) ink[i] = Math.min(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]) < 245 ? 1 : 0;
  const inRow = (y, left = 0, right = width) => { for (let x = left; x < right; x++) if (ink[y * width + x]) return true; return false; };
  const inColumn = (x, top, bottom) => { for (let y = top; y < bottom; y++) if (ink[y * width + x]) return true; return false; };
  const tall = (x, top, bottom) => { let run = 0; for (let y = top; y < bottom; y++) { run = ink[y * width + x] ? run + 1 : 0; if (run >= 40 * scale) return true; } return false; };
  /** A picture of what is drawn in pieces [left, top, right, bottom] of the figure, with little white around it; null if that is nothing. */
  const cut = (pieces, margin = scale) => {
    const drawn = pieces.flatMap(([l, t, r, b]) => runs(b - t, (y) => inRow(t + y, l, r)).map(([a, c]) => [l, t + a, r, t + c]));
    if (!drawn.length) return null;
    const edge = drawn.flatMap(([l, t, r, b]) => { const across = runs(r - l, (x) => inColumn(l + x, t, b)); return [l + across[0][0], l + across.at(-1)[1]]; });
    const [left, right, top, bottom] = [Math.min(...edge) - margin, Math.max(...edge) + margin, drawn[0][1] - margin, drawn.at(-1)[3] + margin];
    const one = { width: right - left, height: bottom - top, rgb: Buffer.alloc(3 * (right - left) * (bottom - top), 255) };
    for (const [l, t, r, b] of drawn)
      for (let y = t, from = Math.max(l, left); y < b; y++)
        rgb.copy(one.rgb, 3 * ((y - top) * one.width + from - left), 3 * (y * width + from), 3 * (y * width + Math.min(r, right)));
    return one;
  };

  // A body is a picture or a chart: broad, and with a line that is taller than letters. What is narrow is its label, on its left.
  const bodies = ([top, bottom]) => runs(width, (x) => inColumn(x, top, bottom), 6 * scale).filter(([a, b]) => b - a >= 60 * scale
    && runs(b - a, (x) => tall(a + x, top, bottom)).length);
  const bands = runs(height, (y) => inRow(y)).map((rows) => ({ rows, bodies: rows[1] - rows[0] < 40 * scale ? [] : bodies(rows) }));
  const pictures = bands.filter((band) => band.bodies.length);
  for (const { bodies: some } of pictures) { // parts of a drawing, such as the bars of a U, are of many sizes, and stay together
    const sizes = some.map(([a, b]) => b - a);
    if (Math.min(...sizes) < 0.3 * Math.max(...sizes)) some.splice(0, some.length, [some[0][0], some.at(-1)[1]]);
  }
  if (!pictures.some((band) => band.bodies.length > 1)) return [];

  // Blocks: rows of pictures, with the words that are nearer to them than to the next row; pictures without words between stay together.
  const blocks = [];
  let start = 0;
  pictures.forEach((band, i) => {
    const next = pictures[i + 1], [from, to] = [bands.indexOf(band), next ? bands.indexOf(next) : bands.length];
    const alike = next && next.bodies.length === band.bodies.length && next.bodies.every(([a, b], k) => Math.abs(a - band.bodies[k][0]) + Math.abs(b - band.bodies[k][1]) <= 6 * scale);
    if (alike && to === from + 1) return;
    let end = to;
    if (next) for (let k = from + 1, widest = -1; k <= to; k++) {
      const gap = bands[k].rows[0] - bands[k - 1].rows[1];
      if (gap > widest) [widest, end] = [gap, k];
    }
    blocks.push({ bands: bands.slice(start, end), bodies: band.bodies });
    start = end;
  });

  const found = [];
  for (const { bands: own, bodies: broad } of blocks) {
    const first = own.findIndex((band) => band.bodies.length), last = own.findLastIndex((band) => band.bodies.length);
    const inner = [own[first].rows[0], own[last].rows[1]], parts = runs(width, (x) => inColumn(x, ...inner));
    const edges = [0];
    for (let k = 1; k < broad.length; k++) { // half-way between the end of one body and the first label of the next
      const before = parts.findLast(([, b]) => b <= broad[k - 1][1]) ?? broad[k - 1], after = parts.find(([a]) => a >= before[1]) ?? broad[k];
      edges.push(Math.round((before[1] + after[0]) / 2));
    }
    edges.push(width);
    // Words may reach a little beyond their picture, so each band is cut where it is white. Words that run on from one picture to the
    // next, or begin in the middle of one, belong to the whole row: a heading, or the legend of the figure.
    const cuts = new Map(own.map((band) => [band, edges.map((x, i) => {
      if (!i || i === broad.length || band.bodies.length) return x;
      const gap = (band === bands[0] ? 9 : 7) * scale; // the heading's words are farther apart than others
      for (let off = 0; off <= 16 * scale; off++)
        for (const here of [x - off, x + off]) if (!runs(gap, (k) => inColumn(here - (gap >> 1) + k, ...band.rows)).length) return here;
      return NaN;
    })]));
    const astray = ({ rows }, [left, right], k) => {
      const drawn = runs(right - left, (x) => inColumn(left + x, ...rows)), begin = left + drawn[0]?.[0], end = left + drawn.at(-1)?.[1], [a, b] = broad[k];
      const picture = [a + 1, b - 2].every((x) => tall(x, ...inner)); // and not a drawing, whose words stand anywhere
      return picture && Math.abs(begin - a) > 12 * scale && Math.abs(begin + end - a - b) > 24 * scale;
    };
    const heading = bands[0] === own[0] && first > 1 && own[0]; // over lines of their own for each picture
    const crosses = (band) => band === heading || cuts.get(band).some(Number.isNaN) || broad.some((_, k) => astray(band, cuts.get(band).slice(k, k + 2), k));
    const top = own.findLastIndex((band, i) => i < first && crosses(band)) + 1, after = own.findIndex((band, i) => i > last && crosses(band));
    const bottom = after < 0 ? own.length : after;
    own.slice(0, top).forEach(({ rows }) => found.push(...wrapped(rows)));
    for (let k = 0; k < broad.length; k++)
      found.push(cut(own.slice(top, bottom).map((band) => [cuts.get(band)[k], band.rows[0], cuts.get(band)[k + 1], band.rows[1]])));
    own.slice(bottom).forEach(({ rows }) => found.push(...wrapped(rows)));
  }

  /** A line of words, broken where it is too long for a phone. */
  function wrapped([top, bottom]) {
    const words = runs(width, (x) => inColumn(x, top, bottom), 3 * scale), lines = [];
    for (const [a, b] of words)
      if (lines.length && b - lines.at(-1)[0] <= NARROW * scale) lines.at(-1)[1] = b;
      else lines.push([a, b]);
    return lines.map(([a, b]) => ({ ...cut([[a, top, b, bottom]]), words: true }));
  }
  return found.filter(Boolean);
}

// --- The pages ----------------------------------------------------------------------------------------------------------

/** Put tiles beside each wide figure of a page; returns how many figures were cut. */
export function reflow(folder, page) {
  let count = 0;
  const file = path.join(folder, page), html = fs.readFileSync(file, 'utf8');
  const changed = html.replace(/<a class="(?:strip|wide|widest) reference internal image-reference" href="([^"]+\.png)">(<img [^>]*>)\s*<\/a>/g, (whole, source, image) => {
    const picture = readPng(fs.readFileSync(path.join(folder, source))), wide = Number(image.match(/ width="(\d+)/)[1]);
    const scale = Math.max(1, Math.round(picture.width / wide)), made = tiles(picture, scale);
    if (!made.length) return whole;
    count += 1;
    const alt = image.match(/alt="([^"]*)"/)[1], shown = made.map((one, i) => {
      const name = source.replace(/\.png$/, `-${i}.png`), size = [one.width, one.height].map((v) => Math.round(v / scale));
      fs.writeFileSync(path.join(folder, name), writePng(one));
      const tile = `<img alt="${i ? '' : alt}" src="${name}" width="${size[0]}" height="${size[1]}" loading="lazy">`;
      if (one.words) return `<span class="words">${tile}</span>`; // a line of its own
      return size[0] > BROAD ? `<a class="broad" href="${source}">${tile}</a>` : tile;
    });
    return `${whole.replace('<img ', '<img loading="lazy" ')}<span class="tiles">${shown.join('')}</span>`;
  });
  if (count) fs.writeFileSync(file, changed);
  return count;
}

if (process.argv[2] && fs.existsSync(path.join(process.argv[2], 'index.html'))) {
  const folder = process.argv[2], pages = fs.readdirSync(folder).filter((name) => name.endsWith('.html'));
  console.log(`figures that reflow: ${pages.reduce((sum, page) => sum + reflow(folder, page), 0)}`);
}
