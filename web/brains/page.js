// Makes the panels of a page of the site live: each <div class="unet-live" data-panel="..."> gets the front and a brain.

import { mount } from '../panels/panel.js';
import { kernels, shippedNetwork } from '../parts.js';
import { architect } from './architect.js';
import { balance, loadClasses } from './balance.js';
import { makeBrain } from './brain.js';
import { counting } from './counting.js';
import { difficulty } from './difficulty.js';
import { flip, flipPages } from './flip.js';
import { features } from './features.js';
import { schedule } from './schedule.js';
import { SPECS } from './specs.js';
import { stress } from './stress.js';

/** Each panel's functions: { draw, act }, and what is other about its controls than the spec says. */
const FUNCTIONS = {
  architect: async () => ({ draw: architect }),
  balance: async () => {
    const { net, head } = await shippedNetwork('classes', loadClasses);
    return { draw: balance(net, head) };
  },
  counting: async () => ({ draw: counting(...(await Promise.all([shippedNetwork(), shippedNetwork('gaps')]))) }),
  difficulty: async () => ({ draw: difficulty }),
  feature: async () => ({ draw: features((await shippedNetwork()).net) }),
  flip: async () => {
    const pages = await flipPages();
    return { draw: flip(pages), changes: { page: { high: pages.times.length - 1 }, picture: { high: pages.scans - 1 } } };
  },
  schedule: async () => schedule(await kernels()),
  stress: async () => {
    const { net, threshold } = await shippedNetwork();
    return { draw: stress(net), changes: { threshold: { start: threshold } } };
  },
};

/** Mount the panel of one place; what the place held, a sentence for pages without scripts, gives way. */
async function live(place) {
  const { draw, act, changes = {} } = await FUNCTIONS[place.dataset.panel](), spec = structuredClone(SPECS[place.dataset.panel]);
  for (const control of spec.controls) Object.assign(control, changes[control.name]);
  place.replaceChildren();
  mount(place, spec, makeBrain(spec, draw, act));
}

window.unetPanels = Promise.all([...document.querySelectorAll('.unet-live')].map(live));
