/** From the logits of evaluation rows to the facts of a report. */
import { describe, expect, test } from "vitest";
import type { Example } from "../../../src/learn/data/read.ts";
import { histogramOf } from "../../../src/learn/measure/data-summary.ts";
import type { DataSummary } from "../../../src/learn/measure/data-summary.ts";
import { intervalsOf, metricsOf } from "../../../src/learn/measure/metrics.ts";
import type { Decisions, Decoder, JudgedLogits } from "../../../src/learn/measure/decisions.ts";
import { assess } from "../../../src/learn/measure/evaluate.ts";
import { keyOf } from "../../../src/learn/random.ts";
import { dataFacts } from "../../../src/report/task-facts.ts";
import { recordCourse } from "../../../src/learn/loop/course.ts";
import { wrongRuns } from "../../../src/report/error-sections.ts";
import {
  confusionCells,
  entityOutcomes,
  evaluationFacts,
} from "../../../src/report/evaluation-facts.ts";

const DECODER: Decoder = {
  type: "sequence",
  problem_type: "single_label_classification",
  labels: ["bad", "good"],
  temperature: 2,
  thresholds: null,
  other: null,
};
const text = (content: string, ...labels: string[]): Example => ({
  text: content,
  labels,
  words: [],
});
const row = (...values: number[]) => ({ rows: [Float32Array.of(...values)] });

/** What the report says of `examples` with these logits. */
const factsOf = (
  decoder: Decoder,
  examples: readonly Example[],
  logits: JudgedLogits,
  hasTexts = true,
) =>
  evaluationFacts(decoder, {
    name: "held-out.csv",
    runtime: "int8, onnxruntime-web",
    examples,
    logits,
    evaluation: assess(decoder, examples, logits),
    hasTexts,
  });

describe("one label a text", () => {
  const examples = [text("a", "bad"), text("b", "good"), text("c", "good"), text("d", "other")];
  const logits = [row(2, 0), row(4, 0), row(6, 0), row(0, 8)];
  const facts = factsOf(DECODER, examples, logits);

  test("is counted by truth and answer", () => {
    expect(facts.confusion).toEqual([
      { truth: "bad", answer: "bad", count: 1 },
      { truth: "good", answer: "bad", count: 2 },
      { truth: "other", answer: "good", count: 1 },
    ]);
    expect(confusionCells(["a", "a"], ["a", "a"])).toEqual([{ truth: "a", answer: "a", count: 2 }]);
  });

  test("has the surest wrong answer first, and none whose truth the task cannot give", () => {
    expect(facts.hardest!.map((example) => example.text)).toEqual(["c", "b"]);
    const [first] = facts.hardest!;
    // By hand: softmax of [6, 0] / 2 is 1 / (1 + e^-3) = 0.952574, and -log(1 - that) = 3.048587.
    expect(first!.score).toBeCloseTo(0.952574, 5);
    expect(first!.loss).toBeCloseTo(3.048587, 5);
    expect(first).toMatchObject({ truth: ["good"], answer: ["bad"] });
  });

  test("shows no text when it may not", () => {
    expect(factsOf(DECODER, examples, logits, false).hardest).toBeUndefined();
  });

  test("is compared before and after the temperature", () => {
    const { temperature, before, after } = facts.calibration!;
    expect(temperature).toBe(2);
    // By hand, of the three rows whose truth the task knows; no two right and wrong share a bin:
    // (1 - 0.880797 + 0.982014 + 0.997527) / 3, and (1 - 0.731059 + 0.880797 + 0.952574) / 3.
    expect(before.ece).toBeCloseTo(0.699581, 5);
    expect(after.ece).toBeCloseTo(0.700771, 5);
  });

  test("has an interval around every metric, that of the score being the score's own", () => {
    const { score } = assess(DECODER, examples, logits);
    const accuracy = facts.metrics.find(({ name }) => name === "accuracy")!;
    expect(accuracy).toEqual({
      name: "accuracy",
      value: 0.25,
      interval: [score.low, score.high],
      isScore: true,
    });
    expect(facts.metrics.map(({ name }) => name)).toEqual(["accuracy", "macro_f1", "matthews"]);
    for (const { value, interval } of facts.metrics) {
      expect(interval![0]).toBeLessThanOrEqual(value);
      expect(interval![1]).toBeGreaterThanOrEqual(value);
    }
  });
});

