/** A run whose state cannot be saved any more: here its folder becomes a file while it trains. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RUN_STATE } from "../../../scripts/runs/saved-run.ts";
import { openSavedRun } from "../../../src/learn/loop/saved-run.ts";
import { readProgress } from "../../../src/learn/loop/run-state.ts";
import type { Plan } from "../../../src/learn/loop/trainer.ts";
import type { Hyperparameters } from "../../../src/learn/methods.ts";
import { eachRowOnce } from "../../../src/learn/loop/batch-plan.ts";
import { keyOf } from "../../../src/learn/random.ts";
import { readPackageFile } from "../../../scripts/node/project.ts";
import { folderRun } from "../../../scripts/runs/saved-run.ts";

const STEP_MS = 60_000;
let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "edge-prefix-saved-"));
  folder = join(root, "out");
  await mkdir(folder);
});
afterEach(() => rm(root, { recursive: true }));

/** Trains ten steps of a minute each, during step `failsIn` of which the folder can be written no more. */
async function trainUntil(failsIn: number) {
  const notes: string[] = [];
  let time = 0;
  let step = 0;
  const plan: Plan = {
    hyperparameters: {
      batch_size: 1,
      epochs: 1,
      learning_rate: 0.1,
      warmup_ratio: 0,
      weight_decay: 0,
      max_grad_norm: 1,
      patience: 0,
    } as Hyperparameters,
    key: keyOf(1),
    lengths: Array<number>(10).fill(1),
    batches: eachRowOnce(Array<number>(10).fill(1), 1, keyOf(1)),
    async step() {
      time += STEP_MS;
      if (++step === failsIn) {
        await rename(folder, `${folder}.moved`);
        await writeFile(folder, "");
      }
      return { loss: 1, grads: { w: Float32Array.of(1) } };
    },
    evaluate: () => Promise.resolve(0),
  };
  const saved = await openSavedRun(folderRun(folder).store, {
    program: readPackageFile().version,
    fingerprint: {},
    resume: false,
    note: (line) => notes.push(line),
  });
  const weight = {
    name: "w",
    dims: [1],
    start: () => Float32Array.of(0),
    rate: 1,
    hasDecay: false,
  };
  const start = saved.start([weight], plan.key);
  const signal = new AbortController().signal;
  const result = saved.train(start, plan, { signal, now: () => time });
  await expect(result).rejects.toMatchObject({ code: "folder-unwritable" });
  return notes;
}

test("says that no state is saved where the first one could not be", async () => {
  expect(await trainUntil(1)).toEqual(["the run stopped after step 1; no state of it is saved"]);
});

test("keeps the last good state, and says which that is", async () => {
  // Saved after ten seconds, and then every two minutes: after steps 1 and 3.
  expect(await trainUntil(4)).toEqual([
    "the run stopped after step 5; the state of step 3 is kept, and --resume goes on from it",
  ]);
  const path = join(`${folder}.moved`, RUN_STATE);
  expect(readProgress(await readFile(path), path).step).toBe(3);
});
