// The arithmetic of the U-Net: convolutions, pooling, loss and Adam, with SIMD, for one processor core.
//
// AssemblyScript, compiled to WebAssembly by `python tools/web.py`. Every number is a float32 unless it says otherwise.
//
// A map of `h x w` pixels with `c` channels lies in memory pixel by pixel, row by row, channels together (NHWC), and its
// rows are one pixel longer than the picture: each row starts with a pixel of zeros, and a row of zeros lies above and
// below. So a 3x3 window may step over the edge without asking, because the zeros to the left of one row are also those
// to the right of the row before. Pixel (y, x) lies at index (y + 1) * (w + 1) + x + 1; a map has (h + 2) * (w + 1) + 1.
// Channels come in multiples of 4, the width of a SIMD register; only the picture itself has one channel.

// @ts-ignore: the first free byte, after the compiler's own tables
export function heapBase(): usize { return __heap_base; }

// @ts-ignore: decorator
@inline function mapPixels(h: i32, w: i32): i32 { return (h + 2) * (w + 1) + 1; }
// @ts-ignore: decorator
@inline function pixel(map: usize, y: i32, x: i32, w: i32, c: i32): usize {
  return map + (((y + 1) * (w + 1) + x + 1) * c << 2);
}
// @ts-ignore: decorator
@inline function sum(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}
// @ts-ignore: decorator
@inline function addProduct(total: v128, a: v128, b: v128): v128 { return f32x4.add(total, f32x4.mul(a, b)); }

/** Put zeros back between the rows of one picture, where a convolution that ran straight through has written. */
function clearEdge(map: usize, h: i32, w: i32, c: i32): void {
  for (let y = 1; y < h; y++) memory.fill(pixel(map, y, -1, w, c), 0, c << 2);
}

// --- 3x3 convolution --------------------------------------------------------------------------------------------------

/** Sum the windows of eight pixels in a row for four output channels, or of four pixels for eight: eight registers.
 *  p: the first pixel's upper left neighbor; step, line: from one pixel, one row, to the next; k: the kernel's channels. */
// @ts-ignore: decorator
@inline function windows(p: usize, step: usize, line: usize, k: usize, co: usize, bias: usize, out: usize, relu: bool, wide: bool): void {
  const zero = f32x4.splat(0), next = co << 2, far: usize = wide ? 16 : 4 * next;
  const b = bias ? v128.load(bias) : zero, c = bias && wide ? v128.load(bias, 16) : b;
  let s0 = b, s1 = b, s2 = b, s3 = b, t0 = c, t1 = c, t2 = c, t3 = c;
  for (let row = 0; row < 3; row++, p += line - 3 * step) {
    for (const end = p + 3 * step; p < end; p += 4, k += next) {  // three neighbors, all channels of each
      const weight = v128.load(k), q = p + 2 * step;
      const v0 = v128.load32_splat(p), v1 = v128.load32_splat(p + step), v2 = v128.load32_splat(q), v3 = v128.load32_splat(q + step);
      s0 = addProduct(s0, v0, weight); s1 = addProduct(s1, v1, weight); s2 = addProduct(s2, v2, weight); s3 = addProduct(s3, v3, weight);
      if (wide) {
        const more = v128.load(k, 16);
        t0 = addProduct(t0, v0, more); t1 = addProduct(t1, v1, more); t2 = addProduct(t2, v2, more); t3 = addProduct(t3, v3, more);
      } else {
        const r = p + 4 * step, q = p + 6 * step;
        t0 = addProduct(t0, v128.load32_splat(r), weight); t1 = addProduct(t1, v128.load32_splat(r + step), weight);
        t2 = addProduct(t2, v128.load32_splat(q), weight); t3 = addProduct(t3, v128.load32_splat(q + step), weight);
      }
    }
  }
  if (relu) {
    s0 = f32x4.max(s0, zero); s1 = f32x4.max(s1, zero); s2 = f32x4.max(s2, zero); s3 = f32x4.max(s3, zero);
    t0 = f32x4.max(t0, zero); t1 = f32x4.max(t1, zero); t2 = f32x4.max(t2, zero); t3 = f32x4.max(t3, zero);
  }
  v128.store(out, s0); v128.store(out + next, s1); v128.store(out + 2 * next, s2); v128.store(out + 3 * next, s3);
  out += far;
  v128.store(out, t0); v128.store(out + next, t1); v128.store(out + 2 * next, t2); v128.store(out + 3 * next, t3);
}

