/**
 * Queries, keys and values of a head, quantized and put where attention's tiles read them one after the
 * other. Each has a scale of its own.
 */
import { Lanes, ROUNDING_BITS } from "./lanes";
import { LEAST_TOP, LEVELS } from "./quantize";

/**
 * Quantizes rows to groups of 4 side by side [count / 4, D / 2, 4, 2], `stride` bytes from one pair of
 * a group to its next: all groups one behind the other, or two side by side. The last row fills its group.
 */
export function gather(
  count: i32,
  D: i32,
  from: usize,
  fromStride: usize,
  to: usize,
  stride: usize,
  scales: usize,
): void {
  const rounding = Lanes.rounding();
  const bits = i32x4.splat(ROUNDING_BITS);
  for (let c = 0; c < count; c += 4) {
    for (const $i of [0, 1, 2, 3]) {
      let row$i = from + <usize>min(c + $i, count - 1) * fromStride;
      const top$i = Quantized.top(D, row$i);
      store<f32>(scales, top$i / LEVELS, 4 * $i);
      const inverse$i = f32x4.splat(LEVELS / top$i);
    }
    let at = to;
    for (const end = row0 + ((<usize>D) << 2); row0 < end;) {
      for (const $i of [0, 1, 2, 3]) {
        const pairs$i = Quantized.pairs(row$i, inverse$i, rounding, bits);
        row$i += 32;
      }
      Turned.store(4, pairs0, pairs1, pairs2, pairs3, at, stride);
      at += 4 * stride;
    }
    // Groups side by side begin one vector apart.
    to = stride === 16 ? at : to + 16;
    scales += 16;
  }
}

/** Quantizes rows to planes of 4 numbers, [D / 4, columns / 2, 4, 2]. The last row fills its group. */
export function gatherValues(
  count: i32,
  D: i32,
  from: usize,
  stride: usize,
  to: usize,
  columns: usize,
  scales: usize,
): void {
  const rounding = Lanes.rounding();
  const bits = i32x4.splat(ROUNDING_BITS);
  const plane = columns << 3;
  for (let c = 0; c < ((count + 3) & ~3); c += 2) {
    for (const $i of [0, 1]) {
      let row$i = from + <usize>min(c + $i, count - 1) * stride;
      const top$i = Quantized.top(D, row$i);
      store<f32>(scales, top$i / LEVELS, 4 * $i);
      const inverse$i = f32x4.splat(LEVELS / top$i);
    }
    let at = to;
    for (const end = row0 + ((<usize>D) << 2); row0 < end;) {
      for (const $i of [0, 1]) {
        const pairs$i = Quantized.pairs(row$i, inverse$i, rounding, bits);
        row$i += 32;
      }
      v128.store(at, i16x8.shuffle(pairs0, pairs1, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(at + plane, i16x8.shuffle(pairs0, pairs1, 4, 12, 5, 13, 6, 14, 7, 15));
      at += 2 * plane;
    }
    to += 16;
    scales += 8;
  }
}

class Quantized {
  /** The largest magnitude of a head [D]. */
  @inline static top(D: i32, x: usize): f32 {
    let top = f32x4.splat(LEAST_TOP);
    for (let at = x, end = x + ((<usize>D) << 2); at < end; at += 16) {
      top = f32x4.pmax(top, f32x4.abs(v128.load(at)));
    }
    return Lanes.top(top);
  }

  /** Eight numbers as int16. */
  @inline static pairs(x: usize, inverse: v128, rounding: v128, bits: v128): v128 {
    const low = f32x4.mul(v128.load(x), inverse);
    const high = f32x4.mul(v128.load(x, 16), inverse);
    return Lanes.whole(low, high, rounding, bits);
  }
}

export class Turned {
  /** Stores the first `rows` rows of the transpose of four vectors. */
  @inline static store(
    rows: i32,
    a: v128,
    b: v128,
    c: v128,
    d: v128,
    to: usize,
    stride: usize,
  ): void {
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
    v128.store(to, i64x2.shuffle(ab, cd, 0, 2));
    if (rows > 1) v128.store(to + stride, i64x2.shuffle(ab, cd, 1, 3));
    const ab2 = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const cd2 = i32x4.shuffle(c, d, 2, 6, 3, 7);
    if (rows > 2) v128.store(to + 2 * stride, i64x2.shuffle(ab2, cd2, 0, 2));
    if (rows > 3) v128.store(to + 3 * stride, i64x2.shuffle(ab2, cd2, 1, 3));
  }
}