describe("several labels a text", () => {
  test("are hard by all decisions together", () => {
    const decoder: Decoder = {
      ...DECODER,
      problem_type: "multi_label_classification",
      temperature: 1,
    };
    const examples = [text("a", "bad", "good"), text("b", "bad"), text("c")];
    const facts = factsOf(decoder, examples, [row(1, -2), row(3, -3), row(0.5, -1)]);
    // By hand: -log sigmoid(1) - log sigmoid(-2) = 0.313262 + 2.126928.
    expect(facts.hardest![0]).toMatchObject({ text: "a", answer: ["bad"] });
    expect(facts.hardest![0]!.loss).toBeCloseTo(2.44019, 4);
    expect(facts.hardest!.map((example) => example.text)).toEqual(["a", "c"]);
    expect(facts.confusion).toBeUndefined();
  });
});

describe("numbers", () => {
  test("are shown as points, the furthest off first", () => {
    const decoder: Decoder = { ...DECODER, problem_type: "regression", labels: ["score"] };
    const examples = [text("a", "1"), text("b", "2"), text("c", "3")];
    const facts = factsOf(decoder, examples, [row(1), row(4), row(2.5)]);
    expect(facts.regression).toEqual([
      { truth: 1, answer: 1 },
      { truth: 2, answer: 4 },
      { truth: 3, answer: 2.5 },
    ]);
    expect(facts.hardest![0]).toMatchObject({ text: "b", loss: 4 });
    expect(facts.calibration).toBeUndefined();
  });
});

describe("tags", () => {
  test("say what became of each entity", () => {
    const truth = ["B-PER", "I-PER", "O", "B-LOC", "O", "B-LOC", "O", "B-ORG", "O", "O"];
    const answer = ["B-PER", "O", "O", "B-PER", "O", "B-LOC", "O", "O", "O", "B-ORG"];
    const labels = ["PER", "LOC", "ORG"].flatMap((type) => [`B-${type}`, `I-${type}`]);
    expect(entityOutcomes({ labels, truth: [truth], predicted: [answer] })).toEqual({
      correct: 1,
      wrongType: 1,
      wrongEnds: 1,
      wrongBoth: 0,
      missed: 1,
      spurious: 1,
    });
    const overlapping = { labels, truth: [["B-PER", "I-PER"]], predicted: [["O", "B-LOC"]] };
    expect(entityOutcomes(overlapping)).toMatchObject({ wrongBoth: 1 });
  });

  test("that are wrong in the same way side by side are one mistake", () => {
    const truth = ["B-work", "I-work", "B-work", "O", "B-PER", "I-PER"];
    const answer = ["O", "O", "O", "O", "B-PER", "B-PER"];
    expect(wrongRuns(truth, answer)).toEqual([
      { first: 0, last: 1, truth: "work", answer: "O" },
      { first: 2, last: 2, truth: "work", answer: "O" },
      { first: 5, last: 5, truth: "I-PER", answer: "B-PER" },
    ]);
  });

  test("are hard by the words together; a word without a piece adds nothing", () => {
    const decoder: Decoder = { ...DECODER, type: "token", labels: ["O", "B-X"], temperature: 1 };
    const words = [
      { start: 0, end: 1 },
      { start: 2, end: 3 },
      { start: 4, end: 5 },
    ];
    const examples = [{ text: "a b c", labels: ["B-X", "O", "B-X"], words }];
    const logits = [{ rows: [Float32Array.of(1, 0), Float32Array.of(2, 0), null] }];
    const [hardest] = factsOf(decoder, examples, logits).hardest!;
    expect(hardest).toMatchObject({ truth: ["B-X", "O", "B-X"], answer: ["O", "O", "O"], words });
    // By hand: log(1 + e^1) + log(1 + e^-2) = 1.313262 + 0.126928.
    expect(hardest!.loss).toBeCloseTo(1.44019, 4);
  });
});