/** y = x * kernel + bias, then ReLU if asked. x: [n, h, w, ci]; kernel: [3, 3, ci, co]; bias: [co] or 0; y: [n, h, w, co]. */
export function conv(x: usize, kernel: usize, bias: usize, y: usize, n: i32, h: i32, w: i32, ci: i32, co: i32, relu: bool): void {
  const size = mapPixels(h, w), first = w + 2, last = h * (w + 1) + w - 7, step = ci << 2, line = (w + 1) * step;
  for (let i = 0; i < n; i++, x += size * ci << 2, y += size * co << 2) {
    for (let block = first; block < last + 8; block += 8) {
      const start = min(block, last), from = x + (start - w - 2) * step;  // the last block overlaps the one before
      for (let o = 0; o < co; o += 8) {
        const k = kernel + (o << 2), b = bias ? bias + (o << 2) : 0, out = y + (start * co + o << 2);
        if (o + 4 == co) windows(from, step, line, k, co, b, out, relu, false);
        else for (let half = 0; half < 8; half += 4) windows(from + half * step, step, line, k, co, b, out + (half * co << 2), relu, true);
      }
    }
    clearEdge(y, h, w, co);
  }
}

/** The kernel turned by 180 degrees, with inputs and outputs exchanged: `conv` with it is the gradient of x. */
export function turnKernel(kernel: usize, turned: usize, ci: i32, co: i32): void {
  for (let k = 0; k < 9; k++)
    for (let a = 0; a < ci; a++)
      for (let b = 0; b < co; b++)
        store<f32>(turned + (((8 - k) * co + b) * ci + a << 2), load<f32>(kernel + ((k * ci + a) * co + b << 2)));
}

/** Add the products of four input channels with eight output channels, summed over `count` pixels, to d; with four
 *  output channels, even and odd pixels are summed apart. p, q: the first pixel of x and of dy; xStep, yStep: to the next. */
// @ts-ignore: decorator
@inline function products(p: usize, q: usize, d: usize, xStep: usize, yStep: usize, count: i32, wide: bool): void {
  let s0 = v128.load(d), s1 = v128.load(d + yStep), s2 = v128.load(d + 2 * yStep), s3 = v128.load(d + 3 * yStep);
  let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0;
  for (let j = wide ? count : count + 1 >> 1; j > 0; j--) {
    const left = v128.load(q);
    const v0 = v128.load32_splat(p), v1 = v128.load32_splat(p, 4), v2 = v128.load32_splat(p, 8), v3 = v128.load32_splat(p, 12);
    s0 = addProduct(s0, v0, left); s1 = addProduct(s1, v1, left); s2 = addProduct(s2, v2, left); s3 = addProduct(s3, v3, left);
    if (wide) {
      const right = v128.load(q, 16);
      t0 = addProduct(t0, v0, right); t1 = addProduct(t1, v1, right); t2 = addProduct(t2, v2, right); t3 = addProduct(t3, v3, right);
    } else {  // the pixel after the last is one of the edge, where dy is 0
      p += xStep; q += yStep;
      const odd = v128.load(q);
      t0 = addProduct(t0, v128.load32_splat(p), odd); t1 = addProduct(t1, v128.load32_splat(p, 4), odd);
      t2 = addProduct(t2, v128.load32_splat(p, 8), odd); t3 = addProduct(t3, v128.load32_splat(p, 12), odd);
    }
    p += xStep; q += yStep;
  }
  if (wide) {
    const e = d + 16;
    v128.store(e, f32x4.add(v128.load(e), t0)); v128.store(e + yStep, f32x4.add(v128.load(e + yStep), t1));
    v128.store(e + 2 * yStep, f32x4.add(v128.load(e + 2 * yStep), t2)); v128.store(e + 3 * yStep, f32x4.add(v128.load(e + 3 * yStep), t3));
  } else {
    s0 = f32x4.add(s0, t0); s1 = f32x4.add(s1, t1); s2 = f32x4.add(s2, t2); s3 = f32x4.add(s3, t3);
  }
  v128.store(d, s0); v128.store(d + yStep, s1); v128.store(d + 2 * yStep, s2); v128.store(d + 3 * yStep, s3);
}

