// Makes the panels of a page of the site live: each <div class="unet-live" data-panel="..."> gets the front and a brain.

import { mount } from '../panels/panel.js';
import { shippedNetwork } from '../parts.js';
import { makeBrain } from './brain.js';
import { difficulty } from './difficulty.js';
import { SPECS } from './specs.js';
import { stress } from './stress.js';

const FUNCTIONS = {
  difficulty: async () => [difficulty, {}],
  stress: async () => {
    const { net, threshold } = await shippedNetwork();
    return [stress(net), { threshold }];
  },
};

/** Mount the panel of one place; what the place held, a sentence for pages without scripts, gives way. */
async function live(place) {
  const [draw, starts] = await FUNCTIONS[place.dataset.panel](), spec = structuredClone(SPECS[place.dataset.panel]);
  for (const control of spec.controls) control.start = starts[control.name] ?? control.start;
  place.replaceChildren();
  mount(place, spec, makeBrain(spec, draw));
}

window.unetPanels = Promise.all([...document.querySelectorAll('.unet-live')].map(live));
