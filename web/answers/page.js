// Makes a page of the site ask: each place for a guess or an exercise gets fields, and the map says how far one has come.
// Everything that is said, and every truth, lies in NOTEBOOK.json beside this file, as tools/answers.py wrote it.

import { el } from '../panels/paint.js';
import { typed } from '../panels/fields.js';
import { checkExercise } from './by_hand.js';
import { answerGuess } from './guesses.js';
import { count, entry, forget, isKept, keep, watch } from './progress.js';
import { fill, typedShape } from './words.js';

const CODE = 'This exercise is solved in code: open the notebook in Jupyter. Its hints are here.';
const COMMA = 'Write {text} without its comma, or with a point in place of it: a comma could mean either.';
let fields = 0;

const get = (name) => fetch(new URL(`./${name}.json`, import.meta.url)).then((answer) => answer.json());
const places = (kind, call) => document.querySelectorAll(`.unet-${kind}`).forEach((place) => call(place, place.dataset[kind]));

// --- fields -------------------------------------------------------------------------------------------------------------

/** Buttons to choose one of, or several of. */
function choosing(label, choices, type) {
  const name = `unet-choice-${(fields += 1)}`;
  const inputs = choices.map((choice) => el('input', { type, name, value: choice }));
  const chosen = () => inputs.filter((input) => input.checked).map((input) => input.value);
  return {
    node: el('fieldset', {}, el('legend', {}, label), ...choices.map((choice, i) => el('label', {}, inputs[i], choice))),
    text: () => chosen().join(type === 'radio' ? '' : ','),
    show: (text) => inputs.forEach((input) => { input.checked = type === 'radio' ? input.value === text : text.split(',').includes(input.value); }),
    value: (text) => text,
  };
}

/** A line to type in. value(text) makes of it what is checked. */
function typing(label, value, inputmode) {
  const input = el('input', { type: 'text', inputmode, autocomplete: 'off', spellcheck: 'false' });
  return {
    node: el('label', {}, el('span', {}, label), input), text: () => input.value.trim(), value,
    show: (text) => { input.value = text; },
  };
}

const number = (text) => {
  if (/^[1-9]\d{0,2}(,\d{3})+$/.test(text)) throw new Error(fill(COMMA, { text }));
  return typed(text) ?? text;
};
const FIELDS = {
  number: (label) => typing(label, number, 'decimal'),
  shape: (label) => typing(label, (text) => typedShape(text) ?? text, 'text'),
  order: (label) => typing(label, (text) => text, 'text'),
  choice: (label, { choices }) => choosing(label, [...choices], 'radio'),
  letters: (label, { choices }) => choosing(label, [...choices], 'checkbox'),
};

/** A form with fields and a button; answer(texts, values) returns what is said, or { state, words }. */
function ask(place, name, list, label, answer) {
  const said = el('p', { class: 'unet-said', role: 'status' }), row = el('div', { class: 'unet-row' }, el('button', { type: 'submit' }, label));
  const form = el('form', { class: 'unet-ask', novalidate: true }, ...list.map((field) => field.node), row, said);
  const show = (texts) => {
    try {
      const { state, words } = answer(list.map((field, i) => (texts[i] ? field.value(texts[i]) : '')));
      said.textContent = words;
      form.dataset.state = state;
      return state;
    } catch (error) {
      said.textContent = error.message;
      return null;
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const texts = list.map((field) => field.text()), state = show(texts);
    if (state && state !== 'to do') keep(name, texts, state);
  });
  const before = entry(name)?.answers;
  if (Array.isArray(before) && before.length === list.length && before.every((text) => typeof text === 'string')) {
    list.forEach((field, i) => field.show(before[i]));
    show(before);
  }
  place.replaceChildren(form);
  return row;
}

// --- guesses and exercises ------------------------------------------------------------------------------------------------

function guess(place, name, { guesses, words }) {
  const asked = guesses[name], field = FIELDS[asked.kind](asked.label ? `Your guess: ${asked.label}` : 'Your guess', asked);
  ask(place, `guess ${name}`, [field], 'Answer my guess', ([value]) => (value === ''
    ? { state: 'to do', words: asked.kind === 'choice' ? 'Choose first. A wrong guess helps more than none.' : `Write a guess, such as ${asked.example}. A wrong one helps more than none.` }
    : { state: 'answered', words: answerGuess(value, asked, words.guess) }));
}

