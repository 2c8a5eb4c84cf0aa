/** Activations of rows, gated or not, and their quantized form for the product that follows. */
import { ZEROS, exp2 } from "./exp2";
import { Lanes } from "./lanes";
import { LEAST_TOP, MAX_INPUTS, quantizeRow } from "./quantize";

/** The values of ACTIVATION in ../kernels.ts. */
const GELU_TANH = 1;
const RELU = 2;
const SILU = 3;

/**
 * Constants to load to all lanes, see lanes.ts. Of each activation but ReLU, x / (1 + 2^power), the
 * coefficients of its power.
 */
const CONSTANTS: usize = memory.data<f32>([
  1,
  // silu: a x, a = -log2(e)
  -1.4426950409,
  // gelu's tanh form: a x + b x^3, a = -2 sqrt(2 / pi) log2(e), b = .044715 a
  -2.302208198, -0.1029432397,
  // gelu: a x + b x^3 + c x^5, for a largest error of 2.6e-5 (the tanh form's is 4.7e-4); from
  // |x| = 6 on, x^2 is held
  -2.3011213, -0.10677572, 0.0010142631, 36,
]);

/** Powers of a row, for exp2: float32 [MAX_INPUTS], and what exp2 may write behind them. */
const POWERS: usize = memory.data(MAX_INPUTS * 4 + 64, 64);

class Activation {
  @inline static power(activation: i32, x: v128): v128 {
    if (activation === SILU) return f32x4.mul(x, Lanes.constant(CONSTANTS, 1));
    let square = f32x4.mul(x, x);
    if (activation === GELU_TANH) {
      const cubic = f32x4.mul(square, Lanes.constant(CONSTANTS, 3));
      return f32x4.mul(x, f32x4.add(cubic, Lanes.constant(CONSTANTS, 2)));
    }
    square = f32x4.pmin(square, Lanes.constant(CONSTANTS, 7));
    let factor = Lanes.constant(CONSTANTS, 6);
    factor = Lanes.multiplyAdd(factor, square, Lanes.constant(CONSTANTS, 5));
    factor = Lanes.multiplyAdd(factor, square, Lanes.constant(CONSTANTS, 4));
    return f32x4.mul(x, factor);
  }

  @inline static of(activation: i32, x: v128, power: v128): v128 {
    if (activation === RELU) return f32x4.pmax(f32x4.splat(0), x);
    return f32x4.div(x, f32x4.add(Lanes.constant(CONSTANTS, 0), power));
  }
}

/** Activates x [K] in place, times `up` [K] where there is one; returns the largest magnitude. */
function activateRow(activation: i32, K: i32, x: usize, up: usize): f32 {
  const bytes = (<usize>K) << 2;
  let top = f32x4.splat(LEAST_TOP);
  for (const $activation of [0, 1, 2, 3]) {
    if (activation === $activation) {
      if ($activation !== RELU) {
        for (let at: usize = 0; at < bytes; at += 32) {
          for (const $i of [0, 1]) {
            const x$i = v128.load(x + at, 16 * $i);
            v128.store(POWERS + at, Activation.power($activation, x$i), 16 * $i);
          }
        }
        exp2(K, POWERS, ZEROS);
      }
      for (let at: usize = 0; at < bytes; at += 32) {
        for (const $i of [0, 1]) {
          const power$i = v128.load(POWERS + at, 16 * $i);
          let y$i = Activation.of($activation, v128.load(x + at, 16 * $i), power$i);
          if (up) y$i = f32x4.mul(y$i, v128.load(up + at, 16 * $i));
          v128.store(x + at, y$i, 16 * $i);
          top = f32x4.pmax(top, f32x4.abs(y$i));
        }
      }
    }
  }
  return Lanes.top(top);
}

export function activate(
  M: i32,
  K: i32,
  x: usize,
  stride: usize,
  activation: i32,
  q: usize,
  scale: usize,
): void {
  gate(M, K, x, 0, stride, activation, q, scale);
}

export function gate(
  M: i32,
  K: i32,
  x: usize,
  up: usize,
  stride: usize,
  activation: i32,
  q: usize,
  scale: usize,
): void {
  for (let m = 0; m < M; m++) {
    const row = x + <usize>m * stride;
    const ups = up ? up + <usize>m * stride : 0;
    const top = activateRow(activation, K, row, ups);
    quantizeRow(M, K, m, row, 0, top, q, scale);
  }
}
