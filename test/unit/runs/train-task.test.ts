/** Whole training runs on the tiny base, from examples to an artifact that passes the gate. */
import { mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openTaskFolder } from "../../../scripts/task/task-folder.ts";
import { openBase } from "../../../scripts/base/open-base.ts";
import { tokenizerOf } from "../../../src/encoder/loaded-base.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { writeTrainedTask } from "../../../scripts/runs/task/write-task.ts";
import { prepareTask } from "../../../src/learn/task/prepare.ts";
import type { PreparedTask } from "../../../src/learn/task/prepare.ts";
import { readTaskSpec } from "../../../src/learn/task/spec.ts";
import type { TaskSpec } from "../../../src/learn/task/spec.ts";
import { RUN_STATE } from "../../../scripts/runs/saved-run.ts";
import { trainTask } from "../../../src/learn/task/train-task.ts";
import type { RunOptions, RunResult } from "../../../src/learn/task/train-task.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";
import { diskSources } from "../../../scripts/runs/task/data-files.ts";
import { NODE_HOST } from "../../../scripts/runs/task/host.ts";
import { folderRun } from "../../../scripts/runs/saved-run.ts";

const GOOD = ["good", "great", "fine", "funny", "best"];
const BAD = ["bad", "dull", "awful", "sad", "worst"];
const TOPICS = ["film", "movie", "plot", "story", "acting", "music"];

/** "the plot was great" -> up: a rule that a prefix and a head can learn in seconds. */
const reviews = [...GOOD, ...BAD].flatMap((word) =>
  TOPICS.map((topic) => `the ${topic} was ${word}\t${GOOD.includes(word) ? "up" : "down"}`),
);
const sentences = ["paris", "berlin", "london"].flatMap((city) =>
  ["angela", "merkel"].flatMap((name) => [
    `${name} B-PER\nvisited O\n${city} B-LOC\n`,
    `in O\n${city} B-LOC\n${name} B-PER\nworks O\n`,
  ]),
);

let base: Base;
let dir: string;
beforeAll(async () => {
  base = await makeTinyBase({ dtype: "int8", seed: 1 });
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-train-"));
  const tsv = `text\tlabel\n${reviews.join("\n")}\n`;
  await writeFile(join(dir, "train.tsv"), tsv);
  await writeFile(
    join(dir, "eval.tsv"),
    "text\tlabel\nthe movie was great\tup\nthe plot was awful\tdown\nthe story was funny\tup\nthe film was sad\tdown\n",
  );
  const others = reviews.map((line) => line.replace("the", "that"));
  await writeFile(join(dir, "others.tsv"), `text\tlabel\n${others.join("\n")}\n`);
  await writeFile(join(dir, "tags.conll"), sentences.join("\n"));
  // The same with a full stop, so that no text is trained on and measured.
  const stopped = sentences.map((sentence) => `${sentence}. O\n`);
  await writeFile(join(dir, "others.conll"), stopped.join("\n"));
});

async function prepare(
  json: Record<string, unknown>,
  note: (line: string) => void = () => {},
): Promise<{ spec: TaskSpec; prepared: PreparedTask }> {
  const spec = readTaskSpec(encodeUtf8(JSON.stringify(json)), "task.json");
  const options = diskSources({ folders: [dir], strict: true, note });
  return { spec, prepared: await prepareTask(spec, base.manifest, tokenizerOf(base), options) };
}

const SEQUENCE = {
  name: "mood",
  num_virtual_tokens: 4,
  hyperparameters: { epochs: 6, batch_size: 8, learning_rate: 0.03 },
  data: { train: ["train.tsv"], eval: "eval.tsv" },
  examples: ["the music was great", { text: "the music was dull", text_pair: "awful" }],
};

let runs = 0;
const outDir = (): string => join(dir, `out-${(runs += 1)}`);

async function run(
  { spec, prepared }: { spec: TaskSpec; prepared: PreparedTask },
  changes: Partial<RunOptions> = {},
): Promise<RunResult> {
  const runtimes = { ...NODE_HOST, createSession: createNodeSession, openBase };
  return trainTask(spec, prepared, base, runtimes, {
    name: "mood",
    ...folderRun(outDir()),
    resume: false,
    signal: new AbortController().signal,
    now: () => 0,
    note: () => {},
    onStep: () => {},
    onEpoch: () => {},
    ...changes,
  });
}

async function finish(
  ...args: Parameters<typeof run>
): Promise<Extract<RunResult, { isDone: true }>> {
  const result = await run(...args);
  if (!result.isDone) throw new Error("the run was interrupted");
  return result;
}

