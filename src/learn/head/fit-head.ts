/**
 * A head fitted as a convex problem on features that are computed once: multinomial logistic regression
 * for one class a row, a logistic regression for each of several labels, ridge regression for numbers.
 * There is one answer, so no learning rate, no seed and no epoch has to be chosen.
 *
 * Minimized is scikit-learn's
 *
 *     inverseL2 * sum over rows of (row weight * loss) + |weight|^2 / 2
 *
 * with `inverseL2` its C (of ridge regression: 1 / alpha) and biases that are not penalized. Features
 * are first divided by their mean norm, so that one `inverseL2` means the same for every encoder; the
 * returned weight is for the features as they were given. Two classes are a softmax over two, as with
 * scikit-learn's multinomial form, and not one logistic function.
 */
import { FormatError } from "../../core/errors.ts";
import { linear } from "../../core/model/head.ts";
import { minimize } from "./lbfgs.ts";
import { headLossOf } from "./losses.ts";
import type { HeadTargets } from "./losses.ts";
import { gradientInto, scoresInto } from "./products.ts";

/** Rows of features, one after the other. */
export interface FeatureRows {
  readonly data: Float32Array; // [N, H]
  readonly hidden: number;
}

export interface HeadOptions {
  /** Classes, labels or numbers that the head answers with: C. */
  readonly numLabels: number;
  /** How much the rows weigh against small weights; scikit-learn's C. */
  readonly inverseL2?: number;
  /**
   * Classes only: rows are weighted by their class's count to the power of minus this. 0 weighs all rows
   * the same, 1 all classes the same (scikit-learn's "balanced"); the mean weight is 1.
   */
  readonly balance?: number;
  /** The fit ends where no element of the gradient of the mean loss is larger. */
  readonly tolerance?: number;
  readonly maxIterations?: number;
}

/** A linear head: logits = weight . feature + bias. */
export interface FittedHead {
  readonly weight: Float32Array; // [C, H]
  readonly bias: Float32Array; // [C]
  readonly iterations: number;
}

const DEFAULTS = { inverseL2: 1, balance: 0, tolerance: 1e-5, maxIterations: 500 } as const;

/**
 * Fits a head. A class without a row, a label that is true of all rows or of none, and rows that are all
 * of one class get a constant answer: a weight of 0 and a bias as if half a row more had spoken against
 * it. Without any row that has a target, everything is 0. Throws FormatError `training-diverged` on
 * features that are not finite.
 */
export function fitHead(
  features: FeatureRows,
  targets: HeadTargets,
  options: HeadOptions,
): FittedHead {
  const {
    numLabels: C,
    inverseL2,
    balance,
    tolerance,
    maxIterations,
  } = { ...DEFAULTS, ...options };
  const { hidden: H } = features;
  const rows = features.data.length / H;
  const weights = rowWeights(targets, rows, C, balance);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const constants = constantBiases(targets, weights, C);
  const fitted = Array.from({ length: C }, (_, c) => c).filter((c) => constants[c] === null);
  const weight = new Float32Array(C * H);
  const bias = Float32Array.from(constants, (value) => value ?? 0);
  if (fitted.length === 0 || total === 0) return { weight, bias, iterations: 0 };

  const { values, mean, scale } = centred(features, weights, total);
  const shape = [H, fitted.length] as const;
  const loss = headLossOf(ofClasses(targets, fitted, C));
  const scores = new Float64Array(rows * fitted.length);
  const penalty = 1 / (inverseL2 * total);
  const lastWeight = H * fitted.length;
  const { at, iterations } = minimize(
    (parameters, gradient) => {
      scoresInto(scores, values, parameters, shape);
      let value = loss(scores, weights, fitted.length) / total;
      gradientInto(gradient, scores, values, shape);
      for (let i = 0; i < gradient.length; i++) gradient[i]! /= total;
      for (let i = 0; i < lastWeight; i++) {
        value += (penalty * parameters[i]! ** 2) / 2;
        gradient[i]! += penalty * parameters[i]!;
      }
      return value;
    },
    new Float64Array(lastWeight + fitted.length),
    { tolerance, maxIterations },
  );
  // logit = w . (scale * (x - mean)) + b, so the scale goes into the weight and the mean into the bias.
  const biases = fitted.map((_, c) => {
    let shift = 0;
    for (let h = 0; h < H; h++) shift += at[c * H + h]! * scale * mean[h]!;
    return at[lastWeight + c]! - shift;
  });
  for (const [i, c] of fitted.entries()) {
    for (let h = 0; h < H; h++) weight[c * H + h] = at[i * H + h]! * scale;
    bias[c] = biases[i]!;
  }
  return { weight, bias, iterations };
}

