/**
 * How much speaks for each label of each row without the row itself: ridge regression with the row left
 * out, its nearest rows, and the answers of cross-validation where there are any. Where they agree on
 * another label than the row's, that label is in doubt.
 */
import type { ProblemType } from "../../core/model/task.ts";
import type { Example } from "../data/read.ts";
import type { FeatureRows } from "../head/fit-head.ts";
import { leaveOneOut } from "../head/leave-one-out.ts";
import type { Neighbour } from "./neighbours.ts";

/** A label that others say is missing or, of numbers, is far off; and how sure they are, from 0 to 1. */
export interface LabelDoubt {
  readonly row: number;
  readonly label: string;
  /** The nearest rows that have this label, or agree about the number. */
  readonly count: number;
  readonly lead: number;
}

export interface LabelEvidence {
  readonly problemType: ProblemType;
  readonly labels: readonly string[];
  readonly features: FeatureRows;
  readonly nearest: readonly (readonly Neighbour[])[];
  /** Scores [C] of cross-validation, null for rows never held out. */
  readonly answers?: readonly (ArrayLike<number> | null)[] | undefined;
}

/** As C of heads; larger ones follow single rows too closely to say anything about them. */
const INVERSE_L2 = 1;
/** The weight of a neighbour falls by e where its cosine is less by this. */
const TEMPERATURE = 0.1;
/** How far another label must be ahead, of 1. */
const LEAD = 0.45;
/** A label with fewer rows has too few to speak for it. */
const ENOUGH_ROWS = 3;
/** Share of the way from guessing to no mistake that the evidence must come, or it knows nothing. */
const LEAST_SKILL = 0.4;

/** What must speak for a missing label at least, and as a share of what speaks for it where it is given. */
const LEAST_SUPPORT = 0.6;
const USUAL_SHARE = 0.8;

/** Doubts about the labels of rows, in the order of the rows. */
export function labelDoubts(examples: readonly Example[], evidence: LabelEvidence): LabelDoubt[] {
  return evidence.problemType === "regression"
    ? numberDoubts(examples, evidence)
    : nameDoubts(examples, evidence);
}

function nameDoubts(examples: readonly Example[], evidence: LabelEvidence): LabelDoubt[] {
  const { labels, nearest, problemType } = evidence;
  const C = labels.length;
  const idOf = new Map(labels.map((label, id) => [label, id]));
  const truth = new Float64Array(examples.length * C);
  const counts = new Float64Array(C);
  for (const [n, example] of examples.entries()) {
    for (const label of example.labels) {
      const id = idOf.get(label);
      if (id === undefined) continue;
      truth[n * C + id] = 1;
      counts[id]! += 1;
    }
  }
  const support = supportOf(truth, evidence);
  const doubtAt = (row: number, c: number, lead: number): LabelDoubt => ({
    row,
    label: labels[c]!,
    count: nearest[row]!.filter((neighbour) => truth[neighbour.row * C + c] === 1).length,
    lead,
  });
  const rowOf = (values: Float64Array, n: number) => values.subarray(n * C, (n + 1) * C);
  const best = examples.map((_, n) => strongest(rowOf(support, n)));
  if (problemType === "single_label_classification") {
    const own = examples.map((_, n) => rowOf(truth, n).indexOf(1));
    if (skillOf(best, own, counts) < LEAST_SKILL) return [];
    return best.flatMap((c, n) => {
      const at = own[n]!;
      if (at < 0 || c === at || counts[at]! < ENOUGH_ROWS) return [];
      const lead = support[n * C + c]! - support[n * C + at]!;
      return lead >= LEAD ? [doubtAt(n, c, lead)] : [];
    });
  }
  // Where several labels can be true, one is missing where nearly as much speaks for it as in rows that
  // have it.
  const usual = usualSupport(support, truth, counts);
  return examples.flatMap((_, n) => {
    const missing = rowOf(support, n).map((value, c) =>
      truth[n * C + c] === 1 || counts[c]! < ENOUGH_ROWS
        ? 0
        : value - Math.max(LEAST_SUPPORT, USUAL_SHARE * usual[c]!),
    );
    const c = strongest(missing);
    return missing[c]! > 0 ? [doubtAt(n, c, support[n * C + c]!)] : [];
  });
}

