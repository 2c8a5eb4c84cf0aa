/**
 * The convex losses of a head. Each takes scores [N, C], replaces them by the loss's gradient, weighted by
 * row, and returns the weighted sum of the loss.
 */

/** What each row should be answered with. */
export type HeadTargets =
  | {
      /** One class a row: its index, or a negative number for a row that is left out. */
      readonly kind: "classes";
      readonly labels: ArrayLike<number>; // [N]
    }
  | {
      /** A share for each class: of a row they sum to 1. */
      readonly kind: "shares";
      readonly shares: ArrayLike<number>; // [N, C]
    }
  | {
      /** Any of the classes: 1 where a class is true, less where it may be. */
      readonly kind: "sets";
      readonly hits: ArrayLike<number>; // [N, C]
    }
  | {
      readonly kind: "values";
      readonly values: ArrayLike<number>; // [N, C]
    };

export type HeadLoss = (scores: Float64Array, weights: Float64Array, C: number) => number;

/** The loss of some targets: cross entropy, logistic loss of every class, or half the squared distance. */
export function headLossOf(targets: HeadTargets): HeadLoss {
  switch (targets.kind) {
    case "classes":
      return (scores, weights, C) => crossEntropy(scores, targets.labels, weights, C);
    case "shares":
      return (scores, weights, C) => shareEntropy(scores, targets.shares, weights, C);
    case "sets":
      return (scores, weights, C) => logisticLoss(scores, targets.hits, weights, C);
    case "values":
      return (scores, weights, C) => squaredLoss(scores, targets.values, weights, C);
    default:
      return targets satisfies never;
  }
}

// l = log(sum exp(s)) - s[y]   dl/ds = softmax(s) - onehot(y)
function crossEntropy(
  scores: Float64Array,
  labels: ArrayLike<number>,
  weights: Float64Array,
  C: number,
): number {
  let sum = 0;
  for (let n = 0; n < weights.length; n++) {
    const start = n * C;
    const weight = weights[n]!;
    if (weight === 0) {
      scores.fill(0, start, start + C);
      continue;
    }
    const most = largest(scores, start, C);
    const own = start + labels[n]!;
    const right = scores[own]! - most;
    const total = exponentiate(scores, start, C, most);
    for (let c = start; c < start + C; c++) scores[c]! *= weight / total;
    scores[own]! -= weight;
    sum += weight * (Math.log(total) - right);
  }
  return sum;
}

// l = sum of q * (log(sum exp(s)) - s)   dl/ds = sum(q) softmax(s) - q
function shareEntropy(
  scores: Float64Array,
  shares: ArrayLike<number>,
  weights: Float64Array,
  C: number,
): number {
  let sum = 0;
  for (let n = 0; n < weights.length; n++) {
    const start = n * C;
    const weight = weights[n]!;
    const most = largest(scores, start, C);
    let [mass, right] = [0, 0];
    for (let c = start; c < start + C; c++) {
      mass += shares[c]!;
      right += shares[c]! * (scores[c]! - most);
    }
    const total = exponentiate(scores, start, C, most);
    for (let c = start; c < start + C; c++) {
      scores[c] = weight * ((mass * scores[c]!) / total - shares[c]!);
    }
    sum += weight * (mass * Math.log(total) - right);
  }
  return sum;
}

function largest(scores: Float64Array, start: number, C: number): number {
  let most = -Infinity;
  for (let c = start; c < start + C; c++) most = Math.max(most, scores[c]!);
  return most;
}

/** Replaces a row's scores by exp(s - most), and returns their sum. */
function exponentiate(scores: Float64Array, start: number, C: number, most: number): number {
  let total = 0;
  for (let c = start; c < start + C; c++) {
    scores[c] = Math.exp(scores[c]! - most);
    total += scores[c]!;
  }
  return total;
}

// l = log(1 + exp(s)) - y s   dl/ds = sigmoid(s) - y
function logisticLoss(
  scores: Float64Array,
  hits: ArrayLike<number>,
  weights: Float64Array,
  C: number,
): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const weight = weights[Math.floor(i / C)]!;
    const [score, hit] = [scores[i]!, hits[i]!];
    const small = Math.exp(-Math.abs(score));
    sum += weight * (Math.max(score, 0) + Math.log1p(small) - hit * score);
    scores[i] = weight * ((score >= 0 ? 1 : small) / (1 + small) - hit);
  }
  return sum;
}

// l = (s - y)^2 / 2   dl/ds = s - y
function squaredLoss(
  scores: Float64Array,
  values: ArrayLike<number>,
  weights: Float64Array,
  C: number,
): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const weight = weights[Math.floor(i / C)]!;
    const distance = scores[i]! - values[i]!;
    sum += (weight * distance ** 2) / 2;
    scores[i] = weight * distance;
  }
  return sum;
}