describe("a sequence task", () => {
  test.each(["mean", "cls", "pooler"])("learns, pooling by %s", async (pooling) => {
    const hyperparameters = { ...SEQUENCE.hyperparameters, epochs: 30 };
    const task = await prepare({ ...SEQUENCE, hyperparameters, pooling });
    const { state, evaluation, packed } = await finish(task);
    const losses = state.history.map(({ loss }) => loss);
    expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]!);
    expect(evaluation.metrics).toMatchObject({ type: "sequence", rows: 4 });
    expect(evaluation.score.value).toBeGreaterThan(0.5);
    expect(packed.task.manifest).toMatchObject({
      labels: ["down", "up"],
      pooling,
      metrics: { dataset: "eval.tsv", metric: "accuracy", rows: 4 },
    });
    expect(packed.task.manifest.examples[0]).toMatchObject({
      text: "the music was great",
      label: "up",
    });
    expect(packed.task.manifest.examples[1]).toMatchObject({ text_pair: "awful" });
  });

  test("learns with the head alone", async () => {
    const task = await prepare({ ...SEQUENCE, method: "linear" });
    const { state, packed } = await finish(task);
    expect(state.history.at(-1)!.loss).toBeLessThan(state.history[0]!.loss);
    expect(packed.task.manifest.num_virtual_tokens).toBe(0);
    expect(packed.task.prefix.numVirtualTokens).toBe(0);
  });

  test("learns which texts fit none of its labels, and keeps the limit in its file", async () => {
    const own = {
      ...SEQUENCE,
      other: "neither",
      data: { train: ["train.tsv"], eval: "others.tsv" },
    };
    await expect(prepare({ ...SEQUENCE, other: "neither" })).rejects.toMatchObject({
      code: "other-unavailable",
      message: /4 rows to judge it by, and at least 30 are needed/,
    });
    await expect(prepare({ ...own, other: "up" })).rejects.toMatchObject({
      code: "other-unavailable",
      message: /one of the labels/,
    });
    await expect(prepare({ ...own, other: " " })).rejects.toMatchObject({
      code: "other-unavailable",
      message: /the name is empty/,
    });
    const { packed } = await finish(await prepare(own));
    const { manifest, head } = packed.task;
    expect(manifest.other).toMatchObject({ label: "neither" });
    expect(manifest.other!.similarity).toBeGreaterThan(-1);
    expect(head.prototypes!.norms.length).toBeGreaterThan(2);
    expect(manifest.examples[0]!.label).toBe("up");
  });

  test("comes out the same, byte by byte, from the same seed, and another from another", async () => {
    const hyperparameters = { ...SEQUENCE.hyperparameters, epochs: 1 };
    const task = await prepare({ ...SEQUENCE, hyperparameters, seed: 5 });
    const [first, second] = [await finish(task), await finish(task)];
    expect(second.packed.prefixBytes).toEqual(first.packed.prefixBytes);
    expect(second.packed.manifestBytes).toEqual(first.packed.manifestBytes);
    const other = await finish(await prepare({ ...SEQUENCE, hyperparameters, seed: 6 }));
    expect(other.packed.prefixBytes).not.toEqual(first.packed.prefixBytes);
  });
});

test("a token task learns which words are names", async () => {
  const task = await prepare({
    ...SEQUENCE,
    type: "token",
    label_all_tokens: true,
    hyperparameters: { epochs: 20, batch_size: 4, learning_rate: 0.03 },
    data: { train: ["tags.conll"], eval: ["tags.conll"] },
    examples: ["angela visited paris"],
  }).catch((error: unknown) => error as Error);
  // Every training text is an evaluation text, so nothing would be left to train on.
  expect(task).toBeInstanceOf(Error);
  const other = await prepare({
    ...SEQUENCE,
    label_all_tokens: true,
    hyperparameters: { epochs: 40, batch_size: 4, learning_rate: 0.03 },
    data: { train: ["tags.conll"], eval: ["others.conll"] },
    examples: ["angela visited paris"],
  });
  const { evaluation, packed } = await finish(other);
  const { head } = packed.task;
  expect(head.transitions!.start).toHaveLength(5);
  expect(head.shapeWeight!.some((value) => value !== 0)).toBe(true);
  expect(evaluation.score).toMatchObject({ name: "f1", level: 0.95 });
  expect(evaluation.score.value).toBeGreaterThan(0.85);
  expect(packed.task.manifest).toMatchObject({
    type: "token",
    pooling: "none",
    labels: ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"],
    examples: [{ label: "B-PER O B-LOC" }],
    metrics: { metric: "f1", interval: { level: 0.95, resamples: 1000 } },
  });
});