function exercise(place, name, { exercises, words }) {
  const asked = exercises[name], { answer, hints } = asked;
  let row = el('div', { class: 'unet-row' });
  if (answer) {
    const parts = answer.kind === 'parts' ? answer.parts : [['Your answer', answer]];
    const list = parts.map(([label, part]) => FIELDS[part.kind](label[0].toUpperCase() + label.slice(1), part));
    row = ask(place, name, list, 'Check', (values) => checkExercise(values, asked, words));
    const printed = place.closest('.cell_output')?.querySelector('.output.stream');
    if (printed) printed.hidden = true; // "to do", as the notebook printed it
  } else {
    place.replaceChildren(el('p', {}, CODE), row);
  }
  const given = el('div', { class: 'unet-hints', role: 'status' });
  const more = el('button', { type: 'button' }, 'Hint');
  more.addEventListener('click', () => {
    const i = given.children.length;
    const last = i + 1 === hints.length;
    given.append(el('p', {}, fill(words.exercise.hint, { number: i + 1, count: hints.length, words: hints[i] }) + (last ? words.exercise.last : '')));
    more.disabled = last;
  });
  row.append(more);
  place.append(given);
}

// --- how far one has come -------------------------------------------------------------------------------------------------

const total = ({ guesses, exercises }) => guesses.length + exercises.length;
const done = (names) => { const { guesses, exercises } = count(names); return guesses + exercises; };

function inWords(names) {
  const { guesses, exercises } = count(names), parts = [];
  if (names.guesses.length) parts.push(`${guesses} of ${names.guesses.length} guesses`);
  if (names.exercises.length) parts.push(`${exercises} of ${names.exercises.length} exercises that need no code`);
  return parts.join(' and ');
}

/** A count behind each link to a notebook in the map and the sidebar, once something is answered there. */
function counts(contents) {
  document.querySelectorAll('.unet-count').forEach((old) => old.remove());
  for (const link of document.querySelectorAll('.bd-sidebar-primary nav a, #map a, [data-map] a')) {
    const name = link.pathname.split('/').at(-1).replace(/\.html$/, ''), names = contents[name];
    if (!names || (link.hash && link.getAttribute('href') !== '#') || !done(names)) continue;
    link.append(el('span', { class: 'unet-count' }, el('span', { 'aria-hidden': 'true' }, `${done(names)}/${total(names)}`),
      el('span', { class: 'unet-unseen' }, `, ${done(names)} of ${total(names)} answered`)));
  }
}

function progress(place, which, contents) {
  const names = contents[place.dataset.notebook], list = names ? [names] : Object.values(contents);
  const all = { guesses: list.flatMap((one) => one.guesses), exercises: list.flatMap((one) => one.exercises) };
  const words = el('p', { role: 'status' }), button = el('button', { type: 'button' }, 'Forget all my answers');
  button.addEventListener('click', () => {
    if (window.confirm('Forget all answers on this site? This cannot be undone.')) forget(), window.location.reload();
  });
  const show = () => {
    words.textContent = `${names ? 'In this page' : 'On this site'} you have answered ${inWords(all)}. ${isKept()
      ? 'This is kept in this browser and sent nowhere.' : 'This browser keeps nothing for this site, so it lasts until you close the page.'}`;
    button.hidden = !done({ guesses: Object.values(contents).flatMap((one) => one.guesses), exercises: Object.values(contents).flatMap((one) => one.exercises) });
  };
  watch(show);
  show();
  place.replaceChildren(words, button);
}

async function start() {
  const here = document.querySelector('meta[name="unet-notebook"]')?.content;
  const [contents, data] = await Promise.all([get('contents'), here ? get(here) : null]);
  if (data) {
    places('guess', (place, name) => guess(place, name, data));
    places('exercise', (place, name) => exercise(place, name, data));
  }
  places('progress', (place, which) => {
    if (here) place.dataset.notebook = here;
    progress(place, which, contents);
  });
  watch(() => counts(contents));
  counts(contents);
}

window.unetAnswers = start();
