/** Activations of rows, gated or not, and their quantized form for the product that follows. */
import { Lanes } from "./lanes";
import { quantizeRow } from "./quantize";

/** The values of ACTIVATION in ../kernels.ts. */
const GELU = 0;
const GELU_TANH = 1;
const RELU = 2;

const LOG2_E: f32 = 1.4426950408889634;

/** Constants to load to all lanes, see lanes.ts. */
const CONSTANTS: usize = memory.data<f32>([
  1,
  // gelu's tanh form: x / (1 + 2^(a x + b x^3)), a = -2 sqrt(2 / pi) log2(e), b = .044715 a
  -2.302208198, -0.1029432397,
  // the error function's complement (Abramowitz and Stegun 7.1.26, error below 1.5e-7): p / sqrt(2),
  // then the polynomial of t = 1 / (1 + p z), halved
  0.23164189,
  0.127414796, -0.142248368, 0.7107068705, -0.7265760135, 0.5307027145,
]);

class Activation {
  @inline static of(activation: i32, x: v128): v128 {
    if (activation === GELU_TANH) return Activation.geluTanh(x);
    if (activation === GELU) return Activation.gelu(x);
    if (activation === RELU) return f32x4.pmax(f32x4.splat(0), x);
    return Activation.silu(x);
  }

  /** x / (1 + 2^power). */
  @inline static gated(x: v128, power: v128): v128 {
    return f32x4.div(x, f32x4.add(v128.load32_splat(CONSTANTS, 0), Lanes.exp2(power)));
  }

  @inline static geluTanh(x: v128): v128 {
    const linear = v128.load32_splat(CONSTANTS, 4);
    const cubic = f32x4.mul(f32x4.mul(x, x), v128.load32_splat(CONSTANTS, 8));
    return Activation.gated(x, f32x4.mul(x, f32x4.add(cubic, linear)));
  }

  @inline static silu(x: v128): v128 {
    return Activation.gated(x, f32x4.mul(x, f32x4.splat(-LOG2_E)));
  }

  /** max(x, 0) - |x| share, where `share` of the normal distribution lies beyond |x|. */
  @inline static gelu(x: v128): v128 {
    const size = f32x4.abs(x);
    const one = v128.load32_splat(CONSTANTS, 0);
    const t = f32x4.div(one, Lanes.multiplyAdd(size, v128.load32_splat(CONSTANTS, 12), one));
    let p = v128.load32_splat(CONSTANTS, 32);
    p = Lanes.multiplyAdd(p, t, v128.load32_splat(CONSTANTS, 28));
    p = Lanes.multiplyAdd(p, t, v128.load32_splat(CONSTANTS, 24));
    p = Lanes.multiplyAdd(p, t, v128.load32_splat(CONSTANTS, 20));
    p = Lanes.multiplyAdd(p, t, v128.load32_splat(CONSTANTS, 16));
    const density = Lanes.exp2(f32x4.mul(f32x4.mul(x, x), f32x4.splat(<f32>-0.5 * LOG2_E)));
    const share = f32x4.mul(f32x4.mul(p, t), density);
    return f32x4.sub(f32x4.pmax(f32x4.splat(0), x), f32x4.mul(size, share));
  }
}

class Rows {
  /** Activates x [K] in place, times `up` [K] where there is one; returns the largest magnitude. */
  @inline static activate(activation: i32, K: i32, x: usize, up: usize): f32 {
    let top = f32x4.splat(0);
    for (let end = x + ((<usize>K) << 2); x < end; x += 16) {
      let y = Activation.of(activation, v128.load(x));
      if (up) {
        y = f32x4.mul(y, v128.load(up));
        up += 16;
      }
      v128.store(x, y);
      top = f32x4.pmax(top, f32x4.abs(y));
    }
    return Lanes.top(top);
  }
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
    const top = Rows.activate(activation, K, row, ups);
    quantizeRow(M, K, m, row, 0, top, q, scale);
  }
}