/** dKernel = the sum over all pixels of x, seen through each of the nine places of the window, times dy. */
export function convKernelGradient(x: usize, dy: usize, dKernel: usize, n: i32, h: i32, w: i32, ci: i32, co: i32): void {
  memory.fill(dKernel, 0, 9 * ci * co << 2);
  const size = mapPixels(h, w), first = w + 2, count = h * (w + 1) - 1, xStep = ci << 2, yStep = co << 2;
  for (let i = 0; i < n; i++)
    for (let k = 0; k < 9; k++) {
      const shift = (k / 3 - 1) * (w + 1) + k % 3 - 1;
      const p = x + (i * size + first + shift) * xStep, q = dy + (i * size + first) * yStep, d = dKernel + (k * ci * yStep);
      if (ci == 1) {
        for (let o = 0; o < yStep; o += 16) {
          let s = v128.load(d + o);
          for (let j = 0; j < count; j++) s = addProduct(s, v128.load32_splat(p + j * xStep), v128.load(q + o + j * yStep));
          v128.store(d + o, s);
        }
      } else for (let o = 0; o < yStep; o += 32)
        for (let a = 0; a < ci; a += 4) {
          if (o + 16 == yStep) products(p + (a << 2), q + o, d + a * yStep + o, xStep, yStep, count, false);
          else products(p + (a << 2), q + o, d + a * yStep + o, xStep, yStep, count, true);
        }
    }
}

/** dBias = the sum of dy over all pixels. */
export function biasGradient(dy: usize, dBias: usize, n: i32, h: i32, w: i32, c: i32): void {
  const count = n * mapPixels(h, w);
  for (let o = 0; o < c; o += 4) {
    let s = f32x4.splat(0), q = dy + (o << 2);
    for (let j = 0; j < count; j++, q += c << 2) s = f32x4.add(s, v128.load(q));
    v128.store(dBias + (o << 2), s);
  }
}

/** dy = 0 wherever ReLU has let nothing through. */
export function reluGradient(y: usize, dy: usize, n: i32, h: i32, w: i32, c: i32): void {
  const zero = f32x4.splat(0);
  for (let j = 0, end = n * mapPixels(h, w) * c << 2; j < end; j += 16)
    v128.store(dy + j, v128.and(v128.load(dy + j), f32x4.gt(v128.load(y + j), zero)));
}

// --- between the levels -----------------------------------------------------------------------------------------------

/** y = the largest of each 2x2 pixels of x. h, w: of x. */
export function pool(x: usize, y: usize, n: i32, h: i32, w: i32, c: i32): void {
  for (let i = 0; i < n; i++, x += mapPixels(h, w) * c << 2, y += mapPixels(h / 2, w / 2) * c << 2)
    for (let v = 0; v < h; v += 2)
      for (let u = 0; u < w; u += 2) {
        const up = pixel(x, v, u, w, c), down = pixel(x, v + 1, u, w, c), out = pixel(y, v / 2, u / 2, w / 2, c);
        for (let o = 0, right = c << 2; o < right; o += 16)
          v128.store(out + o, f32x4.max(f32x4.max(v128.load(up + o), v128.load(up + o + right)),
                                        f32x4.max(v128.load(down + o), v128.load(down + o + right))));
      }
}

/** dx += dy, at the first of each 2x2 pixels that is the largest. h, w: of x. */
export function poolGradient(x: usize, y: usize, dy: usize, dx: usize, n: i32, h: i32, w: i32, c: i32): void {
  for (let i = 0; i < n; i++) {
    for (let v = 0; v < h; v += 2)
      for (let u = 0; u < w; u += 2)
        for (let o = 0; o < c << 2; o += 16) {
          const out = pixel(0, v / 2, u / 2, w / 2, c) + o, largest = v128.load(y + out);
          let left = v128.load(dy + out);  // what has not found its pixel yet
          for (let k = 0; k < 4; k++) {
            const here = pixel(0, v + k / 2, u + k % 2, w, c) + o, hit = f32x4.eq(v128.load(x + here), largest);
            v128.store(dx + here, f32x4.add(v128.load(dx + here), v128.and(left, hit)));
            left = v128.andnot(left, hit);
          }
        }
    x += mapPixels(h, w) * c << 2; dx += mapPixels(h, w) * c << 2;
    y += mapPixels(h / 2, w / 2) * c << 2; dy += mapPixels(h / 2, w / 2) * c << 2;
  }
}