/** Mean of all evidence for each label of each row, [N, C]. */
function supportOf(
  truth: Float64Array,
  { labels: { length: C }, features, nearest, answers }: LabelEvidence,
): Float64Array {
  const support = leaveOneOut(features, truth, { numLabels: C, inverseL2: INVERSE_L2 });
  for (const [n, neighbours] of nearest.entries()) {
    const shares = sharesOf(neighbours, truth, C);
    const answer = answers?.[n];
    for (let c = 0; c < C; c++) {
      const sum = support[n * C + c]! + shares[c]!;
      support[n * C + c] = answer ? (sum + answer[c]!) / 3 : sum / 2;
    }
  }
  return support;
}

/** The share of each column among neighbours, nearer ones counting for more. */
function sharesOf(neighbours: readonly Neighbour[], truth: Float64Array, C: number): Float64Array {
  const shares = new Float64Array(C);
  const weights = neighbours.map(({ cosine }) => Math.exp(cosine / TEMPERATURE));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, { row }] of neighbours.entries()) {
    for (let c = 0; c < C; c++) shares[c]! += (weights[i]! / total) * truth[row * C + c]!;
  }
  return shares;
}

/** How much more often the evidence is right than its best guess: 0 as often, 1 always. */
function skillOf(best: readonly number[], own: readonly number[], counts: Float64Array): number {
  const right = best.filter((c, n) => c === own[n]).length / best.length;
  const guess = Math.max(...counts) / best.length;
  return (right - guess) / (1 - guess);
}

/** Mean support of each label in the rows that have it, [C]. */
function usualSupport(support: Float64Array, truth: Float64Array, counts: Float64Array) {
  const C = counts.length;
  const usual = new Float64Array(C);
  for (let i = 0; i < support.length; i++)
    usual[i % C]! += (truth[i]! * support[i]!) / counts[i % C]!;
  return usual;
}

function strongest(row: Float64Array): number {
  let best = 0;
  for (let c = 1; c < row.length; c++) if (row[c]! > row[best]!) best = c;
  return best;
}

/** Robust standard deviations from which a number is in doubt. */
const FAR_OFF = 4;
/** Median distance of a normal distribution, in standard deviations. */
const MEDIAN_DISTANCE = 0.6745;

/** Numbers that are far from what is expected, and on the same side of what all near rows have. */
function numberDoubts(examples: readonly Example[], { features, nearest }: LabelEvidence) {
  const values = Float64Array.from(examples, ({ labels }) => Number(labels[0]));
  const expected = leaveOneOut(features, values, { numLabels: 1, inverseL2: INVERSE_L2 });
  const near = nearest.map((neighbours) => sharesOf(neighbours, values, 1)[0]!);
  const typical = values.map((value, n) => Math.abs(value - expected[n]!)).toSorted();
  const deviation = (typical[Math.floor(typical.length / 2)] ?? 0) / MEDIAN_DISTANCE;
  return examples.flatMap((_, n): LabelDoubt[] => {
    const distances = [values[n]! - expected[n]!, values[n]! - near[n]!];
    const least = Math.min(...distances.map(Math.abs)) / deviation;
    if (!(least >= FAR_OFF) || Math.sign(distances[0]!) !== Math.sign(distances[1]!)) return [];
    const isNear = ({ row }: Neighbour) => Math.abs(values[row]! - near[n]!) <= deviation;
    return [
      {
        row: n,
        label: String(Number(near[n]!.toPrecision(3))),
        count: nearest[n]!.filter(isNear).length,
        lead: 1 - 1 / least,
      },
    ];
  });
}
