/**
 * Scores that can be read as probabilities. A trained model is often too sure, or not sure enough;
 * dividing its logits by one number, the temperature, corrects that without changing any answer (Guo et al.,
 * arXiv 1706.04599). Where several labels can be true, each also gets the threshold that suits it.
 */
import { scoresOf } from "../../core/model/decode.ts";

/** One judged decision: logits [C], and the index of the true class or which of the labels are true. */
export interface Case {
  readonly logits: Float32Array; // [C]
  readonly truth: number | readonly boolean[];
}

export interface ReliabilityBin {
  /** The bin covers confidences above `low`, up to `high`. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean confidence and share of right answers within the bin; 0 when it is empty. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Reliability {
  /** Expected calibration error: mean |accuracy - confidence| over the bins, weighted by count. */
  readonly ece: number;
  readonly bins: readonly ReliabilityBin[];
}

/** Bins of equal width, as in Guo et al. */
const BINS = 15;
/** A temperature outside is a sign of another fault. */
const RANGE = [0.1, 10] as const;
/**
 * Few mistakes are no basis for a temperature below 1: the fewer there are, the lower the best
 * temperature, down to 0 for none at all. Then scores are not made more extreme.
 */
const ENOUGH_MISTAKES = 10;
/** Fewer decisions are no basis for a temperature or a bias. */
export const ENOUGH_CASES = 30;

/**
 * The temperature with the smallest mean negative log likelihood, to four digits; 1 for fewer than 30
 * cases.
 * Both likelihoods are convex in 1 / temperature, so halving the range on the slope's sign finds it.
 */
export function fitTemperature(cases: readonly Case[]): number {
  if (cases.length < ENOUGH_CASES) return 1;
  let [low, high] = [Math.log(RANGE[0]), Math.log(RANGE[1])];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (slope(cases, Math.exp(middle)) > 0) low = middle;
    else high = middle;
  }
  const best = Number(Math.exp((low + high) / 2).toPrecision(4));
  return best < 1 && countMistakes(cases) < ENOUGH_MISTAKES ? 1 : best;
}

/** Deviation that is expected of class biases before any case was seen: rare classes stay near 0. */
const BIAS_DEVIATION = 1;
const BIAS_ROUNDS = 100;
const BIAS_PRECISION = 1e-3;
/** A share of a step below which no better one is looked for. */
const LEAST_STEP = 2 ** -30;

/**
 * What to add to each class's logit so that classes are answered as often as they are true in these
 * cases: the bias of bias-corrected temperature scaling (Alexandari et al., arXiv 1901.06852), [C] on the
 * scale of the logits. Classes may have had other shares in the training rows. Zeros for fewer than 30
 * cases.
 *
 * The most probable biases under a normal prior, by Newton steps on the diagonal. A step is halved until
 * it goes down: where a class is confidently missed, the diagonal is next to nothing and a full step
 * would overshoot by far. The result is never worse than zeros.
 */
export function fitBiases(
  cases: readonly { readonly logits: Float32Array; readonly truth: number }[],
): Float32Array {
  const C = cases[0]?.logits.length ?? 0;
  if (cases.length < ENOUGH_CASES) return new Float32Array(C);
  const temperature = fitTemperature(cases);
  // Some hundred passes over every word of the evaluation rows: one flat array, nothing made on the way.
  const scaled = new Float64Array(cases.length * C);
  const counts = new Float64Array(C);
  for (const [i, { logits, truth }] of cases.entries()) {
    for (let c = 0; c < C; c++) scaled[i * C + c] = logits[c]! / temperature;
    counts[truth]! += 1;
  }
  const precision = 1 / BIAS_DEVIATION ** 2;
  let biases = new Float64Array(C);
  let state = shareState(scaled, biases);
  const costOf = ({ logTotal }: ShareState, at: Float64Array): number =>
    logTotal - at.reduce((sum, bias, c) => sum + (counts[c]! - (precision * bias) / 2) * bias, 0);
  let cost = costOf(state, biases);
  for (let round = 0; round < BIAS_ROUNDS; round++) {
    const { sums, diagonal } = state;
    const steps = biases.map(
      (bias, c) => (sums[c]! - counts[c]! + precision * bias) / (diagonal[c]! + precision),
    );
    if (steps.every((step) => Math.abs(step) < BIAS_PRECISION)) break;
    let isBetter = false;
    for (let share = 1; !isBetter && share > LEAST_STEP; share /= 2) {
      const tried = biases.map((bias, c) => bias - share * steps[c]!);
      const found = shareState(scaled, tried);
      const next = costOf(found, tried);
      isBetter = next < cost;
      if (isBetter) [biases, state, cost] = [tried, found, next];
    }
    if (!isBetter) break;
  }
  return Float32Array.from(biases, (bias) => bias * temperature);
}

/** Sums of the softmax of all rows under some biases. */
interface ShareState {
  /** How often each class is expected, [C]. */
  readonly sums: Float64Array;
  /** Diagonal of the Hessian of `logTotal`, [C]. */
  readonly diagonal: Float64Array;
  /** Sum over the rows of the logarithm of the softmax's denominator. */
  readonly logTotal: number;
}

