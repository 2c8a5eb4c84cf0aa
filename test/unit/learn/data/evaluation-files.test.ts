/** Several data files: a sample of one, and the score of each. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Base } from "../../../../src/encoder/base.ts";
import { tokenizerOf } from "../../../../src/encoder/loaded-base.ts";
import { taskCard } from "../../../../src/report/task-card.ts";
import type { Example } from "../../../../src/learn/data/read.ts";
import { assess, assessFiles } from "../../../../src/learn/measure/evaluate.ts";
import { prepareTask } from "../../../../src/learn/task/prepare.ts";
import { reportHtml } from "../../../../src/report/page.ts";
import { readTaskSpec } from "../../../../src/learn/task/spec.ts";
import { encodeUtf8 } from "../../../../src/core/text.ts";
import { temporaryFolder } from "../../../support/folders.ts";
import { MOOD } from "../../../support/report-facts.ts";
import { makeTinyBase } from "../../../support/tiny-base.ts";
import { diskSources } from "../../../../scripts/runs/task/data-files.ts";

const ROWS = Array.from({ length: 40 }, (_, i) => `text ${i}\t${i % 2 === 0 ? "even" : "odd"}`);

describe("a data file with max_rows", () => {
  const folder = temporaryFolder("files");
  let base: Base;
  beforeAll(async () => {
    base = await makeTinyBase({ dtype: "fp32", seed: 1 });
    const table = (rows: readonly string[]) => `text\tlabel\n${rows.join("\n")}\n`;
    writeFileSync(join(folder.path, "train.tsv"), table(ROWS));
    writeFileSync(join(folder.path, "dev.tsv"), table(ROWS.slice(0, 4).map((row) => `a ${row}`)));
    writeFileSync(join(folder.path, "long.tsv"), table(ROWS.map((row) => `a long ${row}`)));
  });
  afterAll(() => folder.remove());

  const prepare = (seed: number) => {
    const data = {
      train: { path: "train.tsv", max_rows: 10 },
      eval: ["dev.tsv", { path: "long.tsv", max_rows: 6 }],
    };
    const spec = readTaskSpec(encodeUtf8(JSON.stringify({ seed, data })), "task.json");
    const options = diskSources({ folders: [folder.path], strict: false, note: () => {} });
    return prepareTask(spec, base.manifest, tokenizerOf(base), options);
  };

  it("gives so many of its rows, whatever the seed of the run", async () => {
    const [one, two] = [await prepare(1), await prepare(2)];
    expect(one.train).toHaveLength(10);
    expect(one.train).toEqual(two.train);
    expect(one.evaluation).toEqual(two.evaluation);
  });

  it("is told apart from the others that the task is measured on", async () => {
    const { evaluation, evaluationFiles } = await prepare(0);
    expect(evaluationFiles).toEqual([
      { name: "dev.tsv", rows: 4 },
      { name: "long.tsv", rows: 6 },
    ]);
    expect(evaluation.map(({ text }) => text.startsWith("a long"))).toEqual(
      [4, 6].flatMap((rows, i) => Array.from({ length: rows }, () => i === 1)),
    );
  });
});

describe("the score of each file", () => {
  const decoder = {
    type: "sequence",
    problem_type: "single_label_classification",
    labels: ["no", "yes"],
    temperature: 1,
    thresholds: null,
    other: null,
  } as const;
  // Every answer is "yes": right in 1 of 4 rows, then in 3 of 4.
  const truth = ["yes", "no", "no", "no", "yes", "yes", "yes", "no"];
  const examples: Example[] = truth.map((label) => ({ text: "t", labels: [label], words: [] }));
  const logits = truth.map(() => ({ rows: [Float32Array.of(0, 1)] }));
  const files = [
    { name: "one.tsv", rows: 4 },
    { name: "two.tsv", rows: 4 },
  ];

  it("is that of its own rows, and together they are that of all", () => {
    const scores = assessFiles(decoder, files, examples, logits).map(({ score }) => score.value);
    expect(scores).toEqual([0.25, 0.75]);
    expect(assess(decoder, examples, logits).score.value).toBe(0.5);
  });

  it("stands in the card and in the report, but only where there are several", () => {
    const facts = ["one.tsv", "two.tsv"].map((name, i) => ({
      name,
      rows: 4,
      score: { name: "accuracy", value: 0.25 + i / 2, interval: [0.1, 0.9] as const },
    }));
    const withFiles = (count: number) => ({
      ...MOOD,
      evaluation: { ...MOOD.evaluation!, files: facts.slice(0, count) },
    });
    expect(taskCard(withFiles(2))).toContain("| two.tsv | 4 | 0.750 | 0.100 to 0.900 |");
    expect(reportHtml(withFiles(2))).toContain("two.tsv");
    expect(taskCard(withFiles(1))).not.toContain("one.tsv");
    expect(reportHtml(withFiles(1))).not.toContain("one.tsv");
  });
});
