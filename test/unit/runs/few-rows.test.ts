/** Few rows: what is chosen, that all of them train, and how the task is measured all the same. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openBase } from "../../../scripts/base/open-base.ts";
import { tokenizerOf } from "../../../src/encoder/loaded-base.ts";
import { dataLines, settingsLines } from "../../../scripts/cli/data-lines.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { prepareTask } from "../../../src/learn/task/prepare.ts";
import { chooseRecipe } from "../../../src/learn/task/recipe.ts";
import type { RecipeShape } from "../../../src/learn/task/recipe.ts";
import { EMPTY_SPEC, readTaskSpec } from "../../../src/learn/task/spec.ts";
import { trainTask } from "../../../src/learn/task/train-task.ts";
import type { RunOptions, RunResult } from "../../../src/learn/task/train-task.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";
import { diskSources } from "../../../scripts/runs/task/data-files.ts";
import { NODE_HOST } from "../../../scripts/runs/task/host.ts";
import { folderRun } from "../../../scripts/runs/saved-run.ts";

const GOOD = ["good", "great", "fine", "funny"];
const BAD = ["bad", "dull", "awful", "sad"];
const rows = [...GOOD, ...BAD].flatMap((word) =>
  ["film", "plot"].map((topic) => ({
    text: `the ${topic} was ${word}`,
    label: GOOD.includes(word) ? "up" : "down",
  })),
);

let base: Base;
let dir: string;
beforeAll(async () => {
  base = await makeTinyBase({ dtype: "int8", seed: 1 });
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-few-"));
});

let files = 0;
async function dataFile(lines: readonly unknown[]): Promise<string> {
  const name = `rows-${(files += 1)}.jsonl`;
  await writeFile(join(dir, name), lines.map((line) => JSON.stringify(line)).join("\n"));
  return name;
}

async function prepare(lines: readonly unknown[], json: Record<string, unknown> = {}) {
  const task = { data: { train: [await dataFile(lines)] }, ...json };
  const spec = readTaskSpec(encodeUtf8(JSON.stringify(task)), "task.json");
  const notes: string[] = [];
  const options = diskSources({
    folders: [dir],
    strict: true,
    note: (line: string) => void notes.push(line),
  });
  const prepared = await prepareTask(spec, base.manifest, tokenizerOf(base), options);
  return { spec, prepared, notes };
}

async function run(
  { spec, prepared }: Awaited<ReturnType<typeof prepare>>,
  changes: Partial<RunOptions> = {},
): Promise<RunResult> {
  return trainTask(
    spec,
    prepared,
    base,
    { ...NODE_HOST, createSession: createNodeSession, openBase },
    {
      name: "mood",
      ...folderRun(join(dir, `out-${(files += 1)}`)),
      resume: false,
      signal: new AbortController().signal,
      now: () => 0,
      note: () => {},
      onStep: () => {},
      onEpoch: () => {},
      ...changes,
    },
  );
}

async function finish(...args: Parameters<typeof run>) {
  const result = await run(...args);
  if (!result.isDone) throw new Error("the run was interrupted");
  return result;
}

describe("what is chosen", () => {
  const SHAPE: RecipeShape = {
    type: "sequence",
    problemType: "single_label_classification",
    rows: 48,
    numLabels: 6,
  };
  const choose = (shape: Partial<RecipeShape>, spec = {}) => {
    const { method, objective, hasFewRows } = chooseRecipe(
      { ...SHAPE, ...shape },
      { ...EMPTY_SPEC, ...spec },
    );
    return `${method} ${objective}${hasFewRows ? ", few rows" : ""}`;
  };

  test("up to 64 rows a label are few, and biases learn to bring rows of a label together", () => {
    expect(choose({})).toBe("bias contrastive, few rows");
    expect(choose({ rows: 64 * 6 })).toBe("bias contrastive, few rows");
    expect(choose({ rows: 64 * 6 + 1 })).toBe("prefix head");
    expect(choose({ problemType: "multi_label_classification" })).toBe(
      "bias contrastive, few rows",
    );
  });

  test("tags and numbers have no rows of one label, so their head is trained", () => {
    expect(choose({ type: "token", rows: 50 })).toBe("bias head, few rows");
    expect(choose({ problemType: "regression", numLabels: 1, rows: 50 })).toBe(
      "bias head, few rows",
    );
    expect(choose({ type: "token", rows: 1_000 })).toBe("prefix-bias head");
    expect(choose({ type: "token", rows: 50 }, { num_virtual_tokens: 8 })).toBe(
      "prefix-bias head, few rows",
    );
  });

  test("what is asked for stays", () => {
    expect(choose({}, { method: "prefix" })).toBe("prefix head, few rows");
    expect(choose({}, { num_virtual_tokens: 8 })).toBe("prefix head, few rows");
    expect(choose({}, { method: "prefix-bias", objective: "contrastive" })).toBe(
      "prefix-bias contrastive, few rows",
    );
    expect(choose({ rows: 9_000 }, { objective: "contrastive" })).toBe("bias contrastive");
  });

  test("the screen says it, with the reason", async () => {
    const { prepared } = await prepare(rows);
    const [first] = dataLines("mood", prepared);
    expect(first).toBe(
      "mood: 16 rows to train on, 16 of them held out in turn to evaluate, in 2 folds; 2 labels",
    );
    const settings = settingsLines(prepared, base.manifest).join("\n");
    expect(settings).toContain("bias (16 rows for 2 labels are few), contrastive on tiny");
    expect(settings).toContain("20 steps (the head is fitted afterwards)");
  });
});

describe("a contrastive run", () => {
  test("trains on all rows, and is measured by answers to rows that did not teach", async () => {
    const task = await prepare(rows);
    const { packed, evaluation, crossValidation, examples, state } = await finish(task);
    expect(state.step).toBe(20);
    expect(crossValidation).toEqual({ folds: 2, of: 2, rows: 16, alone: 0, isWhole: true });
    expect(examples).toHaveLength(16);
    expect(evaluation.score.low).toBeLessThanOrEqual(evaluation.score.value);
    expect(packed.task.manifest).toMatchObject({
      labels: ["down", "up"],
      num_virtual_tokens: 0,
      metrics: {
        dataset: expect.stringMatching(/^rows-\d+\.jsonl, cross-validated in 2 folds$/),
        cross_validation: { folds: 2, rows: 16, trained_anew: "all" },
      },
    });
  });

  test("answers its own rows with their labels, and is sure of it", async () => {
    const examples = rows.slice(0, 3).map(({ text }) => text);
    const { packed } = await finish(await prepare(rows, { examples }));
    for (const { label, score } of packed.task.manifest.examples) {
      expect(label).toBe("up");
      expect(score).toBeGreaterThan(0.5);
    }
  });

  test("that was interrupted goes on to the same bytes", async () => {
    const task = await prepare(rows);
    const whole = await finish(task);
    const out = join(dir, "interrupted");
    const stop = new AbortController();
    const onStep = ({ step }: { step: number }) => step === 7 && stop.abort();
    const first = await run(task, { ...folderRun(out), signal: stop.signal, onStep });
    expect(first).toEqual({ isDone: false, step: 7 });
    const rest = await finish(task, { ...folderRun(out), resume: true });
    expect(rest.packed.prefixBytes).toEqual(whole.packed.prefixBytes);
  });

  test("with evaluation rows is measured by them", async () => {
    const { spec, prepared } = await prepare(rows, {});
    const evaluated = {
      ...spec,
      data: {
        ...spec.data,
        eval: [{ path: await dataFile([{ text: "the story was great", label: "up" }]) }],
      },
    };
    const options = diskSources({ folders: [dir], strict: true, note: () => {} });
    const again = await prepareTask(evaluated, base.manifest, tokenizerOf(base), options);
    expect(prepared.folds).toHaveLength(2);
    const { crossValidation, evaluation } = await finish({
      spec: evaluated,
      prepared: again,
      notes: [],
    });
    expect(crossValidation).toBeNull();
    expect(evaluation.metrics).toMatchObject({ rows: 1 });
  });
});

describe("every kind of data", () => {
  test("labels with one row are learned, and never held out", async () => {
    const { prepared } = await prepare([...rows, { text: "paris is a city", label: "place" }]);
    const held = prepared.folds!.flatMap((fold) => fold.held);
    expect(held).not.toContain(16);
    const result = await finish({
      ...(await prepare([...rows, { text: "paris is a city", label: "place" }])),
    });
    expect(result.packed.task.manifest.labels).toEqual(["down", "place", "up"]);
    expect(result.crossValidation).toMatchObject({ rows: 16, alone: 1 });
  });

  test("150 labels of two rows", async () => {
    const lines = Array.from({ length: 300 }, (_, i) => ({
      text: `${GOOD[i % 4]} ${BAD[(i >> 2) % 4]} number ${i >> 1}`,
      label: `l${i >> 1}`,
    }));
    const task = await prepare(lines, { hyperparameters: { steps: 2 } });
    expect(task.prepared).toMatchObject({ objective: "contrastive", method: "bias" });
    const { packed } = await finish(task);
    expect(packed.task.manifest.labels).toHaveLength(150);
  });

  test("several labels a text, where all texts share one", async () => {
    const lines = rows.map(({ text, label }) => ({ text, labels: ["review", label] }));
    const { packed, crossValidation } = await finish(await prepare(lines));
    expect(packed.task.manifest).toMatchObject({
      problem_type: "multi_label_classification",
      labels: ["down", "review", "up"],
      thresholds: [expect.any(Number), expect.any(Number), expect.any(Number)],
    });
    expect(crossValidation).toMatchObject({ folds: 2, rows: 16 });
  });

  test("pairs of texts", async () => {
    const lines = rows.map(({ text, label }, i) => ({
      text,
      text_pair: `and ${GOOD[i % 4]}`,
      label,
    }));
    const { packed, examples } = await finish(await prepare(lines));
    expect(packed.task.manifest.problem_type).toBe("single_label_classification");
    expect(examples[0]).toMatchObject({ pair: "and good" });
  });

  test("numbers", async () => {
    const lines = rows.map(({ text, label }, i) => ({
      text,
      label: (label === "up" ? 4 : 1) + i / 100,
    }));
    const task = await prepare(lines, { problem_type: "regression" });
    expect(task.prepared).toMatchObject({ method: "bias", objective: "head" });
    const { evaluation, crossValidation } = await finish(task);
    expect(evaluation.score.name).toBe("spearman");
    expect(crossValidation).toMatchObject({ folds: 2, rows: 16 });
  });

  test("tags", async () => {
    const lines = ["paris", "berlin", "london"].flatMap((city) =>
      ["angela", "merkel"].map((name) => ({
        tokens: [name, "visited", city],
        tags: ["B-PER", "O", "B-LOC"],
      })),
    );
    const task = await prepare(lines);
    expect(task.prepared).toMatchObject({ method: "bias", objective: "head" });
    const { evaluation, crossValidation } = await finish(task);
    expect(evaluation.score.name).toBe("f1");
    expect(crossValidation).toMatchObject({ folds: 2, rows: 6 });
  });
});

describe("what a fold answers does not depend on the labels of the rows that it holds out", () => {
  const CITIES = ["paris", "berlin", "london", "rome"];
  const tagged = CITIES.flatMap((city) =>
    ["angela", "merkel"].map((name) => ({
      tokens: [name, "visited", city],
      tags: ["B-PER", "O", "B-LOC"],
    })),
  );
  const swapped: Readonly<Record<string, string>> = {
    up: "down",
    down: "up",
    "B-PER": "B-LOC",
    "B-LOC": "O",
    O: "B-PER",
  };
  const other = (label: string): string => swapped[label] ?? String(1_000 * Number(label));

  test.each([
    ["classes", rows, {}],
    ["several labels", rows.map(({ text, label }) => ({ text, labels: ["review", label] })), {}],
    ["numbers", rows.map(({ text }, i) => ({ text, label: i })), { problem_type: "regression" }],
    ["tags", tagged, {}],
  ])("%s", async (_, lines, json) => {
    const task = await prepare(lines, { ...json, hyperparameters: { steps: 3 } });
    const held = new Set(task.prepared.folds![0]!.held);
    const train = task.prepared.train.map((example, row) =>
      held.has(row) ? { ...example, labels: example.labels.map(other) } : example,
    );
    const relabelled = { ...task, prepared: { ...task.prepared, train } };
    const [first, second] = [await finish(task), await finish(relabelled)];
    const answers = ({ logits }: typeof first) =>
      logits.filter((_answer, row) => held.has(row)).map((answer) => answer.rows);
    expect(answers(second)).toEqual(answers(first));
  });
});

describe("a contrastive objective is refused", () => {
  test.each([
    [{ method: "linear" }, /method "linear" has nothing but a head to train/],
    [{ method: "full" }, /method "full" has no frozen base to fit a head on/],
    [{ problem_type: "regression" }, /it needs one label a text, or several/],
  ])("for %o", async (json, message) => {
    const lines = rows.map(({ text }, i) => ({ text, label: String(i % 3) }));
    const preparing = prepare(lines, { ...json, objective: "contrastive" });
    await expect(preparing).rejects.toThrow(message);
    await expect(preparing).rejects.toMatchObject({ code: "training-unsupported" });
  });
});

describe("rows with a score for each label", () => {
  const other = { up: "down", down: "up" } as const;
  const soft = rows.map(({ text, label }, i) => ({
    text,
    label: i % 2 === 0 ? label : { [label]: 3, [other[label as "up" | "down"]]: 1 },
  }));

  test.each([
    ["contrastive, with a fitted head", {}],
    ["by the loss of a head", { method: "bias", objective: "head" }],
  ])("train %s, and count by their largest label", async (_name, json) => {
    const task = await prepare(soft, { ...json, hyperparameters: { steps: 4 } });
    expect(task.prepared.summary.balance).toEqual([
      { label: "down", train: 8, eval: 0 },
      { label: "up", train: 8, eval: 0 },
    ]);
    const certain = await prepare(rows, { ...json, hyperparameters: { steps: 4 } });
    const [found, hard] = [await run(task), await run(certain)];
    if (!found.isDone || !hard.isDone) throw new Error("the run was interrupted");
    expect(found.evaluation.metrics.rows).toBe(16);
    expect(found.packed.prefixBytes).not.toEqual(hard.packed.prefixBytes);
  });

  test("train where several labels may hold, if that is asked for", async () => {
    const several = [...soft, { text: "paris", label: ["up", "down"] }];
    await expect(prepare(several)).rejects.toMatchObject({ code: "training-unsupported" });
    const asked = { problem_type: "multi_label_classification" };
    const scored = soft.map(({ text, label }) =>
      typeof label === "string"
        ? { text, label: [label] }
        : { text, label: { up: 0.9, down: 0.6 } },
    );
    const task = await prepare(scored, { ...asked, hyperparameters: { steps: 4 } });
    expect(task.prepared.train[1]?.labels).toEqual(["up", "down"]);
    const { isDone } = await run(task);
    expect(isDone).toBe(true);
  });
});

test("the mean of several runs is measured by folds that are means of as many", async () => {
  const task = await prepare(rows, { hyperparameters: { steps: 4, average: 2 } });
  const steps: number[] = [];
  const { state, evaluation } = await finish(task, { onStep: ({ step }) => void steps.push(step) });
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(state.averaged!.runs).toBe(2);
  expect(state.best!.params).toBe(state.averaged!.params);
  expect(evaluation.metrics.rows).toBe(rows.length);
});
