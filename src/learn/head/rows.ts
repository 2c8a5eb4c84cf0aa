/**
 * Rows for a head: what the features of examples should be answered with, the labelled words among a
 * text's states, and heads fitted on some of the rows.
 */
import type { ProblemType } from "../../core/model/task.ts";
import type { Feature } from "../data/features.ts";
import { fitHead, headLogits } from "./fit-head.ts";
import type { FeatureRows, HeadOptions } from "./fit-head.ts";
import type { HeadTargets } from "./losses.ts";

/** What whole texts should be answered with; `value` of numbers is scaled as in their features. */
export function targetsOf(
  features: readonly Feature[],
  problemType: ProblemType,
  numLabels: number,
): HeadTargets {
  switch (problemType) {
    case "single_label_classification":
      return { kind: "classes", labels: features.map(({ labels }) => labels[0] ?? -1) };
    case "multi_label_classification": {
      const hits = new Uint8Array(features.length * numLabels);
      for (const [n, { labels }] of features.entries()) {
        for (const label of labels) if (label >= 0) hits[n * numLabels + label] = 1;
      }
      return { kind: "sets", hits };
    }
    case "regression":
      return { kind: "values", values: features.map(({ value }) => value ?? 0) };
    default:
      return problemType satisfies never;
  }
}

/** The pieces that have a tag, of all texts: their states, their tags, and the text of each. */
export interface TaggedPieces {
  readonly features: FeatureRows;
  readonly targets: Extract<HeadTargets, { kind: "classes" }>;
  readonly textOf: Int32Array;
}

/** `states` are those of each text's pieces, [t, H]. */
export function taggedPieces(
  features: readonly Pick<Feature, "labels">[],
  states: readonly Float32Array[],
  hidden: number,
): TaggedPieces {
  const places = features.flatMap(({ labels }, text) =>
    [...labels.keys()].filter((t) => labels[t]! >= 0).map((t) => ({ text, t })),
  );
  const data = new Float32Array(places.length * hidden);
  for (const [n, { text, t }] of places.entries()) {
    data.set(states[text]!.subarray(t * hidden, (t + 1) * hidden), n * hidden);
  }
  return {
    features: { data, hidden },
    targets: {
      kind: "classes",
      labels: places.map(({ text, t }) => features[text]!.labels[t]!),
    },
    textOf: Int32Array.from(places, ({ text }) => text),
  };
}

/** The rows with these numbers, in this order. */
export function pickRows({ data, hidden }: FeatureRows, rows: ArrayLike<number>): FeatureRows {
  const picked = new Float32Array(rows.length * hidden);
  for (let n = 0; n < rows.length; n++) {
    picked.set(data.subarray(rows[n]! * hidden, (rows[n]! + 1) * hidden), n * hidden);
  }
  return { data: picked, hidden };
}

/** What the rows with these numbers should be answered with. */
export function pickTargets(
  targets: HeadTargets,
  rows: readonly number[],
  numLabels: number,
): HeadTargets {
  const each = (values: ArrayLike<number>): number[] =>
    rows.flatMap((row) =>
      Array.from({ length: numLabels }, (_, c) => values[row * numLabels + c]!),
    );
  switch (targets.kind) {
    case "classes":
      return { ...targets, labels: rows.map((row) => targets.labels[row]!) };
    case "sets":
      return { ...targets, hits: each(targets.hits) };
    case "values":
      return { ...targets, values: each(targets.values) };
    default:
      return targets satisfies never;
  }
}

/**
 * Fits heads on some of the rows, which answer others: cross-validation of a head over features that no
 * row has taught (measure/cross-validation.ts).
 */
export const headOnRows =
  (features: FeatureRows, targets: HeadTargets, options: HeadOptions) =>
  (train: readonly number[]): Promise<(rows: readonly number[]) => Float32Array[]> => {
    const head = fitHead(
      pickRows(features, train),
      pickTargets(targets, train, options.numLabels),
      options,
    );
    return Promise.resolve((rows) => headLogits(pickRows(features, rows), head));
  };