/** y = x, each pixel repeated 2x2 times. h, w: of x. */
export function repeat(x: usize, y: usize, n: i32, h: i32, w: i32, c: i32): void {
  for (let i = 0; i < n; i++, x += mapPixels(h, w) * c << 2, y += mapPixels(2 * h, 2 * w) * c << 2)
    for (let v = 0; v < 2 * h; v++)
      for (let u = 0; u < 2 * w; u++) memory.copy(pixel(y, v, u, 2 * w, c), pixel(x, v / 2, u / 2, w, c), c << 2);
}

/** dx = the sum of dy over each 2x2 pixels. h, w: of x. */
export function repeatGradient(dy: usize, dx: usize, n: i32, h: i32, w: i32, c: i32): void {
  for (let i = 0; i < n; i++, dx += mapPixels(h, w) * c << 2, dy += mapPixels(2 * h, 2 * w) * c << 2)
    for (let v = 0; v < h; v++)
      for (let u = 0; u < w; u++) {
        const up = pixel(dy, 2 * v, 2 * u, 2 * w, c), down = pixel(dy, 2 * v + 1, 2 * u, 2 * w, c), to = pixel(dx, v, u, w, c);
        for (let o = 0, right = c << 2; o < right; o += 16)
          v128.store(to + o, f32x4.add(f32x4.add(v128.load(up + o), v128.load(up + o + right)),
                                       f32x4.add(v128.load(down + o), v128.load(down + o + right))));
      }
}

/** y = the 2x2 transposed convolution of x: each pixel becomes four. kernel: [2, 2, co, ci]; h, w: of x. */
export function grow(x: usize, kernel: usize, bias: usize, y: usize, n: i32, h: i32, w: i32, ci: i32, co: i32): void {
  for (let i = 0; i < n; i++, x += mapPixels(h, w) * ci << 2, y += mapPixels(2 * h, 2 * w) * co << 2)
    for (let v = 0; v < h; v++)
      for (let u = 0; u < w; u++) {
        const from = pixel(x, v, u, w, ci);
        for (let k = 0, row = kernel; k < 4; k++) {
          const to = pixel(y, 2 * v + k / 2, 2 * u + k % 2, 2 * w, co);
          for (let o = 0; o < co; o++, row += ci << 2) {
            let s = f32x4.splat(0);
            for (let a = 0; a < ci << 2; a += 16) s = addProduct(s, v128.load(from + a), v128.load(row + a));
            store<f32>(to + (o << 2), sum(s) + load<f32>(bias + (o << 2)));
          }
        }
      }
}

/** The gradients of `grow`: dx for its input, dKernel for its kernel. */
export function growGradient(x: usize, kernel: usize, dy: usize, dx: usize, dKernel: usize, n: i32, h: i32, w: i32, ci: i32, co: i32): void {
  memory.fill(dKernel, 0, 4 * ci * co << 2);
  for (let i = 0; i < n; i++, x += mapPixels(h, w) * ci << 2, dx += mapPixels(h, w) * ci << 2, dy += mapPixels(2 * h, 2 * w) * co << 2)
    for (let v = 0; v < h; v++)
      for (let u = 0; u < w; u++) {
        const from = pixel(x, v, u, w, ci), to = pixel(dx, v, u, w, ci);
        memory.fill(to, 0, ci << 2);
        for (let k = 0, row = 0; k < 4; k++) {
          const out = pixel(dy, 2 * v + k / 2, 2 * u + k % 2, 2 * w, co);
          for (let o = 0; o < co; o++, row += ci << 2) {
            const d = v128.load32_splat(out + (o << 2));
            for (let a = 0; a < ci << 2; a += 16) {
              v128.store(to + a, addProduct(v128.load(to + a), d, v128.load(kernel + row + a)));
              v128.store(dKernel + row + a, addProduct(v128.load(dKernel + row + a), d, v128.load(from + a)));
            }
          }
        }
      }
}

/** Copy channels 0..count of `from` (cFrom channels), starting at channel `skip`, into `to` (cTo), starting at `put`. */
export function copyChannels(from: usize, to: usize, n: i32, h: i32, w: i32, cFrom: i32, skip: i32, cTo: i32, put: i32, count: i32): void {
  from += skip << 2; to += put << 2;
  for (let j = 0, end = n * mapPixels(h, w); j < end; j++, from += cFrom << 2, to += cTo << 2) memory.copy(to, from, count << 2);
}

// --- the end: logits, probability, loss -------------------------------------------------------------------------------

