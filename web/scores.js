// Scores as notebook 04 has them: for each picture, and for the foreground only. Two empty masks score 1.

/** The Dice of each picture. truths: 0 and 1; values: any numbers, foreground where at least `threshold`. */
export function dicePerImage(truths, values, area, threshold = 0.5) {
  const scores = [];
  for (let from = 0; from < truths.length; from += area) {
    let overlap = 0, areas = 0;
    for (let i = from; i < from + area; i++) {
      const found = values[i] >= threshold ? 1 : 0;
      overlap += truths[i] & found;
      areas += truths[i] + found;
    }
    scores.push(areas ? (2 * overlap) / areas : 1);
  }
  return scores;
}

/** One Dice over all pixels of all pictures together: a single wrong pixel on an empty picture weighs little here. */
export const pooledDice = (truths, values, threshold = 0.5) => dicePerImage(truths, values, truths.length, threshold)[0];

export const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** The threshold of 0.00, 0.01 ... 1.00 with the highest mean Dice: { threshold, dice }. Among equals the one nearest 0.5. */
export function bestThreshold(truths, values, area) {
  const n = truths.length / area, sums = new Float64Array(101), above = new Int32Array(102), hits = new Int32Array(102);
  for (let p = 0; p < n; p++) {
    above.fill(0);
    hits.fill(0);
    let total = 0;
    for (let i = p * area; i < (p + 1) * area; i++) {
      const level = Math.floor(values[i] * 100 + 1e-5); // at this threshold and below it, the pixel is foreground
      above[level]++;
      if (truths[i]) hits[level]++, total++;
    }
    for (let t = 100, a = 0, h = 0; t >= 0; t--) {
      a += above[t];
      h += hits[t];
      sums[t] += total + a ? (2 * h) / (total + a) : 1;
    }
  }
  const most = Math.max(...sums), best = [...sums.keys()].filter((t) => sums[t] >= most - 1e-12);
  const chosen = best.reduce((a, b) => (Math.abs(b - 50) < Math.abs(a - 50) ? b : a));
  return { threshold: chosen / 100, dice: sums[chosen] / n };
}
