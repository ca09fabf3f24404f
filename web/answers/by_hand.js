// Exercises that are answered by hand, checked as helpers/checks/by_hand.py checks them. All words come from there.

import { fill, general, shown } from './words.js';

class ToDo extends Error {}
class Wrong extends Error {
  constructor(kind, words) {
    super(words);
    this.kind = kind;
  }
}

/** Check the answers to an exercise, one for each field: { state: 'to do' | 'not yet' | 'solved', words }. */
export function checkExercise(answers, asked, words) {
  try {
    KINDS[asked.answer.kind](asked.answer, words, ...answers);
  } catch (found) {
    if (found instanceof ToDo) return { state: 'to do', words: fill(words.exercise['to do'], asked) };
    if (found instanceof Wrong) return { state: 'not yet', words: fill(words.exercise['not yet'], { kind: found.kind, words: found.message }) };
    throw found;
  }
  return { state: 'solved', words: fill(words.exercise.solved, asked) };
}

const KINDS = {
  number({ truth, slips, tolerance, what }, { answer: words }, answer) {
    if (answer == null || answer === '') throw new ToDo();
    const wrong = (key) => new Wrong('value', fill(words[key], { what, answer: general(answer) }));
    if (typeof answer !== 'number') throw new Wrong('type', fill(words.number, { what, answer: shown(answer) }));
    if (Math.abs(answer - truth) <= (tolerance ? 0.0006 : 0) || (tolerance && Math.abs(answer - Number(truth.toFixed(2))) < 1e-9)) return;
    const slip = slips.find(([key]) => Math.abs(answer - key) <= tolerance);
    if (slip) throw new Wrong('value', slip[1]);
    if (truth > 0 && truth < 1 && Math.abs(answer - 100 * truth) <= 100 * tolerance) throw wrong('percent');
    if (Math.abs(answer - truth) <= tolerance) throw wrong('nearly');
    throw wrong(truth > answer ? 'larger' : 'smaller');
  },

  shape({ truth, start: [rows, columns, filters], slips, what }, { answer: words, steps }, answer) {
    if (answer == null || answer === '') throw new ToDo();
    if (!Array.isArray(answer)) throw new Wrong('type', fill(words.shape, { what, answer: shown(answer) }));
    if (String(answer) === String(truth)) return;
    const slip = slips.find(([key]) => String(key) === String(answer));
    if (slip) throw new Wrong('value', slip[1]);
    if (answer.length !== truth.length) throw new Wrong('shape', fill(words.length, { what, right: truth.length, mine: answer.length }));
    const [pictures, height, width, channels] = answer;
    if (pictures !== 1) throw new Wrong('value', words.pictures);
    const doubled = (small, large) => (small > 0 ? [...Array(12).keys()].find((k) => small * 2 ** k === large) : undefined);
    const down = [['height', doubled(height, rows)], ['width', doubled(width, columns)], ['number of channels', doubled(filters, channels)]];
    const often = (times) => steps[times] ?? `${times} steps`;
    const lost = down.find(([, levels]) => levels === undefined);
    if (lost) throw new Wrong('value', fill(words[lost[0] === 'number of channels' ? 'doubled' : 'halved'], { name: lost[0], filters }));
    if (new Set(down.map(([, levels]) => levels)).size === 1) throw new Wrong('value', fill(words.levels, { often: often(down[0][1]) }));
    const fits = down.map(([name, levels]) => fill(words.fits, { name, often: often(levels) }));
    throw new Wrong('value', fill(words.disagree, { words: fits.join(', ') }));
  },

  choice({ choices, slips, what }, { answer: words }, answer) {
    if (answer == null || answer === '') throw new ToDo();
    const letter = answer.trim().toUpperCase();
    if (letter.length !== 1 || !choices.includes(letter))
      throw new Wrong('value', fill(words['none of'], { what, choices: [...choices].join(', '), answer: shown(answer) }));
    const slip = slips.find(([key]) => key === letter);
    if (slip) throw new Wrong('value', slip[1]);
  },

  letters({ truth, choices, both, extra, missing }, { answer: words }, answer) {
    const mine = new Set(letters(answer, ' ,')), strange = [...mine].filter((c) => !choices.includes(c)).sort();
    if (strange.length) throw new Wrong('value', fill(words.range, { first: choices[0], last: choices.at(-1), strange: strange.join(', ') }));
    const more = [...mine].some((c) => !truth.includes(c)), fewer = [...truth].some((c) => !mine.has(c));
    if (more || fewer) throw new Wrong('value', more && fewer ? both : more ? extra : missing);
  },

  order({ parts, after, count }, { answer: words }, answer) {
    const mine = letters(answer, ' ,->'), names = new Map(parts), strange = mine.filter((c) => !names.has(c)).sort();
    if (strange.length) throw new Wrong('value', fill(words['no block'], { letter: strange[0] }));
    const say = (kind, key, [letter, name], missing) => new Wrong(kind, fill(words[key], { letter, name, count, missing }));
    const twice = parts.find(([c]) => mine.indexOf(c) !== mine.lastIndexOf(c)), lost = parts.filter(([c]) => !mine.includes(c));
    if (twice) throw say('value', 'twice', twice);
    if (lost.length) throw say('missing', lost.length === 1 ? 'one missing' : 'some missing', lost[0], lost.length);
    const bad = after.find(([earlier, later]) => mine.indexOf(earlier) > mine.indexOf(later));
    if (bad) throw new Wrong('value', bad[2]);
  },

  parts({ parts, named }, words, ...answers) {
    const missing = [], none = (answer) => answer == null || answer === '';
    if (answers.every(none)) throw new ToDo();
    parts.forEach(([name, part], i) => {
      if (none(answers[i])) return missing.push(name);
      try {
        KINDS[part.kind](part, words, answers[i]);
      } catch (found) {
        throw found instanceof Wrong && named ? new Wrong(found.kind, `${name}: ${found.message}`) : found;
      }
    });
    if (missing.length) throw new Wrong('missing', fill(words.answer['part missing'], { parts: missing.join(' and ') }));
  },
};

function letters(answer, between) {
  if (!answer) throw new ToDo();
  return [...answer.toUpperCase()].filter((letter) => !between.includes(letter));
}
