/**
 * Rows for a head: what the features of examples should be answered with, and the labelled pieces among
 * a text's states.
 */
import type { ProblemType } from "../../core/model/task.ts";
import type { Feature } from "../data/features.ts";
import type { FeatureRows } from "./fit-head.ts";
import type { HeadTargets } from "./losses.ts";

/** What whole texts should be answered with; `value` of numbers is scaled as in their features. */
export function targetsOf(
  features: readonly Feature[],
  problemType: ProblemType,
  numLabels: number,
): HeadTargets {
  switch (problemType) {
    case "single_label_classification":
      if (features.some(({ shares }) => shares)) {
        const shares = new Float32Array(features.length * numLabels);
        for (const [n, feature] of features.entries()) {
          const label = feature.labels[0] ?? -1;
          if (feature.shares) shares.set(feature.shares, n * numLabels);
          else if (label >= 0) shares[n * numLabels + label] = 1;
        }
        return { kind: "shares", shares };
      }
      return { kind: "classes", labels: features.map(({ labels }) => labels[0] ?? -1) };
    case "multi_label_classification": {
      const hits = new Float32Array(features.length * numLabels);
      for (const [n, { labels, shares }] of features.entries()) {
        if (shares) hits.set(shares, n * numLabels);
        else for (const label of labels) if (label >= 0) hits[n * numLabels + label] = 1;
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