test("a plain head reads no word shapes and chooses each tag alone", async () => {
  const hyperparameters = { epochs: 1, batch_size: 4 };
  const data = { train: ["tags.conll"], eval: ["others.conll"] };
  const json = { ...SEQUENCE, hyperparameters, data, examples: [] };
  const { packed } = await finish(await prepare({ ...json, plain_head: true }));
  expect(packed.task.head).toMatchObject({ shapeWeight: null, transitions: null });
  // A fine-tuned checkpoint is to be read by other software.
  const full = { ...json, method: "full", plain_head: false };
  expect((await prepare(full)).prepared.readsWords).toBe(false);
});

test("so many labels that choosing them together would take too long have a plain head, and a note", async () => {
  const labels = ["O", ...Array.from({ length: 128 }, (_, i) => `L${i}`), "B-PER", "B-LOC"];
  const data = { train: ["tags.conll"], eval: ["others.conll"] };
  const notes: string[] = [];
  const json = { ...SEQUENCE, labels, data, examples: [] };
  const { prepared } = await prepare(json, (line) => notes.push(line));
  expect(prepared.readsWords).toBe(false);
  expect(notes).toContainEqual(
    "131 labels: each tag is chosen alone, as with --plain-head; up to 128 are chosen together",
  );
});

test("a task of several labels a text learns each, and stores what decides", async () => {
  const rows = [...GOOD, ...BAD].flatMap((word) =>
    ["film", "music"].map((topic, i) => ({
      text: `the ${topic} was ${word}`,
      label: [...(GOOD.includes(word) ? ["up"] : []), ...(i === 0 ? ["picture"] : [])],
    })),
  );
  const lines = rows.map((row) => JSON.stringify(row));
  await writeFile(join(dir, "sets.jsonl"), lines.join("\n"));
  await writeFile(
    join(dir, "sets-eval.jsonl"),
    lines.join("\n").replaceAll("the film", "this film").replaceAll("the music", "this music"),
  );
  const task = await prepare({
    name: "mood",
    num_virtual_tokens: 4,
    hyperparameters: { epochs: 40, batch_size: 4, learning_rate: 0.03 },
    data: { train: "sets.jsonl", eval: "sets-eval.jsonl" },
    examples: ["this film was great"],
  });
  expect(task.prepared).toMatchObject({
    problemType: "multi_label_classification",
    labels: ["picture", "up"],
  });
  const { evaluation, packed } = await finish(task);
  expect(evaluation.score.name).toBe("micro_f1");
  // Saying yes to everything would be 2 * 20 / (20 + 40).
  expect(evaluation.score.value).toBeGreaterThan(0.8);
  expect(evaluation.score.low).toBeLessThanOrEqual(evaluation.score.value);
  const { manifest } = packed.task;
  expect(manifest).toMatchObject({
    problem_type: "multi_label_classification",
    thresholds: [expect.any(Number), expect.any(Number)],
    metrics: { metric: "micro_f1", rows: 20, micro_f1: evaluation.score.value },
  });
  expect(manifest.examples[0]!.score).toBeLessThanOrEqual(1);
});

test("a task that answers with a number learns it in its own unit", async () => {
  const strong = ["awful", "bad", "dull", "fine", "good", "great"];
  const rows = (word: string): string[] =>
    strong.flatMap((adjective, a) =>
      TOPICS.map((topic, t) => `${word} ${topic} was ${adjective}\t${1000 + 100 * a + t / 4}`),
    );
  await writeFile(join(dir, "numbers.tsv"), `text\tlabel\n${rows("the").join("\n")}\n`);
  await writeFile(join(dir, "numbers-eval.tsv"), `text\tlabel\n${rows("this").join("\n")}\n`);
  const task = await prepare({
    name: "mood",
    num_virtual_tokens: 4,
    hyperparameters: { epochs: 30, batch_size: 4, learning_rate: 0.02 },
    data: { train: "numbers.tsv", eval: "numbers-eval.tsv" },
    examples: ["this film was great"],
  });
  expect(task.prepared).toMatchObject({ problemType: "regression", labels: ["score"] });
  const { evaluation, packed } = await finish(task);
  expect(evaluation.score.name).toBe("spearman");
  expect(evaluation.score.value).toBeGreaterThan(0.8);
  // The numbers lie between 1,000 and 1,501; always saying their mean is 150 off.
  expect(evaluation.metrics).toMatchObject({ mean_absolute_error: expect.any(Number) });
  expect((evaluation.metrics as { mean_absolute_error: number }).mean_absolute_error).toBeLessThan(
    100,
  );
  const { manifest } = packed.task;
  expect(manifest).toMatchObject({ problem_type: "regression", temperature: 1, thresholds: null });
  expect(manifest.examples[0]).toMatchObject({ label: "score", score: expect.any(Number) });
  expect(manifest.examples[0]!.score).toBeGreaterThan(1200);
});