describe("intervals", () => {
  const pick = (names: readonly string[], seed: number): string[] =>
    Array.from({ length: 60 }, (_, i) => names[(i * i + seed * i + (i >> 2)) % names.length]!);
  const [truth, predicted] = [pick(["a", "b", "c"], 1), pick(["a", "b", "c", "d"], 2)];
  const tags = (seed: number) =>
    Array.from({ length: 12 }, (_, i) => pick(["O", "B-X", "I-X", "B-Y", "O"], seed + i));
  const sets = (seed: number) =>
    truth.map((_, i) => ["a", "b", "c"].filter((_, c) => (i * (c + seed)) % 5 < 2));
  const all: Exclude<Decisions, { kind: "regression" }>[] = [
    { kind: "class", truth, predicted },
    { kind: "multi-label", labels: ["a", "b", "c", "never"], truth: sets(1), predicted: sets(3) },
    { kind: "token", labels: ["O", "B-X", "I-X", "B-Y"], truth: tags(1), predicted: tags(2) },
  ];

  test.each(all)("surround every metric of $kind decisions", (decisions) => {
    const { rows: _, ...metrics } = metricsOf(decisions) as unknown as Record<string, number>;
    const numbers = Object.entries(metrics).filter(([, value]) => typeof value === "number");
    const intervals = intervalsOf(decisions, keyOf(0));
    expect(Object.keys(intervals)).toEqual(numbers.map(([name]) => name));
    for (const [name, value] of numbers) {
      expect(intervals[name]!.low, name).toBeLessThan(value);
      expect(intervals[name]!.high, name).toBeGreaterThan(value);
    }
  });
});

describe("the data", () => {
  const summary: DataSummary = {
    files: [{ name: "train.csv", use: "train", rows: 10, badRows: 0 }],
    balance: [
      { label: "a", train: 9, eval: 1 },
      { label: "b", train: 1, eval: 0 },
      { label: "c", train: 0, eval: 2 },
    ],
    lengths: {
      train: { width: 4, counts: [10], median: 2, p95: 3, max: 3 },
      eval: { width: 4, counts: [3], median: 2, p95: 3, max: 3 },
    },
    cutShare: 0,
    duplicates: { inEvaluation: 0, withinTrain: 0, conflicting: 0 },
  };
  const origin = { source: null, licence: null, language: null };

  test("tells of labels that were not learned, or not measured", () => {
    expect(dataFacts(summary, origin, 128).notes).toEqual([
      "Without training rows: c.",
      "Without evaluation rows, so nothing is known of how good they are: b.",
    ]);
  });

  test("says nothing of evaluation rows where none were set aside, since every row was held out", () => {
    const balance = summary.balance.map((row) => ({ ...row, eval: 0 }));
    const lengths = { ...summary.lengths, eval: histogramOf([]) };
    const found = dataFacts({ ...summary, lengths, balance }, origin, 128);
    expect(found.notes).toEqual(["Without training rows: c."]);
    expect(found.lengths).toEqual({ train: summary.lengths.train });
  });

  test("tells of rows that were left out, repeated or cut", () => {
    const duplicates = { inEvaluation: 1, withinTrain: 20, conflicting: 2 };
    const { notes } = dataFacts(
      { ...summary, balance: [], cutShare: 0.25, duplicates },
      origin,
      128,
    );
    expect(notes).toEqual([
      "1 training row left out: its text is an evaluation text.",
      "20 training rows repeat an earlier text; 2 texts have rows that disagree about the label.",
      "25\u00a0% of the training rows are longer than 128 tokens: training sees their beginning, serving reads all of it in windows.",
    ]);
  });
});

test("the course of a run has every loss, from the first step it saw", () => {
  let time = 100;
  const course = recordCourse(() => (time += 10));
  for (const [step, loss] of [[7, 3], [8, 2]] as const) course.onStep({ step, loss }); // prettier-ignore
  expect(course.read()).toEqual({ firstStep: 7, losses: [3, 2], ms: 20 });
});
