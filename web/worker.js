// The training in a worker of its own, so that the page never stops. Messages come in and go out as { type, ... }.

import { Training } from './training.js';

let module, training, running = false, goal = Infinity, seen = 0;

function report(full = true) {
  const { chance, ...point } = training.evaluate(), { settings, line, unseen, done } = training;
  const message = { type: 'state', settings, line, point, done, curve: training.curve, running };
  if (full) Object.assign(message, { chance, images: unseen.images, masks: unseen.masks, maps: training.maps(seen) });
  postMessage(message);
}

/** Train for about a twelfth of a second, tell the page, and let messages in. */
function work() {
  if (!running) return;
  const until = performance.now() + 80;
  do {
    if (training.done >= Math.min(goal, training.settings.steps) || !Number.isFinite(training.loss ?? 0)) {
      running = false;
      break;
    }
    training.step();
  } while (performance.now() < until);
  report();
  if (running) setTimeout(work, 0);
  else postMessage({ type: 'rest', done: training.done });
}

onmessage = ({ data }) => {
  if (data.type === 'module') module = data.module;
  if (data.type === 'reset') {
    running = false;
    training = new Training(module, data.settings);
    report();
    postMessage({ type: 'rest', done: 0 });
  }
  if (data.type === 'time') { // how long a step takes on this device, on a network that is thrown away
    const trial = new Training(module, data.settings);
    trial.step();
    const start = performance.now();
    for (let i = 0; i < 10; i++) trial.step();
    postMessage({ type: 'timed', milliseconds: (performance.now() - start) / 10 });
  }
  if (data.type === 'run' && training) {
    goal = data.steps ? training.done + data.steps : Infinity;
    const was = running;
    running = true;
    if (!was) work();
  }
  if (data.type === 'pause' && running) {
    running = false;
    report();
    postMessage({ type: 'rest', done: training.done });
  }
  if (data.type === 'look' && training) {
    seen = data.picture ?? seen;
    report();
  }
  if (data.type === 'inspect' && training) postMessage({ ...training.inspect(data.name, data.channel, data.y, data.x, data.input), type: 'inside' });
};