/** probability = sigmoid(x . kernel + bias), [n, h, w] without edges. kernel: [c]. */
export function probability(x: usize, kernel: usize, bias: usize, out: usize, n: i32, h: i32, w: i32, c: i32): void {
  for (let i = 0; i < n; i++, x += mapPixels(h, w) * c << 2)
    for (let v = 0; v < h; v++)
      for (let u = 0; u < w; u++, out += 4) {
        let s = f32x4.splat(0);
        const from = pixel(x, v, u, w, c);
        for (let a = 0; a < c << 2; a += 16) s = addProduct(s, v128.load(from + a), v128.load(kernel + a));
        store<f32>(out, 1 / (1 + Mathf.exp(-(sum(s) + load<f32>(bias)))));
      }
}

/** The gradients of the logits: dx, dKernel [c] and dBias [1], from dz [n, h, w]. */
export function logitsGradient(x: usize, kernel: usize, dz: usize, dx: usize, dKernel: usize, dBias: usize, n: i32, h: i32, w: i32, c: i32): void {
  memory.fill(dKernel, 0, c << 2);
  let total: f64 = 0;
  for (let i = 0; i < n; i++, x += mapPixels(h, w) * c << 2, dx += mapPixels(h, w) * c << 2)
    for (let v = 0; v < h; v++)
      for (let u = 0; u < w; u++, dz += 4) {
        const from = pixel(x, v, u, w, c), to = pixel(dx, v, u, w, c), d = v128.load32_splat(dz);
        total += load<f32>(dz);
        for (let a = 0; a < c << 2; a += 16) {
          v128.store(to + a, f32x4.mul(d, v128.load(kernel + a)));
          v128.store(dKernel + a, addProduct(v128.load(dKernel + a), d, v128.load(from + a)));
        }
      }
  store<f32>(dBias, <f32>total);
}

/** The loss of n pictures of `pixels` pixels each, and dz, its gradient at the logits. useBce, useDice: 1 or 0 each.
 *  Binary cross-entropy (probabilities kept 1e-7 away from 0 and 1) and 1 - soft Dice (one pixel added), as in notebook 03. */
export function loss(p: usize, truth: usize, dz: usize, n: i32, pixels: i32, useBce: f64, useDice: f64): f64 {
  const low: f32 = 1e-7, high: f32 = 1 - 1e-7, share: f64 = useBce / pixels;
  let total: f64 = 0;
  for (let i = 0; i < n; i++, p += pixels << 2, truth += pixels << 2, dz += pixels << 2) {
    let surprise: f64 = 0, overlap: f64 = 0, areas: f64 = 0;
    for (let j = 0; j < pixels << 2; j += 4) {
      const q = load<f32>(p + j), t = load<f32>(truth + j), safe = min(max(q, low), high);
      if (t != 0) surprise -= t * Mathf.log(safe);
      if (t != 1) surprise -= (1 - t) * Mathf.log(1 - safe);
      overlap += q * t; areas += q + t;
    }
    const dice = (2 * overlap + 1) / (areas + 1);
    total += share * surprise + useDice * (1 - dice);
    for (let j = 0; j < pixels << 2; j += 4) {
      const q = load<f32>(p + j), t = load<f32>(truth + j);
      const bce: f64 = q < low || q > high ? 0 : share * (q - t);
      store<f32>(dz + j, <f32>((bce + useDice * (dice - 2 * t) / (areas + 1) * q * (1 - q)) / n));
    }
  }
  return total / n;
}

// --- learning ---------------------------------------------------------------------------------------------------------

/** The length of the gradient, all weights together. */
export function norm(gradient: usize, count: i32): f64 {
  let s: f64 = 0;
  for (let j = 0; j < count << 2; j += 4) { const g: f64 = load<f32>(gradient + j); s += g * g; }
  return sqrt(s);
}

/** One step of Adam (Kingma and Ba 2015) as Keras has it. scale: what the gradient is shortened by; rate: with the
 *  corrections of the first steps. m, v: the running means of gradient and squared gradient. */
export function adam(weights: usize, gradient: usize, m: usize, v: usize, count: i32, rate: f32, scale: f32): void {
  for (let j = 0; j < count << 2; j += 4) {
    const g = load<f32>(gradient + j) * scale;
    const mean = load<f32>(m + j) + (g - load<f32>(m + j)) * 0.1;
    const square = load<f32>(v + j) + (g * g - load<f32>(v + j)) * 0.001;
    store<f32>(m + j, mean);
    store<f32>(v + j, square);
    store<f32>(weights + j, load<f32>(weights + j) - rate * mean / (sqrt(square) + 1e-7));
  }
}
