/** Every method on the tiny base: it learns, and what it leaves behind answers as it was trained. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { importCheckpoint } from "../../../../scripts/base/convert.ts";
import { readCheckpoint } from "../../../../scripts/base/checkpoint.ts";
import type { Base } from "../../../../src/encoder/base.ts";
import { openTaskFolder } from "../../../../scripts/task/task-folder.ts";
import { openBase } from "../../../../scripts/base/open-base.ts";
import { tokenizerOf } from "../../../../src/encoder/loaded-base.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { answerTexts } from "../../../../src/learn/measure/answers.ts";
import { writeTrainedTask } from "../../../../scripts/runs/task/write-task.ts";
import { METHODS, isServed } from "../../../../src/learn/methods.ts";
import type { Method } from "../../../../src/learn/methods.ts";
import { prepareTask } from "../../../../src/learn/task/prepare.ts";
import { readTaskSpec } from "../../../../src/learn/task/spec.ts";
import { trainTask } from "../../../../src/learn/task/train-task.ts";
import { encodeUtf8 } from "../../../../src/core/text.ts";
import { makeTinyBase } from "../../../support/tiny-base.ts";
import { diskSources } from "../../../../scripts/runs/task/data-files.ts";
import { folderRun } from "../../../../scripts/runs/saved-run.ts";
import { NODE_HOST } from "../../../../scripts/runs/task/host.ts";

const TOPICS = ["film", "movie", "plot", "story", "acting", "music"];
const MOODS = [
  ["up", ["good", "great", "fine", "funny", "best"]],
  ["down", ["bad", "dull", "awful", "sad", "worst"]],
] as const;
const rows = MOODS.flatMap(([label, words]) =>
  words.flatMap((word) => TOPICS.map((topic) => `the ${topic} was ${word}\t${label}`)),
);
const evaluation = ["movie was great\tup", "plot was awful\tdown", "story was best\tup"];

/** Whole matrices move a network much further than a prefix does. */
const RATES: Partial<Record<Method, number>> = { full: 3e-3, "prefix-projection": 3e-3 };

let dir: string;
let base: Base;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-methods-"));
  base = await makeTinyBase({ dtype: "fp32", seed: 1 });
  await writeFile(join(dir, "train.tsv"), `text\tlabel\n${rows.join("\n")}\n`);
  await writeFile(join(dir, "eval.tsv"), `text\tlabel\n${evaluation.join("\n")}\n`);
});
afterAll(() => rm(dir, { recursive: true }));

/** Trains by a method and writes the folder `dir/<method>`. */
async function train(method: Method) {
  const json = {
    name: "mood",
    method,
    pooling: "cls",
    hyperparameters: { epochs: 20, batch_size: 10, learning_rate: RATES[method] ?? 2e-2 },
    data: { train: "train.tsv", eval: "eval.tsv" },
  };
  const spec = readTaskSpec(encodeUtf8(JSON.stringify(json)), "task.json");
  const options = diskSources({ folders: [dir], strict: true, note: () => {} });
  const prepared = await prepareTask(spec, base.manifest, tokenizerOf(base), options);
  const out = join(dir, method);
  const runtimes = { ...NODE_HOST, createSession: createNodeSession, openBase };
  const result = await trainTask(spec, prepared, base, runtimes, {
    name: "mood",
    ...folderRun(out),
    resume: false,
    signal: new AbortController().signal,
    now: () => 0,
    note: () => {},
    onStep: () => {},
    onEpoch: () => {},
  });
  if (!result.isDone) throw new Error("the run was interrupted");
  await writeTrainedTask(out, spec, prepared, result, { taskJson: null });
  return { out, result };
}

describe.each(METHODS)("method %s", (method) => {
  test("learns, and leaves a task only where a frozen base can serve it", async () => {
    const { out, result } = await train(method);
    const losses = result.state.history.map(({ loss }) => loss);
    expect(losses.at(-1)).toBeLessThan(0.85 * losses[0]!);
    expect(existsSync(join(out, "manifest.json"))).toBe(isServed(method));
    expect(existsSync(join(out, "prefix.safetensors"))).toBe(isServed(method));
    expect(existsSync(join(out, "checkpoint"))).toBe(method === "full");
    expect(await readFile(join(out, "CARD.md"), "utf8")).toContain(method);
  });
});

test("full fine-tuning leaves a checkpoint that answers as the run measured it", async () => {
  const { out, result } = await train("full");
  const tuned = await readCheckpoint(join(out, "checkpoint"), "the run");
  const imported = await importCheckpoint(tuned, {
    name: "tuned",
    dtype: "fp32",
    created: new Date(0),
  });
  const loaded = await openBase(imported, "node");
  const texts = evaluation.map((row) => ({ text: row.split("\t")[0]! }));
  const answers = await answerTexts(loaded, result.packed.task, texts, { batchSize: 3 });
  for (const [i, { logits }] of answers.entries()) {
    const measured = result.logits[i]!.rows[0]!;
    expect(logits[0]![0]).toBeCloseTo(measured[0]!, 4);
    expect(logits[0]![1]).toBeCloseTo(measured[1]!, 4);
  }
  await loaded.encoder.release();
});

test("a method for comparison takes away the task that an earlier run left in its folder", async () => {
  const { out } = await train("linear");
  expect((await openTaskFolder(out, base.manifest)).prefix.numVirtualTokens).toBe(0);
  const { out: prompt } = await train("prompt");
  await writeFile(join(prompt, "manifest.json"), "{}");
  await train("prompt");
  expect(existsSync(join(prompt, "manifest.json"))).toBe(false);
});
