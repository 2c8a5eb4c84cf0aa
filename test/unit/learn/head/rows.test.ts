/** What heads are fitted on: targets of texts, labelled pieces of sentences. */
import { expect, test } from "vitest";
import type { Feature } from "../../../../src/learn/data/features.ts";
import { taggedPieces, targetsOf } from "../../../../src/learn/head/rows.ts";

const feature = (labels: readonly number[], value?: number): Feature => ({
  ids: new Int32Array(labels.length),
  typeIds: new Int32Array(labels.length),
  labels: Int32Array.from(labels),
  firstPieces: new Int32Array(0),
  ...(value !== undefined && { value }),
});

test("targets are a class, a set of classes or a number", () => {
  const rows = [feature([2], 0.5), feature([0], -1)];
  expect(targetsOf(rows, "single_label_classification", 3)).toEqual({
    kind: "classes",
    labels: [2, 0],
  });
  expect(targetsOf(rows, "regression", 1)).toEqual({ kind: "values", values: [0.5, -1] });
  expect(targetsOf([feature([0, 2]), feature([])], "multi_label_classification", 3)).toEqual({
    kind: "sets",
    hits: Float32Array.from([1, 0, 1, 0, 0, 0]),
  });
});

test("of sentences only pieces with a tag are taken", () => {
  const sentences = [feature([-100, 1, -100]), feature([-100, 0, 2, -100])];
  const states = [
    Float32Array.from([0, 0, 1, 1, 2, 2]),
    Float32Array.from([3, 3, 4, 4, 5, 5, 6, 6]),
  ];
  const { features, targets, textOf } = taggedPieces(sentences, states, 2);
  expect([...features.data]).toEqual([1, 1, 4, 4, 5, 5]);
  expect(targets.labels).toEqual([1, 0, 2]);
  expect([...textOf]).toEqual([0, 1, 1]);
});
