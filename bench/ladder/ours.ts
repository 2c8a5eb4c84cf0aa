/** This project's cells: a data file is trained on as `train` does, and the task answers the test rows. */
import { readBaseFolder } from "../../scripts/base/base-folder.ts";
import { tokenizerOf } from "../../src/encoder/loaded-base.ts";
import type { FinishedRun } from "../../src/learn/task/finish.ts";
import { prepareTask } from "../../src/learn/task/prepare.ts";
import type { PreparedTask } from "../../src/learn/task/prepare.ts";
import { EMPTY_SPEC } from "../../src/learn/task/spec.ts";
import type { TaskSpec } from "../../src/learn/task/spec.ts";
import { trainTask } from "../../src/learn/task/train-task.ts";
import type { Example } from "../../src/learn/data/read.ts";
import { EVALUATION_BATCH, assess, evaluationLogits } from "../../src/learn/measure/evaluate.ts";
import type { Method } from "../../src/learn/methods.ts";
import { runtimesWith } from "../accuracy/cell.ts";
import type { MadeContender } from "./plan.ts";
import { scored } from "./results.ts";
import type { Outcome } from "./results.ts";
import { preciseNow } from "../../scripts/node/clock.ts";
import { diskSources } from "../../scripts/runs/task/data-files.ts";
import { folderRun } from "../../scripts/runs/saved-run.ts";

export type OurContender = Exclude<MadeContender, "setfit">;

/** What a contender asks of `train`; `start` is the folder of a pretrained start. */
export const contenderSpec = (
  contender: OurContender,
  { seed, start }: { readonly seed: number; readonly start: string | null },
): TaskSpec => ({
  ...EMPTY_SPEC,
  method: METHODS[contender],
  ...(contender === "start" && { init: start! }),
  seed,
});

/** Undefined: `train` chooses, or the start does. A head on whole texts is fitted instead (head.ts). */
const METHODS: Readonly<Record<OurContender, Method | undefined>> = {
  train: undefined,
  start: undefined,
  head: "linear",
  prefix: "prefix",
};

export interface OurOptions {
  readonly name: string;
  /** What is asked of `train`, but for the data. */
  readonly spec: TaskSpec;
  /** The rows to learn from, as a file. */
  readonly train: string;
  readonly test: readonly Example[];
  /** Folder of the base. */
  readonly base: string;
  /** Folder of the run's saved state. */
  readonly out: string;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/** Trains a task and measures it on the test rows; null after an interrupt. */
export async function runOurs(options: OurOptions): Promise<Outcome | null> {
  const { test, threads, signal } = options;
  const trained = await train(options);
  if (trained === null) return null;
  const { run, prepared, seconds } = trained;
  const { task, prefixBytes } = run.packed;
  const serving = await runtimesWith(threads).openBase(run.origin, "serving");
  const batches = { batchSize: EVALUATION_BATCH, signal };
  const logits = await evaluationLogits(serving, task, test, batches).finally(() =>
    serving.encoder.release(),
  );
  const evaluation = assess(task.manifest, test, logits);
  const own = run.evaluation.score;
  return {
    ...scored(evaluation),
    reported: {
      score: own.value,
      interval: [own.low, own.high],
      rows: prepared.evaluationName,
      folds: run.crossValidation?.folds ?? null,
    },
    seconds,
    bytes: prefixBytes.byteLength,
    settings: settingsOf(prepared),
  };
}

interface Trained {
  readonly run: FinishedRun;
  readonly prepared: PreparedTask;
  readonly seconds: number;
}

/** The steps of the verb `train` with a data file, timed from the base on disk on. */
async function train(options: OurOptions): Promise<Trained | null> {
  const { name, train: path, base: dir, out, threads, signal, note } = options;
  const start = performance.now();
  const base = await readBaseFolder(dir);
  const spec: TaskSpec = {
    ...options.spec,
    data: { ...EMPTY_SPEC.data, train: [{ path }] },
  };
  const prepared = await prepareTask(
    spec,
    base.manifest,
    tokenizerOf(base),
    diskSources({
      folders: ["."],
      strict: false,
      note,
    }),
  );
  const result = await trainTask(spec, prepared, base, runtimesWith(threads), {
    name,
    ...folderRun(out),
    resume: false,
    signal,
    now: preciseNow,
    note,
    // The verb says how long it will take, and measures that first.
    onEstimate: ({ seconds }) => note(`${name}: about ${Math.round(seconds)} s`),
    onStep: () => {},
    onEpoch: () => {},
  });
  if (!result.isDone) return null;
  return { run: result, prepared, seconds: (performance.now() - start) / 1000 };
}

const settingsOf = ({
  method,
  objective,
  numVirtualTokens,
  pooling,
  maxLength,
  trainGraph,
  hyperparameters,
}: PreparedTask): Readonly<Record<string, unknown>> => ({
  method,
  objective,
  num_virtual_tokens: numVirtualTokens,
  pooling,
  max_length: maxLength,
  train_graph: trainGraph,
  ...hyperparameters,
});
