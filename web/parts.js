// What both live pages are built of: labeled dials, and the network from a file.

import { el } from './panels/paint.js';
import { UNet } from './engine/unet.js';

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

// A link to other settings, opened while the page stands, changes the address only: the page then opens anew, as the link says.
addEventListener('hashchange', ({ newURL }) => {
  if (!newURL.split('#')[1]?.includes('=')) return;
  history.replaceState(null, '', newURL); // the page may have written its own settings there since
  location.reload();
});

/** Compile the kernels. Throws where a browser has no WebAssembly with SIMD. */
export async function kernels() {
  const embedded = document.getElementById('kernels')?.textContent.trim();
  if (embedded) return WebAssembly.compile(Uint8Array.from(atob(embedded), (c) => c.charCodeAt(0)));
  return WebAssembly.compile(await (await fetch(new URL('./built/kernels.wasm', import.meta.url))).arrayBuffer());
}

/** A network that came with the site, by name: { net, numbers, ...what its list says }, such as its threshold. */
export async function shippedNetwork(name = 'shipped', read = (net, manifest, numbers) => net.load(manifest, numbers)) {
  const at = (file) => fetch(new URL(`./built/${file}`, import.meta.url));
  const [module, manifest, bytes] = await Promise.all([
    kernels(), at(`${name}.json`).then((r) => r.json()), at(`${name}.bin`).then((r) => r.arrayBuffer()),
  ]);
  const net = new UNet(module, { size: 96, batch: 1 }), head = read(net, manifest, new Float32Array(bytes));
  return { ...manifest, net, head };
}
