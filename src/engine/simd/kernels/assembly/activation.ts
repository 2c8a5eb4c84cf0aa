/** Activations of rows, gated or not, and their quantized form for the product that follows. */
import { exp2 } from "./exp2";
import { Lanes } from "./lanes";
import { LEAST_TOP, quantizeRow } from "./quantize";

/** The values of ACTIVATION in ../kernels.ts. */
const GELU = 0;
const RELU = 2;
const SILU = 3;

/** Constants to load to all lanes, see lanes.ts. */
const CONSTANTS: usize = memory.data<f32>([
  1,
  // gelu's tanh form: x / (1 + 2^(a x + b x^3)), a = -2 sqrt(2 / pi) log2(e), b = .044715 a
  -2.302208198, -0.1029432397,
  // silu: x / (1 + 2^(a x)), a = -log2(e); gelu: a normal distribution's density 2^(b x^2), b = a / 2
  -1.4426950409,
  -0.7213475204,
  // gelu: the share of a normal distribution beyond |x| is its density times a polynomial of
  // t = 1 / (1 + p |x|) (Abramowitz and Stegun 7.1.26, error below 8e-8); p, then t^5 down to t
  0.23164189, 0.5307027145, -0.7265760135, 0.7107068705, -0.142248368, 0.127414796,
]);

/** Powers of a row, for exp2: float32 [MAX_INPUTS], and what exp2 may write behind them. */
const POWERS: usize = memory.data(4128 * 4 + 64, 64);

class Activation {
  /** The power of 2 that an activation needs. */
  @inline static power(activation: i32, x: v128): v128 {
    if (activation === SILU) return f32x4.mul(x, Lanes.constant(CONSTANTS, 3));
    const square = f32x4.mul(x, x);
    if (activation === GELU) return f32x4.mul(square, Lanes.constant(CONSTANTS, 4));
    const cubic = f32x4.mul(square, Lanes.constant(CONSTANTS, 2));
    return f32x4.mul(x, f32x4.add(cubic, Lanes.constant(CONSTANTS, 1)));
  }

  @inline static of(activation: i32, x: v128, power: v128): v128 {
    if (activation === RELU) return f32x4.pmax(f32x4.splat(0), x);
    if (activation === GELU) return Activation.gelu(x, power);
    return f32x4.div(x, f32x4.add(Lanes.constant(CONSTANTS, 0), power));
  }

  /** max(x, 0) - |x| share: gelu is x times the share of a normal distribution below x. */
  @inline static gelu(x: v128, density: v128): v128 {
    const size = f32x4.abs(x);
    const one = Lanes.constant(CONSTANTS, 0);
    const t = f32x4.div(one, Lanes.multiplyAdd(size, Lanes.constant(CONSTANTS, 5), one));
    let share = Lanes.constant(CONSTANTS, 6);
    for (const $coefficient of [7, 8, 9, 10]) {
      share = Lanes.multiplyAdd(share, t, Lanes.constant(CONSTANTS, $coefficient));
    }
    share = f32x4.mul(f32x4.mul(share, t), density);
    return f32x4.sub(f32x4.pmax(f32x4.splat(0), x), f32x4.mul(size, share));
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
        exp2(K, POWERS);
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