function shareState(rows: Float64Array, biases: Float64Array): ShareState {
  const C = biases.length;
  const [sums, diagonal, exps] = [new Float64Array(C), new Float64Array(C), new Float64Array(C)];
  let logTotal = 0;
  for (let start = 0; start < rows.length; start += C) {
    let most = -Infinity;
    for (let c = 0; c < C; c++) most = Math.max(most, rows[start + c]! + biases[c]!);
    let total = 0;
    for (let c = 0; c < C; c++) {
      exps[c] = Math.exp(rows[start + c]! + biases[c]! - most);
      total += exps[c]!;
    }
    logTotal += most + Math.log(total);
    for (let c = 0; c < C; c++) {
      const share = exps[c]! / total;
      sums[c]! += share;
      diagonal[c]! += share * (1 - share);
    }
  }
  return { sums, diagonal, logTotal };
}

/** Slope of the negative log likelihood in 1 / temperature: sum of (probability - truth) x logit. */
function slope(cases: readonly Case[], temperature: number): number {
  let sum = 0;
  for (const { logits, truth } of cases) {
    if (typeof truth === "number") {
      sum += expectedLogit(logits, temperature) - logits[truth]!;
      continue;
    }
    const scores = scoresOf(logits, "sigmoid", temperature);
    for (let c = 0; c < logits.length; c++) {
      sum += (scores[c]! - (truth[c] === true ? 1 : 0)) * logits[c]!;
    }
  }
  return sum;
}

/** Mean of the logits, weighted by their softmax; without an array, since it runs millions of times. */
function expectedLogit(logits: Float32Array, temperature: number): number {
  let most = -Infinity;
  for (let c = 0; c < logits.length; c++) most = Math.max(most, logits[c]!);
  let [total, weighted] = [0, 0];
  for (let c = 0; c < logits.length; c++) {
    const share = Math.exp((logits[c]! - most) / temperature);
    total += share;
    weighted += share * logits[c]!;
  }
  return weighted / total;
}

function countMistakes(cases: readonly Case[]): number {
  let mistakes = 0;
  for (const { logits, truth } of cases) {
    if (typeof truth !== "number") {
      mistakes += truth.filter((isTrue, c) => logits[c]! > 0 !== isTrue).length;
    } else if (logits.some((value) => value > logits[truth]!)) mistakes += 1;
  }
  return mistakes;
}

/**
 * Confidence against truth: of the answer where one class is true, of every label's yes where
 * several can be.
 */
export function reliabilityOf(cases: readonly Case[], temperature: number): Reliability {
  const bins = Array.from({ length: BINS }, () => ({ count: 0, confidence: 0, right: 0 }));
  const add = (confidence: number, isRight: boolean): void => {
    const bin = bins[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))]!;
    bin.count += 1;
    bin.confidence += confidence;
    bin.right += isRight ? 1 : 0;
  };
  for (const { logits, truth } of cases) {
    const scores = scoresOf(logits, typeof truth === "number" ? "softmax" : "sigmoid", temperature);
    if (typeof truth === "number") {
      const confidence = Math.max(...scores);
      add(confidence, scores.indexOf(confidence) === truth);
    } else truth.forEach((isTrue, c) => add(scores[c]!, isTrue));
  }
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const off = bins.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0);
  return {
    ece: total === 0 ? 0 : off / total,
    bins: bins.map(({ count, confidence, right }, i) => ({
      low: i / BINS,
      high: (i + 1) / BINS,
      count,
      confidence: confidence / Math.max(1, count),
      accuracy: right / Math.max(1, count),
    })),
  };
}

/** A label seen less often keeps 0.5: a threshold from a handful of rows is a guess. */
const ENOUGH_ROWS = 5;

/**
 * For each label the threshold with the best F1 of "score >= threshold", half-way between two
 * scores that occur; of equally good ones the nearest to 0.5.
 */
export function fitThresholds(
  cases: readonly { readonly logits: Float32Array; readonly truth: readonly boolean[] }[],
  labels: number,
  temperature: number,
): number[] {
  const scores = cases.map(({ logits }) => scoresOf(logits, "sigmoid", temperature));
  return Array.from({ length: labels }, (_, c) =>
    bestThreshold(cases.map(({ truth }, row) => [scores[row]![c]!, truth[c] === true])),
  );
}

function bestThreshold(rows: (readonly [score: number, isTrue: boolean])[]): number {
  const all = rows.filter(([, isTrue]) => isTrue).length;
  if (all < ENOUGH_ROWS) return 0.5;
  rows.sort(([a], [b]) => b - a);
  let best = { f1: f1At(rows, all, 0.5), threshold: 0.5 };
  let right = 0;
  for (const [i, [score, isTrue]] of rows.entries()) {
    right += isTrue ? 1 : 0;
    const next = rows[i + 1]?.[0] ?? 0;
    if (next === score) continue;
    const threshold = (score + next) / 2;
    const f1 = (2 * right) / (all + i + 1);
    const isNearer = Math.abs(threshold - 0.5) < Math.abs(best.threshold - 0.5);
    if (f1 > best.f1 || (f1 === best.f1 && isNearer)) best = { f1, threshold };
  }
  return best.threshold;
}

function f1At(rows: readonly (readonly [number, boolean])[], all: number, at: number): number {
  const said = rows.filter(([score]) => score >= at);
  return (2 * said.filter(([, isTrue]) => isTrue).length) / (all + said.length);
}