/** Logits of rows of features under a head, one array [C] a row. */
export const headLogits = (
  { data, hidden }: FeatureRows,
  { weight, bias }: Pick<FittedHead, "weight" | "bias">,
): Float32Array[] =>
  Array.from({ length: data.length / hidden }, (_, n) =>
    linear(data.subarray(n * hidden, (n + 1) * hidden), weight, bias),
  );

/** The weight of each row: 0 without a target, else 1 or by the count of its class. */
function rowWeights(targets: HeadTargets, rows: number, C: number, balance: number): Float64Array {
  const weights = new Float64Array(rows).fill(1);
  if (targets.kind !== "classes") return weights;
  const { labels } = targets;
  const counts = new Float64Array(C);
  let known = 0;
  for (let n = 0; n < rows; n++) {
    if (labels[n]! < 0) continue;
    counts[labels[n]!]! += 1;
    known += 1;
  }
  let sum = 0;
  for (let n = 0; n < rows; n++) {
    weights[n] = labels[n]! < 0 ? 0 : counts[labels[n]!]! ** -balance;
    sum += weights[n]!;
  }
  return sum === 0 ? weights : weights.map((weight) => (weight * known) / sum);
}

/** Biases of the classes whose answer is constant, null for those that are fitted. */
function constantBiases(
  targets: HeadTargets,
  weights: Float64Array,
  C: number,
): readonly (number | null)[] {
  const rows = weights.filter((weight) => weight > 0).length;
  const sure = Math.log(2 * rows + 1);
  const counts = new Float64Array(C);
  switch (targets.kind) {
    case "values":
      return Array.from(counts, () => null);
    case "sets":
      for (let i = 0; i < rows * C; i++) counts[i % C]! += targets.hits[i]!;
      return Array.from(counts, (count) => (count === 0 ? -sure : count === rows ? sure : null));
    case "shares": {
      for (let i = 0; i < rows * C; i++) counts[i % C]! += targets.shares[i]!;
      const isAlone = counts.filter((count) => count > 0).length < 2;
      return Array.from(counts, (count) => (count === 0 ? -sure : isAlone ? 0 : null));
    }
    case "classes": {
      for (const [n, weight] of weights.entries()) if (weight > 0) counts[targets.labels[n]!]! += 1;
      const isAlone = counts.filter((count) => count > 0).length < 2;
      // Logits of the fitted classes have the mean 0, so a class below 0 is never the answer.
      return Array.from(counts, (count) => (count === 0 ? -sure : isAlone ? 0 : null));
    }
    default:
      return targets satisfies never;
  }
}

/** The targets with only some of the classes, which are numbered anew. */
function ofClasses(targets: HeadTargets, chosen: readonly number[], C: number): HeadTargets {
  if (chosen.length === C) return targets;
  const pick = (values: ArrayLike<number>): Float64Array => {
    const rows = values.length / C;
    return Float64Array.from(
      { length: rows * chosen.length },
      (_, i) => values[Math.floor(i / chosen.length) * C + chosen[i % chosen.length]!]!,
    );
  };
  switch (targets.kind) {
    case "classes":
      return { ...targets, labels: Array.from(targets.labels, (label) => chosen.indexOf(label)) };
    case "shares":
      return { ...targets, shares: pick(targets.shares) };
    case "sets":
      return { ...targets, hits: pick(targets.hits) };
    case "values":
      return targets;
    default:
      return targets satisfies never;
  }
}

/**
 * Features divided by their mean norm, less their mean. Without penalty on the bias a shift changes
 * nothing but the bias, and the fit takes a fraction of the steps: an encoder's features have a large
 * part in common.
 */
function centred(
  { data, hidden: H }: FeatureRows,
  weights: Float64Array,
  total: number,
): { values: Float64Array; mean: Float64Array; scale: number } {
  const mean = new Float64Array(H);
  let norms = 0;
  let known = 0;
  for (const [n, weight] of weights.entries()) {
    if (weight === 0) continue;
    let square = 0;
    for (let h = 0; h < H; h++) {
      const value = data[n * H + h]!;
      square += value ** 2;
      mean[h]! += (weight * value) / total;
    }
    norms += Math.sqrt(square);
    known += 1;
  }
  if (!Number.isFinite(norms)) {
    throw new FormatError(
      "training-diverged",
      "features of the training rows are not finite, so no head can be fitted to them; try a smaller --lr",
    );
  }
  const scale = norms === 0 ? 1 : known / norms;
  const values = Float64Array.from(data, (value, i) => scale * (value - mean[i % H]!));
  return { values, mean, scale };
}
