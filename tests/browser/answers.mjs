// What test_pages_that_answer.py asks in node: node answers.mjs WEB, with [{ asked, words, answers }, ...] as JSON on stdin.

import fs from 'node:fs';
import { pathToFileURL } from 'node:url';

const from = (name) => import(pathToFileURL(`${process.argv[2]}/answers/${name}`));
const { answerGuess } = await from('guesses.js');
const { checkExercise } = await from('by_hand.js');

const tasks = JSON.parse(fs.readFileSync(0, 'utf8'));
console.log(JSON.stringify(tasks.map(({ asked, words, answers }) => (
  asked.answer ? checkExercise(answers, asked, words).words : answerGuess(answers[0], asked, words.guess)))));
