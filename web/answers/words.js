// Numbers and sentences as Python writes them, so that a page answers in the notebook's words.

/** Put values into a sentence: fill('{guess} pixels', { guess: 3 }). */
export const fill = (words, values = {}) => words.replace(/\{(\w+)\}/g, (_, key) => values[key]);

const strip = (text) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
const commas = (text) => text.replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));

/** Python's f"{value:g}". */
export function general(value, digits = 6) {
  if (value === 0) return '0';
  const [digit, power] = even(value, digits).toExponential(digits - 1).split('e'), exponent = Number(power);
  if (exponent < -4 || exponent >= digits) return `${strip(digit)}e${power[0]}${power.slice(1).padStart(2, '0')}`;
  return strip(even(value, digits).toFixed(Math.max(0, digits - 1 - exponent)));
}

/** The number with so many digits; where two are equally near, the even one, as in Python. */
function even(value, digits) {
  const unit = 10 ** (digits - 1 - Math.floor(Math.log10(Math.abs(value)))), scaled = value * unit;
  const tie = Number.isInteger(value * 2 ** 20) && Math.abs(scaled % 1) === 0.5;
  return tie ? (2 * Math.round(scaled / 2)) / unit : Number(value.toPrecision(digits));
}

/** Python's f"{value:,.0f}". */
export const whole = (value) => commas((Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value)).toFixed(0));

/** Python's f"{value:,g}". */
export const generalCommas = (value) => commas(general(value));

/** A positive number with two digits that count, written out: 0.036, 9.6, 260, 1,200. */
export function twoDigits(value) {
  const rounded = even(value, 2);
  return rounded >= 10 ? whole(rounded) : general(rounded);
}

/** Text and shapes as Python shows them, cut off where they are long. */
export function shown(value) {
  const text = Array.isArray(value) ? `(${value.join(', ')}${value.length === 1 ? ',' : ''})`
    : typeof value === 'string' ? (value.includes("'") && !value.includes('"') ? `"${value}"` : `'${value.replaceAll("'", "\\'")}'`) : String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

/** A shape that was typed, "(1, 96, 96)", "1 x 96 x 96", as numbers, or null if it is none. */
export function typedShape(text) {
  const inside = text.trim().replace(/^\((.*)\)$|^\[(.*)\]$/, '$1$2').replace(/,\s*$/, '');
  return /^\s*-?\d+(\s*[,x×]\s*-?\d+)*\s*$/.test(inside) ? inside.split(/[,x×]/).map(Number) : null;
}
