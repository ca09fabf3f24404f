// Random numbers from a seed: the same seed gives the same numbers in every browser.

/** A stream of random numbers (sfc32 by Chris Doty-Humphrey). seed: a whole number, or an array of some. */
export class Random {
  constructor(seed = 0) {
    [this.a, this.b, this.c, this.d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 1];
    for (const part of [].concat(seed)) {
      this.a ^= part;
      for (let i = 0; i < 15; i++) this.bits();
    }
  }

  /** 32 random bits, as a whole number from 0. */
  bits() {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** A real number from low to below high. */
  real(low = 0, high = 1) {
    return low + (high - low) * ((this.bits() + 0.5) / 4294967296);
  }

  /** A whole number from low to high, both ends included. */
  whole(low, high) {
    return low + Math.floor(this.real() * (high - low + 1));
  }

  /** A number from the standard normal distribution (Marsaglia's polar method). */
  normal() {
    if (this.spare !== undefined) {
      const spare = this.spare;
      this.spare = undefined;
      return spare;
    }
    let x, y, s;
    do {
      x = this.real(-1, 1);
      y = this.real(-1, 1);
      s = x * x + y * y;
    } while (s >= 1 || s === 0);
    const scale = Math.sqrt((-2 * Math.log(s)) / s);
    this.spare = y * scale;
    return x * scale;
  }
}
