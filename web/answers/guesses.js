// The answer to a guess, as `checks.reveal` gives it in a notebook. All words come from helpers/checks, in the page's data.

import { fill, general, generalCommas, shown, twoDigits, whole } from './words.js';

const same = (a, b) => (Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((v, i) => v === b[i]) : a === b);

/** What is said to a guess: a number, a shape as an array, a choice as text, or text that is nothing of the kind. */
export function answerGuess(guess, asked, words) {
  return `${asked.caption} ${{ choice, shape, number }[asked.kind](guess, asked, words)}`;
}

function choice(guess, { truth, slips, choices }, words) {
  const chosen = choices.find((one) => one.toLowerCase() === String(guess).trim().toLowerCase());
  if (chosen === undefined) return fill(words['none of'], { guess: shown(guess), choices: choices.map(shown).join(', ') });
  if (chosen === truth) return words.right;
  return fill(words.said, { guess: shown(chosen), words: slips.find(([key]) => key === chosen)?.[1] ?? '' }).trimEnd();
}

function shape(guess, { truth, slips, example }, words) {
  if (!Array.isArray(guess)) return fill(words['no shape'], { guess: shown(guess), example });
  if (same(guess, truth)) return words.right;
  const slip = slips.find(([key]) => same(key, guess));
  if (slip) return fill(words.said, { guess: shown(guess), words: slip[1] });
  if (guess.length !== truth.length) return fill(words.length, { guess: shown(guess), mine: guess.length, right: truth.length });
  return fill(words.differ, { guess: shown(guess), count: guess.filter((n, i) => n !== truth[i]).length, right: truth.length });
}

function number(guess, { truth, slips, near, example, below, above, whole: counts }, words) {
  if (typeof guess !== 'number' || !Number.isFinite(guess)) return fill(words['no number'], { guess: shown(guess), example });
  if (guess === truth) return words.right;
  const off = guess - truth, size = Math.abs(off);
  if (size <= near && !slips.some(([key]) => key === guess)) return fill(words.near, { guess: general(guess) });
  const far = !counts ? (size < 10 ? twoDigits(size) : whole(size)) : Number.isInteger(size) ? whole(size) : generalCommas(size);
  let answer = fill(off > 0 ? words.high : words.low, { guess: general(guess), far });
  const factor = Math.max(guess / truth, truth / guess);
  if (truth > 0 && guess > 0 && factor >= 2) answer += fill(words.factor, { factor: twoDigits(factor) });
  const slip = slips.reduce((best, one) => (Math.abs(guess - one[0]) < Math.abs(guess - best[0]) ? one : best));
  if (Math.abs(guess - slip[0]) <= 1e-9 + 0.004 * Math.abs(slip[0])) return `${answer}. ${slip[1]}`;
  if (truth > 0 && truth < 1 && guess > 1 && guess <= 100) return `${answer}. ${words['percent']}`;
  return `${answer}. ${off > 0 ? above : below}`.trimEnd();
}
