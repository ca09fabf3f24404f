// Train a small network in node and keep what it makes of a few unseen scans: node flip_book.mjs, from tools/web.py.
// built/flip.bin holds scans (gray levels 0..255), masks (0, 1) and pages (probabilities 0..255), all of 64x64 pixels.

import fs from 'node:fs';
import { Training } from './training.js';

const at = (name) => new URL(`./built/${name}`, import.meta.url), TIMES = [0, 5, 10, 20, 40, 80, 160, 320, 640, 1200];
const training = new Training(await WebAssembly.compile(fs.readFileSync(at('kernels.wasm'))), { steps: TIMES.at(-1), seed: 3 });
const { unseen, area } = training, scans = [];
for (let i = 0; scans.length < 6; i++) if (unseen.masks.subarray(i * area, (i + 1) * area).some((v) => v)) scans.push(i);
const chosen = (values, scale) => scans.flatMap((i) => Array.from(values.subarray(i * area, (i + 1) * area), (v) => Math.round(scale * v)));

const bytes = [...chosen(unseen.images, 255), ...chosen(unseen.masks, 1)];
for (const time of TIMES) {
  while (training.done < time) training.step();
  bytes.push(...chosen(training.net.predict(unseen.images), 255));
}
fs.writeFileSync(at('flip.bin'), Uint8Array.from(bytes));
fs.writeFileSync(at('flip.json'), JSON.stringify({ times: TIMES, size: training.settings.size, scans: scans.length }));
