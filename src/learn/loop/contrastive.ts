/**
 * Supervised contrastive loss (Khosla et al., arXiv 2004.11362): rows of one label are drawn together, all
 * others pushed apart. It is computed here, over the features of a whole batch, and only its gradient for
 * each row goes through the encoder, so rows of different length need not share a run (gradient caching,
 * Gao et al., arXiv 2101.06983).
 */

/** The paper's, and SimCLR's: lower ones look at the nearest rows only. */
const TEMPERATURE = 0.1;
/** Keeps the length of a row of zeros above zero. */
const LEAST_LENGTH = 1e-12;

export interface ContrastiveLoss {
  readonly loss: number;
  /** Of the loss for the features. */
  readonly gradient: Float32Array; // [B, H]
}

/**
 * The loss of features [B, H]: minus the sum over pairs of weight * log softmax(cosine / temperature), the
 * softmax over all other rows. `pairs` [B, B] are the weights (pairs.ts).
 */
export function contrastiveLoss(
  features: Float32Array,
  pairs: Float32Array,
  hidden: number,
): ContrastiveLoss {
  const rows = features.length / hidden;
  const { unit, lengths } = unitRows(features, rows, hidden);
  const slopes = new Float64Array(rows * rows); // of the loss for cosine / temperature
  let loss = 0;
  for (let i = 0; i < rows; i++) {
    const own = slopes.subarray(i * rows, (i + 1) * rows);
    let top = -Infinity;
    for (let j = 0; j < rows; j++) {
      if (j === i) continue;
      own[j] = dot(unit, i, j, hidden) / TEMPERATURE;
      top = Math.max(top, own[j]!);
    }
    let sum = 0;
    let weight = 0;
    for (let j = 0; j < rows; j++) {
      if (j === i) continue;
      sum += Math.exp(own[j]! - top);
      weight += pairs[i * rows + j]!;
    }
    const logSum = top + Math.log(sum);
    for (let j = 0; j < rows; j++) {
      if (j === i) continue;
      const pair = pairs[i * rows + j]!;
      if (pair > 0) loss -= pair * (own[j]! - logSum);
      own[j] = weight * Math.exp(own[j]! - logSum) - pair;
    }
  }
  return { loss, gradient: throughUnit(slopes, unit, lengths, hidden) };
}

/** Rows divided by their lengths. */
function unitRows(features: Float32Array, rows: number, hidden: number) {
  const unit = new Float64Array(features.length);
  const lengths = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let squares = LEAST_LENGTH;
    for (let h = 0; h < hidden; h++) squares += features[i * hidden + h]! ** 2;
    lengths[i] = Math.sqrt(squares);
    for (let h = 0; h < hidden; h++) unit[i * hidden + h] = features[i * hidden + h]! / lengths[i]!;
  }
  return { unit, lengths };
}

function dot(unit: Float64Array, i: number, j: number, hidden: number): number {
  let sum = 0;
  for (let h = 0; h < hidden; h++) sum += unit[i * hidden + h]! * unit[j * hidden + h]!;
  return sum;
}

/** Slopes for all pairs' cosines -> the gradient for the rows before they were divided by their length. */
function throughUnit(
  slopes: Float64Array,
  unit: Float64Array,
  lengths: Float64Array,
  hidden: number,
): Float32Array {
  const rows = lengths.length;
  const gradient = new Float32Array(unit.length);
  const own = new Float64Array(hidden);
  for (let i = 0; i < rows; i++) {
    own.fill(0);
    for (let j = 0; j < rows; j++) {
      const slope = (slopes[i * rows + j]! + slopes[j * rows + i]!) / TEMPERATURE;
      for (let h = 0; h < hidden; h++) own[h]! += slope * unit[j * hidden + h]!;
    }
    let along = 0;
    for (let h = 0; h < hidden; h++) along += own[h]! * unit[i * hidden + h]!;
    for (let h = 0; h < hidden; h++) {
      gradient[i * hidden + h] = (own[h]! - along * unit[i * hidden + h]!) / lengths[i]!;
    }
  }
  return gradient;
}
