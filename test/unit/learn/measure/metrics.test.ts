/** Metrics against scikit-learn and seqeval; provenance in test/golden/metrics.json (made_by). */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { findEntities } from "../../../../src/core/model/spans.ts";
import type { Pieces } from "../../../../src/core/tokenizer/tokenizer.ts";
import type { Example } from "../../../../src/learn/data/read.ts";
import { entityReader } from "../../../../src/learn/measure/entities.ts";
import { assess } from "../../../../src/learn/measure/evaluate.ts";
import { metricsOf } from "../../../../src/learn/measure/metrics.ts";
import { keyOf, uniforms } from "../../../../src/learn/random.ts";
import type { LabelScore } from "../../../../src/learn/measure/metrics.ts";

type Table = Record<string, [precision: number, recall: number, f1: number, support: number]>;

const golden = JSON.parse(
  readFileSync(new URL("../../../golden/metrics.json", import.meta.url), "utf8"),
) as {
  entities: {
    name: string;
    truth: string[];
    predicted: string[];
    precision: number;
    recall: number;
    f1: number;
    token_accuracy: number;
    labels: Table;
  }[];
  classes: {
    name: string;
    truth: string;
    predicted: string;
    accuracy: number;
    macro_f1: number;
    matthews: number;
    labels: Table;
  }[];
};

function expectTable(found: readonly LabelScore[], expected: Table): void {
  expect(found.map(({ label }) => label).sort()).toEqual(Object.keys(expected).sort());
  for (const { label, precision, recall, f1, support } of found) {
    const row = expected[label]!;
    expect([precision, recall, f1]).toEqual(row.slice(0, 3).map((x) => expect.closeTo(x, 12)));
    // A label without truth is reported with the support 0 by both.
    expect(support).toBe(row[3]);
  }
}

/** seqeval calls the type of a tag without one "_"; the endpoint answers the tag itself. */
const UNTYPED = "_";

describe("entity metrics equal seqeval's", () => {
  test.each(golden.entities)("$name", (golden) => {
    const split = (rows: string[]): string[][] => rows.map((row) => row.split(" "));
    const [truth, predicted] = [split(golden.truth), split(golden.predicted)];
    const labels = [...new Set([...truth, ...predicted].flat())];
    const found = metricsOf({ kind: "token", labels, truth, predicted });
    expect(found).toMatchObject({
      token_accuracy: expect.closeTo(golden.token_accuracy, 12) as number,
    });
    if (labels.includes("I")) {
      const { [UNTYPED]: _, ...typed } = golden.labels;
      const known = found.labels.filter(({ label }) => label in typed);
      return expectTable(known, typed);
    }
    for (const name of ["precision", "recall", "f1"] as const) {
      expect((found as unknown as typeof golden)[name], name).toBeCloseTo(golden[name], 12);
    }
    expectTable(found.labels, golden.labels);
  });
});

describe("class metrics equal scikit-learn's", () => {
  test.each(golden.classes)("$name", (golden) => {
    const [truth, predicted] = [golden.truth.split(" "), golden.predicted.split(" ")];
    const found = metricsOf({ kind: "class", truth, predicted });
    for (const name of ["accuracy", "macro_f1", "matthews"] as const) {
      expect((found as unknown as typeof golden)[name], name).toBeCloseTo(golden[name], 12);
    }
    expectTable(found.labels, golden.labels);
  });
});

test("an I- after another type begins an entity, as conlleval reads it", () => {
  const entitiesOf = entityReader(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]);
  expect(entitiesOf(["B-PER", "I-LOC", "I-LOC", "O", "I-PER"])).toEqual([
    ["PER", 0, 0],
    ["LOC", 1, 2],
    ["PER", 4, 4],
  ]);
});

test("no rows give zeros and not NaN", () => {
  expect(metricsOf({ kind: "class", truth: [], predicted: [] })).toMatchObject({
    accuracy: 0,
    macro_f1: 0,
    matthews: 0,
    rows: 0,
  });
  expect(metricsOf({ kind: "token", labels: [], truth: [], predicted: [] })).toMatchObject({
    f1: 0,
    token_accuracy: 0,
    rows: 0,
  });
});

