// A panel in a notebook, over anywidget: the brain is the kernel's Python.

import { el } from './paint.js';
import { mount } from './panel.js';

function render({ model, el: place }) {
  const brain = {
    settings: model.get('settings'),
    ask(settings) { model.set('settings', settings); model.save_changes(); },
    act() { model.send({ kind: 'action' }); },
    onSettings(call) { model.on('change:settings', () => call(model.get('settings'))); },
    onAnswer(call) {
      model.on('change:answer', () => call(model.get('answer')));
      if (model.get('answer').views) queueMicrotask(() => call(model.get('answer')));
    },
    onRest(html) { model.send({ kind: 'rest', html }); },
  };
  const spec = model.get('spec');
  const panel = mount(place, spec, brain);
  // While this panel lives, the still picture that stands below it for tomorrow is not needed.
  place.append(el('style', {}, `[data-unet-still="${spec.id}"] { display: none; }`));
  // A front end marks the views of a kernel that has gone with this class.
  model.on('comm_live_update', () => panel.lost());
  const dead = () => place.closest('.jupyter-widgets-disconnected') && panel.lost();
  const watch = new MutationObserver(dead);
  for (let node = place, i = 0; node && i < 4; node = node.parentElement, i += 1) {
    watch.observe(node, { attributes: true, attributeFilter: ['class'] });
  }
  return () => { watch.disconnect(); panel.close(); };
}

export default { render };
