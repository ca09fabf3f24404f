// What a reader has answered, kept in this browser and nowhere else. Where nothing can be kept, it lasts as long as the page.

const KEY = 'unet-course-answers';
let entries = {}, kept = true;
const watchers = [];

function read() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    entries = found && typeof found === 'object' && !Array.isArray(found) ? found : {};
  } catch (error) {
    if (!(error instanceof SyntaxError)) kept = false; // storage is switched off; damaged text is begun anew
  }
}

function write() {
  try {
    localStorage.setItem(KEY, JSON.stringify(entries));
  } catch {
    kept = false;
  }
  watchers.forEach((call) => call());
}

/** The entry of a guess ("guess disc") or an exercise ("1.2"): { answers: [text, ...], state }, or undefined. */
export const entry = (name) => (typeof entries[name] === 'object' ? entries[name] : undefined);

/** Keep an entry. A solved exercise stays solved. */
export function keep(name, answers, state) {
  entries[name] = { answers, state: entry(name)?.state === 'solved' ? 'solved' : state };
  write();
}

/** Forget everything. */
export function forget() {
  entries = {};
  write();
}

/** Whether the browser keeps it. */
export const isKept = () => kept;

/** Call back after each change, also one in another window. */
export const watch = (call) => watchers.push(call);

/** How many of some guesses are answered and how many of some exercises are solved. */
export function count({ guesses, exercises }) {
  return { guesses: guesses.filter((name) => entry(`guess ${name}`)).length, exercises: exercises.filter((name) => entry(name)?.state === 'solved').length };
}

read();
window.addEventListener('storage', (event) => {
  if (event.key !== KEY && event.key !== null) return;
  read();
  watchers.forEach((call) => call());
});