describe("entities are measured as the endpoint answers them", () => {
  const SETS: Readonly<Record<string, readonly string[]>> = {
    "IO, with names that begin like positions": ["O", "PER", "ORG", "EVENT", "SPORT", "INN"],
    IOB1: ["O", "I-PER", "I-LOC", "B-PER", "B-LOC"],
    IOB2: ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    BIOES: ["O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y"],
    BILOU: ["O", "B-X", "I-X", "L-X", "U-X", "B-Y", "I-Y", "L-Y", "U-Y"],
    "bare positions": ["O", "B", "I"],
    "positions with another sign": ["O", "B_PER", "I_PER", "B_LOC", "I_LOC"],
    "a name among positions": ["O", "B-PER", "I-PER", "MISC"],
    "names with hyphens": ["O", "E-MAIL", "S-BAHN", "I-95"],
  };
  const WORDS = 9;

  /** Sentences of one-letter words, the tags of each drawn with `seed`. */
  const tagsOf = (labels: readonly string[], seed: number): number[][] => {
    const random = uniforms(keyOf(seed));
    const draw = (): number => Math.floor(random() * labels.length);
    return Array.from({ length: 40 }, () => Array.from({ length: WORDS }, draw));
  };

  /** What the endpoint answers when these tags are the likeliest. */
  const served = (labels: readonly string[], tags: readonly number[]): string[] => {
    const pieces = {
      starts: Int32Array.from({ length: WORDS }, (_, i) => 2 * i),
      ends: Int32Array.from({ length: WORDS }, (_, i) => 2 * i + 1),
      wordIds: Int32Array.from({ length: WORDS }, (_, i) => i),
    };
    const text = Array<string>(WORDS).fill("w").join(" ");
    const logits = tags.map((tag) => labels.map((_, c) => (c === tag ? 5 : 0)));
    const rows = logits.map((row) => Float32Array.from(row));
    return findEntities(text, pieces as Pieces, rows, { labels, temperature: 1 }).map(
      (entity) =>
        `${"entity_group" in entity ? entity.entity_group : ""} ${entity.start} ${entity.end}`,
    );
  };

  test.each(Object.entries(SETS))("%s", (_, labels) => {
    const [truth, predicted] = [tagsOf(labels, 3), tagsOf(labels, 5)];
    const examples: Example[] = truth.map((tags) => ({
      text: "",
      labels: tags.map((tag) => labels[tag]!),
      words: [],
    }));
    const logits = predicted.map((tags) => ({
      rows: tags.map((tag) => Float32Array.from(labels, (_, c) => (c === tag ? 5 : 0))),
    }));
    const decoder = {
      type: "token",
      problem_type: "single_label_classification",
      labels,
      temperature: 1,
      thresholds: null,
      other: null,
    } as const;
    let [correct, all] = [0, 0];
    for (const [row, tags] of truth.entries()) {
      const [is, says] = [served(labels, tags), served(labels, predicted[row]!)];
      correct += is.filter((entity) => says.includes(entity)).length;
      all += is.length + says.length;
    }
    expect(correct).toBeGreaterThan(0);
    const { score } = assess(decoder, examples, logits);
    expect(score.value).toBeCloseTo((2 * correct) / all, 12);
    expect(score.low).toBeLessThanOrEqual(score.value);
    expect(score.high).toBeGreaterThanOrEqual(score.value);
  });
});

test("a label that a row names twice counts once, in the score and in its interval", () => {
  const decoder = {
    type: "sequence",
    problem_type: "multi_label_classification",
    labels: ["a", "b"],
    temperature: 1,
    thresholds: null,
    other: null,
  } as const;
  const examples = Array.from({ length: 20 }, (_, i): Example => ({
    text: `${i}`,
    labels: i % 4 === 0 ? ["b"] : ["a", "a", "a"],
    words: [],
  }));
  const logits = examples.map(() => ({ rows: [Float32Array.of(3, -3)] }));
  const { score } = assess(decoder, examples, logits);
  expect(score.value).toBe(0.75);
  expect(score.high).toBeGreaterThan(0.75);
  expect(score.high).toBeLessThanOrEqual(1);
  expect(score.low).toBeLessThan(0.75);
});
