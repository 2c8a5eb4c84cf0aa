/** From what a run knows to the facts of its report and card: nothing is computed twice. */
import type { BaseManifest, TaskManifest } from "../../src/core/format/manifest.ts";
import { versionOf } from "../../src/core/format/keys.ts";
import type { DataSummary } from "../../src/learn/measure/data-summary.ts";
import type { RunState } from "../../src/learn/loop/run-state.ts";
import type { Hyperparameters } from "../../src/learn/methods.ts";
import type { Course } from "./course.ts";
import { dataFacts } from "./data-facts.ts";
import type { DataOrigin } from "./data-facts.ts";
import type { EvaluationFacts, ReportFacts, TrainingFacts } from "./facts.ts";
import { smoothLosses } from "./learning-curve.ts";

/** What every task has, however it was made. */
export function taskFacts(
  manifest: TaskManifest,
  { dtype }: Pick<BaseManifest, "dtype">,
  more: {
    readonly method: string;
    readonly isServed?: boolean;
    readonly version?: string;
    readonly folder?: string;
    readonly description?: string | undefined;
    readonly evaluation?: EvaluationFacts;
    readonly readsWords?: boolean;
  },
): ReportFacts {
  const [example] = manifest.examples;
  return {
    task: manifest.task,
    description: more.description,
    type: manifest.type,
    problemType: manifest.problem_type,
    method: more.method,
    isServed: more.isServed,
    labels: manifest.labels,
    numVirtualTokens: manifest.num_virtual_tokens,
    readsWords: more.readsWords,
    pooling: manifest.pooling,
    maxLength: manifest.max_length,
    prefixBytes: manifest.prefix.bytes,
    base: { name: manifest.base.name, identity: versionOf(manifest.base.identity), dtype },
    version: more.version,
    created: manifest.created,
    folder: more.folder,
    evaluation: more.evaluation,
    sample: example && { text: example.text, pair: example.text_pair },
  };
}

/** What is known of a run besides its task. */
export interface RunFacts {
  readonly state: Pick<RunState, "step" | "history" | "best">;
  readonly course?: Course | undefined;
  readonly rows: number;
  readonly scoreName: string;
  readonly hyperparameters: Hyperparameters;
  readonly seed: number;
  /** Rows that were asked for, when fewer than there are. */
  readonly maxRows?: number | undefined;
  readonly reasons: Readonly<Record<string, string>>;
  readonly summary: DataSummary;
  readonly origin: DataOrigin;
}

/** The facts of a task that was trained here. */
export const withTraining = (facts: ReportFacts, run: RunFacts): ReportFacts => ({
  ...facts,
  training: trainingFacts(run),
  data: dataFacts(run.summary, run.origin, facts.maxLength),
});

function trainingFacts(run: RunFacts): TrainingFacts {
  const { state, course, hyperparameters, seed } = run;
  const { step, history, best } = state;
  const isWhole = course !== undefined && course.firstStep === 1 && course.ms > 0;
  return {
    rows: run.rows,
    steps: step,
    epochs: history,
    bestEpoch: best?.epoch ?? history.length,
    scoreName: run.scoreName,
    stepLosses:
      course && smoothLosses(course.losses, course.firstStep, step / Math.max(1, history.length)),
    settings: {
      ...hyperparameters,
      seed,
      ...(run.maxRows !== undefined && { max_rows: run.maxRows }),
    },
    reasons: run.reasons,
    seconds: isWhole ? course.ms / 1000 : undefined,
  };
}
