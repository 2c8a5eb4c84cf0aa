/** LayerNorm and RMSNorm over rows, and the quantized rows that the next product reads. */
import { Lanes } from "./lanes";
import { LEAST_TOP, Scaled, quantizeRow } from "./quantize";

/** The values of NORM in ../kernels.ts. */
const LAYER = 0;

/** From number 8 - n on, a mask of the first n of eight numbers. */
const MASKS: usize = memory.data<i32>([-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0]);

class Norm {
  /** Mean of x [H], zeros behind it. */
  @inline static mean(H: i32, x: usize): f32 {
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    for (let at = x, end = x + ((<usize>H) << 2); at < end; at += 32) {
      sum0 = f32x4.add(sum0, v128.load(at));
      sum1 = f32x4.add(sum1, v128.load(at, 16));
    }
    return Lanes.sum(f32x4.add(sum0, sum1)) / <f32>H;
  }

  /** 1 / sqrt(mean of (x - center)^2 + epsilon). */
  @inline static inverseDeviation(H: i32, x: usize, center: v128, epsilon: f32): v128 {
    let sum0 = f32x4.splat(0);
    let sum1 = f32x4.splat(0);
    const whole = x + ((<usize>(H & ~7)) << 2);
    for (let at = x; at < whole; at += 32) {
      const low = f32x4.sub(v128.load(at), center);
      const high = f32x4.sub(v128.load(at, 16), center);
      sum0 = Lanes.multiplyAdd(low, low, sum0);
      sum1 = Lanes.multiplyAdd(high, high, sum1);
    }
    const rest = H & 7;
    if (rest) {
      const mask = MASKS + ((<usize>(8 - rest)) << 2);
      const low = v128.and(f32x4.sub(v128.load(whole), center), v128.load(mask));
      const high = v128.and(f32x4.sub(v128.load(whole, 16), center), v128.load(mask, 16));
      sum0 = Lanes.multiplyAdd(low, low, sum0);
      sum1 = Lanes.multiplyAdd(high, high, sum1);
    }
    const variance = Lanes.sum(f32x4.add(sum0, sum1)) / <f32>H;
    return f32x4.splat(<f32>1 / sqrt<f32>(variance + epsilon));
  }
}

export function norm(
  M: i32,
  H: i32,
  kind: i32,
  x: usize,
  vectors: usize,
  gammaOffset: usize,
  betaOffset: usize,
  epsilon: f32,
  inputScale: usize,
  out: usize,
  q: usize,
  scale: usize,
): void {
  const width = (H + 7) & ~7;
  for (let m = 0; m < M; m++) {
    const row = (<usize>(m * width)) << 2;
    const vector = <usize>load<u32>(vectors + ((<usize>m) << 2));
    const center = f32x4.splat(kind === LAYER ? Norm.mean(H, x + row) : 0);
    const factor = Norm.inverseDeviation(H, x + row, center, epsilon);
    let top = f32x4.splat(LEAST_TOP);
    for (let k = 0; k < width; k += 4) {
      const at = (<usize>k) << 2;
      const normal = f32x4.mul(f32x4.sub(v128.load(x + row + at), center), factor);
      const gamma = v128.load(vector + gammaOffset + at);
      const beta = v128.load(vector + betaOffset + at);
      v128.store(out + row + at, Lanes.multiplyAdd(normal, gamma, beta));
      top = f32x4.pmax(top, f32x4.abs(Scaled.load(out + row, inputScale, k)));
    }
    if (q) quantizeRow(M, width, m, out + row, inputScale, Lanes.top(top), q, scale);
  }
}
