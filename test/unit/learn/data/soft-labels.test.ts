/** Rows with a score for each label in place of one label. Expected values by hand. */
import { describe, expect, it } from "vitest";
import { labelMapOf, labelsOf, problemTypeOf } from "../../../../src/learn/data/labels.ts";
import { parseData } from "../../../../src/learn/data/read.ts";
import type { DataOptions } from "../../../../src/learn/data/read.ts";

const jsonl = (...labels: string[]): string =>
  labels.map((label, i) => `{"text": "text ${i}", "label": ${label}}`).join("\n");
const read = (text: string, options: DataOptions = {}) =>
  parseData(text, "d.jsonl", { strict: true, ...options }).examples;
const softly = (text: string, options?: DataOptions) =>
  read(text, options).map(({ labels, shares }) => ({ labels, shares }));

describe("a score for each label", () => {
  it.each([
    ["an object", '{"a": 0.25, "b": 0.75}'],
    ["as pipelines answer", '[{"label": "a", "score": 0.25}, {"label": "b", "score": 0.75}]'],
    ["scores of another sum", '{"a": 1, "b": 3}'],
  ])("is read as shares, the largest as the label: %s", (_name, label) => {
    const shares = [
      ["a", 0.25],
      ["b", 0.75],
    ];
    expect(softly(jsonl(label))).toEqual([{ labels: ["b"], shares }]);
  });

  it("stands beside rows with one label, and all labels are found", () => {
    const examples = read(jsonl('{"a": 0.9, "c": 0.1}', '"b"'));
    expect(examples.map(({ labels }) => labels)).toEqual([["a"], ["b"]]);
    expect(examples[1]).not.toHaveProperty("shares");
    expect(labelsOf(examples, "sequence")).toEqual(["a", "b", "c"]);
    expect(problemTypeOf(examples, "sequence")).toBe("single_label_classification");
  });

  it("follows a label map: labels of one name are added up, others dropped", () => {
    const labelMap = { "0": "x", "1": "x", "2": "y", "3": null };
    const [row] = softly(jsonl('{"0": 1, "1": 1, "2": 2, "3": 9}'), { labelMap });
    expect(row?.shares).toEqual([
      ["x", 0.5],
      ["y", 0.5],
    ]);
    expect(row?.labels).toEqual(["x"]);
    const [kept] = softly(jsonl('{"3": 1}', '"0"'), { labelMap });
    expect(kept?.labels).toEqual(["x"]);
  });

  it("is no list of places", () => {
    const options = { labelMap: labelMapOf(["n", "p"]) };
    expect(read(jsonl('{"0": 0, "1": 1}', '"0"'), options).map(({ labels }) => labels)).toEqual([
      ["p"],
      ["n"],
    ]);
  });

  it.each([
    ["a negative score", '{"a": -0.1, "b": 1}', /"a" is -0.1; expected scores from 0/],
    ["no score above 0", '{"a": 0, "b": 0}', /all labels are 0/],
    ["a score that is too large", '{"a": 1e999, "b": 1}', /"a" is not finite/],
    ["a score in quotes", '{"a": "0.1", "b": 1}', /"a" is .*expected a number/],
    ["no label", "{}", /no label/],
    ["an empty name", '{"": 1}', /the label is empty/],
  ])("is refused with its line: %s", (_name, label, message) => {
    const refused = () => read(jsonl('"a"', label));
    expect(refused).toThrow(expect.objectContaining({ code: "data-row-invalid" }));
    expect(refused).toThrow(message);
    expect(refused).toThrow(/^d\.jsonl:2: /);
  });

  it("holds from a half on where several labels may hold", () => {
    const options = { problemType: "multi_label_classification" } as const;
    const text = jsonl('{"a": 0.9, "b": 0.5, "c": 0.1}', '{"a": 0, "b": 0}', '["c"]');
    expect(softly(text, options)).toEqual([
      {
        labels: ["a", "b"],
        shares: [
          ["a", 0.9],
          ["b", 0.5],
          ["c", 0.1],
        ],
      },
      {
        labels: [],
        shares: [
          ["a", 0],
          ["b", 0],
        ],
      },
      { labels: ["c"] },
    ]);
    expect(() => read(jsonl('{"a": 1.5}'), options)).toThrow(/"a" is 1.5; expected at most 1/);
  });

  it("is the largest of one name where several labels may hold", () => {
    const labelMap = { "0": "x", "1": "x", "2": "y" };
    const options = { problemType: "multi_label_classification", labelMap } as const;
    // Neither is likely; together they would hold, and two sure ones would be refused as above 1.
    expect(
      softly(jsonl('{"0": 0.3, "1": 0.4, "2": 0.9}', '{"0": 1, "1": 1, "2": 0}'), options),
    ).toEqual([
      {
        labels: ["y"],
        shares: [
          ["x", 0.4],
          ["y", 0.9],
        ],
      },
      {
        labels: ["x"],
        shares: [
          ["x", 1],
          ["y", 0],
        ],
      },
    ]);
  });

  it("is refused where numbers are expected", () => {
    expect(() => read(jsonl('{"a": 1}'), { problemType: "regression" })).toThrow(
      /expected one number/,
    );
  });
});
