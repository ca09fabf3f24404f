// The stress test in a page: the network that ships answers, on scenes of web/scene.js.

import { SCENE, drawScene } from '../scene.js';
import { bestThreshold, dicePerImage } from '../scores.js';
import { errorMap } from '../panels/paint.js';
import { fixed, picture } from './brain.js';

const SIZE = 96, AREA = SIZE * SIZE;

/** The function of the panel for a network: settings to views and facts. */
export const stress = (net) => ({ circles, noise, contrast, threshold, seed }) => {
  const { image, mask } = drawScene({ ...SCENE, circles, noise, contrast, vessels: 2 }, seed), chance = net.predict(image);
  const found = Uint8Array.from(chance, (p) => (p >= threshold ? 1 : 0)), [dice] = dicePerImage(mask, found, AREA);
  const nothing = !mask.some((v) => v), best = bestThreshold(mask, image, AREA);
  const simple = Uint8Array.from(image, (v) => (!nothing && v >= best.threshold ? 1 : 0));
  const count = (holds) => mask.reduce((sum, truth, i) => sum + (holds(truth, found[i]) ? 1 : 0), 0);
  return {
    views: [
      picture('Scan', image, SIZE, 'gray', { truth: mask, found }),
      picture('Probability', chance, SIZE, 'probability'),
      picture(`Network: Dice ${fixed(dice)}`, errorMap(mask, found), SIZE, 'errors'),
      picture(nothing ? 'Nothing to find' : `Best threshold: Dice ${fixed(best.dice)}`, errorMap(mask, simple), SIZE, 'errors',
        { below: nothing ? 'no threshold is the best' : `gray level ${fixed(best.threshold)}, with hindsight` }),
    ],
    facts: {
      "network's Dice": fixed(dice), "best threshold's Dice": nothing ? 'nothing to find' : fixed(best.dice),
      'false positives': `${count((t, f) => f && !t)} px`, missed: `${count((t, f) => t && !f)} px`, lesion: `${count((t) => t)} px`,
    },
  };
};