test("pairs of texts are told apart by which of the two says what", async () => {
  const rows = (word: string): string[] =>
    GOOD.flatMap((good, g) =>
      BAD.flatMap((bad, b) =>
        // Each word stands as often in the first text as in the second: only the order tells.
        (g + b) % 2 === 0
          ? `${word} ${good}\t${word} ${bad}\tfirst`
          : `${word} ${bad}\t${word} ${good}\tsecond`,
      ),
    );
  const header = "text\ttext_pair\tlabel\n";
  await writeFile(join(dir, "pairs.tsv"), `${header}${rows("the").join("\n")}\n`);
  await writeFile(join(dir, "pairs-eval.tsv"), `${header}${rows("this").join("\n")}\n`);
  const task = await prepare({
    name: "mood",
    num_virtual_tokens: 8,
    hyperparameters: { epochs: 40, batch_size: 5, learning_rate: 0.03 },
    data: { train: "pairs.tsv", eval: "pairs-eval.tsv" },
    examples: [{ text: "the good", text_pair: "the bad" }],
  });
  const { evaluation, packed } = await finish(task);
  // "first" is right for 13 of 25.
  expect(evaluation.score.value).toBeGreaterThan(0.8);
  expect(packed.task.manifest.examples[0]).toMatchObject({ text_pair: "the bad", label: "first" });
});

describe("an interrupted run", () => {
  test.each([1, 7, 8, 27])("saved after step %i goes on bit for bit", async (stopAt) => {
    const task = await prepare({
      ...SEQUENCE,
      hyperparameters: { ...SEQUENCE.hyperparameters, epochs: 4 },
    });
    const whole = await finish(task);
    const out = outDir();
    const abort = new AbortController();
    const stopped = await run(task, {
      ...folderRun(out),
      signal: abort.signal,
      onStep: ({ step }) => {
        if (step === stopAt) abort.abort();
      },
    });
    expect(stopped).toEqual({ isDone: false, step: stopAt });
    expect(await readdir(out)).toEqual([RUN_STATE]);
    const resumed = await finish(task, { ...folderRun(out), resume: true });
    expect(resumed.state.history).toEqual(whole.state.history);
    expect(resumed.packed.prefixBytes).toEqual(whole.packed.prefixBytes);
    expect(resumed.packed.manifestBytes).toEqual(whole.packed.manifestBytes);
  });

  test("in its last measurements has nothing to train again, only to measure", async () => {
    const task = await prepare({
      ...SEQUENCE,
      hyperparameters: { ...SEQUENCE.hyperparameters, epochs: 2 },
    });
    const whole = await finish(task);
    const out = outDir();
    const abort = new AbortController();
    const stopped = await run(task, {
      ...folderRun(out),
      signal: abort.signal,
      onEpoch: ({ epoch }) => {
        if (epoch === 2) abort.abort();
      },
    });
    expect(stopped).toEqual({ isDone: false, step: 14 });
    const steps: number[] = [];
    const resumed = await finish(task, {
      ...folderRun(out),
      resume: true,
      onStep: ({ step }) => steps.push(step),
    });
    expect(steps).toEqual([]);
    expect(resumed.packed.manifestBytes).toEqual(whole.packed.manifestBytes);
  });

  test("does not go on with other settings", async () => {
    const task = await prepare(SEQUENCE);
    const out = outDir();
    const abort = new AbortController();
    await run(task, { ...folderRun(out), signal: abort.signal, onStep: () => abort.abort() });
    const other = await prepare({ ...SEQUENCE, seed: 9 });
    await expect(run(other, { ...folderRun(out), resume: true })).rejects.toThrow(
      /seed was 0, is 9/,
    );
  });
});

test("the folder that is written is one that serving opens, and the saved run is gone", async () => {
  const task = await prepare({ ...SEQUENCE, hyperparameters: { epochs: 1, batch_size: 8 } });
  const out = outDir();
  const result = await finish(task, folderRun(out));
  await writeTrainedTask(out, task.spec, task.prepared, result, { taskJson: null });
  expect((await readdir(out)).sort()).toEqual([
    "CARD.md",
    "manifest.json",
    "prefix.safetensors",
    "report.html",
  ]);
  const opened = await openTaskFolder(out, base.manifest);
  expect(opened.version).toBe(result.packed.task.version);
  expect(opened.prefix.numVirtualTokens).toBe(4);
  const card = await readFile(join(out, "CARD.md"), "utf8");
  expect(card).toContain("train.tsv");
  expect(card).toContain("pipeline_tag: text-classification");
});
