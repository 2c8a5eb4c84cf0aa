/**
 * What ridge regression answers to each row when that row is left out, without fitting it once a row: a
 * row pulls the fit towards its own target by a known share, its leverage, which can be taken away again
 * (the hat matrix; Allen's PRESS). One factorization serves all rows and all classes.
 */
import type { FeatureRows } from "./fit-head.ts";

/**
 * Leave-one-out answers [N, C] to targets [N, C], with features divided by their mean norm and
 * `inverseL2` as of heads (fit-head.ts). Of targets that are 0 and 1 the answers are nearly probabilities.
 */
export function leaveOneOut(
  features: FeatureRows,
  targets: Float64Array,
  { numLabels: C, inverseL2 }: { readonly numLabels: number; readonly inverseL2: number },
): Float64Array {
  const { hidden: H } = features;
  const N = features.data.length / H;
  const x = centredRows(features);
  const means = columnMeans(targets, N, C);
  const factor = choleskyOf(gram(x, N, H, 1 / inverseL2), H);
  const weights = weightsOf(factor, x, targets, means, [N, H, C]);
  const left = new Float64Array(N * C);
  for (let n = 0; n < N; n++) {
    const row = x.subarray(n * H, (n + 1) * H);
    const leverage = Math.min(1 - LEAST_FREEDOM, squaredNorm(forward(factor, row)) + 1 / N);
    for (let c = 0; c < C; c++) {
      let fitted = means[c]!;
      for (let h = 0; h < H; h++) fitted += row[h]! * weights[c * H + h]!;
      left[n * C + c] = (fitted - leverage * targets[n * C + c]!) / (1 - leverage);
    }
  }
  return left;
}

/** A row that alone decides its own answer has none without itself. */
const LEAST_FREEDOM = 1e-6;

/** Rows divided by their mean norm, less their mean. */
function centredRows({ data, hidden: H }: FeatureRows): Float64Array {
  const N = data.length / H;
  let norms = 0;
  for (let n = 0; n < N; n++) {
    norms += Math.sqrt(squaredNorm(data.subarray(n * H, (n + 1) * H)));
  }
  const scale = norms === 0 ? 1 : N / norms;
  const means = columnMeans(data, N, H);
  return Float64Array.from(data, (value, i) => scale * (value - means[i % H]!));
}

function columnMeans(values: ArrayLike<number>, N: number, C: number): Float64Array {
  const means = new Float64Array(C);
  for (let i = 0; i < N * C; i++) means[i % C]! += values[i]! / N;
  return means;
}

/** x^T x + penalty, the lower triangle of [H, H]. */
function gram(x: Float64Array, N: number, H: number, penalty: number): Float64Array {
  const result = new Float64Array(H * H);
  for (let n = 0; n < N; n++) {
    for (let i = 0; i < H; i++) {
      const value = x[n * H + i]!;
      for (let j = 0; j <= i; j++) result[i * H + j]! += value * x[n * H + j]!;
    }
  }
  for (let i = 0; i < H; i++) result[i * H + i]! += penalty;
  return result;
}

/** L with L L^T = matrix, in place of its lower triangle. */
function choleskyOf(matrix: Float64Array, H: number): Float64Array {
  for (let i = 0; i < H; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * H + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * H + k]! * matrix[j * H + k]!;
      matrix[i * H + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * H + j]!;
    }
  }
  return matrix;
}

/** z with L z = row */
function forward(factor: Float64Array, row: ArrayLike<number>): Float64Array {
  const H = row.length;
  const z = new Float64Array(H);
  for (let i = 0; i < H; i++) {
    let sum = row[i]!;
    for (let k = 0; k < i; k++) sum -= factor[i * H + k]! * z[k]!;
    z[i] = sum / factor[i * H + i]!;
  }
  return z;
}

/** w with L^T w = z, in place of z */
function backward(factor: Float64Array, z: Float64Array): Float64Array {
  const H = z.length;
  for (let i = H - 1; i >= 0; i--) {
    let sum = z[i]!;
    for (let k = i + 1; k < H; k++) sum -= factor[k * H + i]! * z[k]!;
    z[i] = sum / factor[i * H + i]!;
  }
  return z;
}

/** The ridge weights of all columns of the targets, [C, H]. */
function weightsOf(
  factor: Float64Array,
  x: Float64Array,
  targets: Float64Array,
  means: Float64Array,
  [N, H, C]: readonly [number, number, number],
): Float64Array {
  const weights = new Float64Array(C * H);
  for (let c = 0; c < C; c++) {
    const pulled = new Float64Array(H); // x^T (y - mean)
    for (let n = 0; n < N; n++) {
      const target = targets[n * C + c]! - means[c]!;
      for (let h = 0; h < H; h++) pulled[h]! += target * x[n * H + h]!;
    }
    weights.set(backward(factor, forward(factor, pulled)), c * H);
  }
  return weights;
}

function squaredNorm(row: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i]! ** 2;
  return sum;
}
