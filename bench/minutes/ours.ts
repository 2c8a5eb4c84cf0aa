/** This project's cells: the training of `train`, its score measured within the epochs too. */
import { readBaseFolder } from "../../scripts/base/base-folder.ts";
import { preciseNow } from "../../scripts/node/clock.ts";
import { initialParams } from "../../src/learn/graph/parameters.ts";
import type { Arrays } from "../../src/learn/graph/parameters.ts";
import { batchPlanOf } from "../../src/learn/loop/batch-plan.ts";
import { groupsOf } from "../../src/learn/loop/saved-run.ts";
import { encoderOf } from "../../src/learn/loop/step.ts";
import { startState, train } from "../../src/learn/loop/trainer.ts";
import { scoreName, scoreOf } from "../../src/learn/measure/metrics.ts";
import type { PreparedTask } from "../../src/learn/task/prepare.ts";
import { openTrainingRun } from "../../src/learn/task/training-run.ts";
import { derive, keyOf } from "../../src/learn/random.ts";
import { runtimesWith } from "../accuracy/cell.ts";
import { marksOf } from "./plan.ts";
import type { CurvePoint, Outcome } from "./results.ts";
import { startWatch } from "./watch.ts";

export interface OurOptions {
  /** Folder of the base. */
  readonly base: string;
  readonly name: string;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/** Trains a task and follows its score; null after an interrupt. */
export async function runOurs(
  prepared: PreparedTask,
  { base: dir, name, threads, signal, note }: OurOptions,
): Promise<Outcome | null> {
  const setup = startWatch();
  const base = await readBaseFolder(dir);
  const runtimes = runtimesWith(threads);
  const native = await runtimes.openBase(base, "node");
  const { hyperparameters, seed, objective } = prepared;
  const key = keyOf(seed);
  const run = await openTrainingRun(
    { name, prepared, prefixDropout: hyperparameters.prefix_dropout, created: new Date() },
    { ...runtimes, base, encoder: encoderOf(base), native },
  );
  const batches = batchPlanOf(objective, hyperparameters, run, key);
  const marks = new Set(marksOf(batches.perEpoch, hyperparameters.epochs));
  const start = initialParams(run.parameters, derive(key, "init"));
  const spentBefore = setup.read();

  const curve: CurvePoint[] = [];
  const watch = startWatch();
  /** Measures the parameters after `step` steps; the time of it does not count. */
  const measure = (params: Arrays, step: number): Promise<number> => {
    const spent = watch.read();
    return watch.hold(async () => {
      const { metrics } = await run.judge(params, native, { signal });
      const score = scoreOf(metrics);
      curve.push({ step, ...spent, score });
      note(`${name} step ${step} · ${spent.cpu_seconds.toFixed(1)} CPU s · ${score.toFixed(4)}`);
      return score;
    });
  };
  let steps = 0;
  const { isDone } = await train(
    startState(start),
    {
      hyperparameters: { ...hyperparameters, patience: 0 },
      key,
      groups: groupsOf(run.parameters),
      lengths: run.lengths,
      batches,
      async step(rows, params, stepKey) {
        const isEnd = steps % batches.perEpoch === 0;
        if (!isEnd && marks.has(steps)) await measure(params, steps);
        steps += 1;
        return run.step(rows, params, stepKey);
      },
      evaluate: (params) => measure(params, steps),
    },
    { signal, now: preciseNow, save: () => Promise.resolve(), saveEveryMs: Infinity },
  );
  await run.release();
  await native.encoder.release();
  if (!isDone) return null;
  return {
    metric: scoreName(run.facts),
    curve,
    setup: spentBefore,
    rows: { train: prepared.train.length, evaluation: prepared.evaluation.length },
    settings: {
      method: prepared.method,
      num_virtual_tokens: prepared.numVirtualTokens,
      pooling: prepared.pooling,
      train_graph: prepared.trainGraph,
      ...hyperparameters,
    },
  };
}
