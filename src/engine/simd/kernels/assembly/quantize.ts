/** Rows of floats to rows of int16, in the tiles that the matrix product reads (../kernels.ts). */
import { Lanes, ROUNDING_BITS } from "./lanes";

export const LEVELS: f32 = 4095;
/** The inputs of a product, at most (../kernels.ts). */
export const MAX_INPUTS: i32 = 4128;
/** The least that a row's largest magnitude is taken for, so that no scale is 0. */
export const LEAST_TOP: f32 = 1e-20;

/** Scale by input: float32 [K] at `inputScale`, or none. */
export class Scaled {
  @inline static load(x: usize, inputScale: usize, k: i32): v128 {
    const at = (<usize>k) << 2;
    const value = v128.load(x + at);
    return inputScale ? f32x4.mul(value, v128.load(inputScale + at)) : value;
  }
}

/** Quantizes row m of M rows, x [K], whose largest magnitude is `top`, from LEAST_TOP on. */
export function quantizeRow(
  M: i32,
  K: i32,
  m: i32,
  x: usize,
  inputScale: usize,
  top: f32,
  q: usize,
  scale: usize,
): void {
  store<f32>(scale + ((<usize>m) << 2), top / LEVELS);
  const inverse = f32x4.splat(LEVELS / top);
  const rounding = Lanes.rounding();
  const bits = i32x4.splat(ROUNDING_BITS);

  const first = m & ~3;
  const step = (<usize>min(M - first, 4)) << 2; // bytes from one pair of a row to its next
  let to = q + <usize>((first * K) << 1) + ((<usize>(m - first)) << 2);
  for (let k = 0; k < K; k += 8) {
    const low = f32x4.mul(Scaled.load(x, inputScale, k), inverse);
    const high = f32x4.mul(Scaled.load(x, inputScale, k + 4), inverse);
    const pairs = Lanes.whole(low, high, rounding, bits);
    v128.store32_lane(to, pairs, 0);
    v128.store32_lane(to + step, pairs, 1);
    v128.store32_lane(to + 2 * step, pairs, 2);
    v128.store32_lane(to + 3 * step, pairs, 3);
    to += 4 * step;
  }
}

export function quantizeRows(
  M: i32,
  K: i32,
  x: usize,
  inputScale: usize,
  q: usize,
  scale: usize,
): void {
  for (let m = 0; m < M; m++) {
    const row = x + ((<usize>(m * K)) << 2);
    let top = f32x4.splat(LEAST_TOP);
    for (let k = 0; k < K; k += 4)
      top = f32x4.pmax(top, f32x4.abs(Scaled.load(row, inputScale, k)));
    quantizeRow(M, K, m, row, inputScale, Lanes.top(top), q, scale);
  }
}
