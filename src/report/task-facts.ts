/** From what a run knows to the facts of its report and card: nothing is computed twice. */
import { versionOf } from "../core/format/keys.ts";
import type { BaseManifest, TaskManifest } from "../core/format/manifest.ts";
import type { RunState } from "../learn/loop/run-state.ts";
import type { Course } from "../learn/loop/course.ts";
import type { DataSummary } from "../learn/measure/data-summary.ts";
import type { Hyperparameters, Objective } from "../learn/methods.ts";
import type {
  DataFacts,
  EvaluationFacts,
  ReportFacts,
  StartFacts,
  StepLoss,
  TaughtFacts,
  TrainingFacts,
} from "./facts.ts";
import type { DoubtfulFact } from "../learn/measure/doubtful-rows.ts";
import { formatCount, formatShare, plural } from "./text.ts";

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
    readonly limits?: readonly string[] | undefined;
    readonly evaluation?: EvaluationFacts;
    readonly doubtful?: readonly DoubtfulFact[];
    readonly readsWords?: boolean;
  },
): ReportFacts {
  const [example] = manifest.examples;
  return {
    task: manifest.task,
    description: more.description,
    limits: more.limits,
    type: manifest.type,
    problemType: manifest.problem_type,
    method: more.method,
    isServed: more.isServed,
    labels: manifest.labels,
    ...(manifest.other && { other: manifest.other }),
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
    doubtful: more.doubtful,
    sample: example && { text: example.text, pair: example.text_pair },
  };
}

/** What is known of a run besides its task. */
export interface RunFacts {
  readonly state: Pick<RunState, "step" | "history" | "best" | "averaged">;
  readonly course?: Course | undefined;
  readonly rows: number;
  readonly scoreName: string;
  readonly objective: Objective;
  readonly hyperparameters: Hyperparameters;
  readonly seed: number;
  /** Rows that were asked for, when fewer than there are. */
  readonly maxRows?: number | undefined;
  readonly start?: StartFacts | undefined;
  readonly reasons: Readonly<Record<string, string>>;
  readonly teacher?: TaughtFacts | undefined;
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
  const { step, history, best, averaged } = state;
  const bestOf = averaged
    ? history.reduce((a, b) => (b.score > a.score ? b : a))
    : (best ?? { epoch: history.length });
  const isWhole = course !== undefined && course.firstStep === 1 && course.ms > 0;
  return {
    rows: run.rows,
    steps: step,
    epochs: history,
    bestEpoch: bestOf.epoch,
    averaged: averaged && best ? { runs: averaged.runs, score: best.score } : undefined,
    scoreName: run.scoreName,
    stepLosses:
      course && smoothLosses(course.losses, course.firstStep, step / Math.max(1, history.length)),
    settings: {
      ...(run.objective === "contrastive" && { objective: run.objective }),
      ...hyperparameters,
      seed,
      ...(run.maxRows !== undefined && { max_rows: run.maxRows }),
    },
    start: run.start,
    reasons: run.reasons,
    teacher: run.teacher,
    seconds: isWhole ? course.ms / 1000 : undefined,
  };
}

export interface DataOrigin {
  readonly source: string | null;
  readonly licence: string | null;
  readonly language: string | null;
}

export function dataFacts(summary: DataSummary, origin: DataOrigin, maxLength: number): DataFacts {
  const { files, balance, lengths } = summary;
  const { source, licence, language } = origin;
  const notes = notesOf(summary, maxLength);
  return {
    files,
    source,
    licence,
    language: language ?? undefined,
    balance,
    lengths: hasEvaluationRows(summary) ? lengths : { train: lengths.train },
    notes,
  };
}

/** Few rows are all trained on, and held out in turn. */
const hasEvaluationRows = ({ lengths }: DataSummary): boolean =>
  lengths.eval.counts.some((count) => count > 0);

/** What the numbers of the tables do not say. */
function notesOf(summary: DataSummary, maxLength: number): string[] {
  const { duplicates, cutShare, balance } = summary;
  const { inEvaluation, withinTrain, conflicting } = duplicates;
  const unseen = balance.filter(({ train }) => train === 0).map(({ label }) => label);
  const unmeasured = hasEvaluationRows(summary)
    ? balance.filter(({ train, eval: rows }) => train > 0 && rows === 0)
    : [];
  return [
    inEvaluation > 0 &&
      `${plural(inEvaluation, "training row")} left out: ${inEvaluation === 1 ? "its text is an evaluation text" : "their texts are evaluation texts"}.`,
    withinTrain > 0 &&
      `${plural(withinTrain, "training row repeats", "training rows repeat")} an earlier text${conflicting > 0 ? `; ${plural(conflicting, "text has", "texts have")} rows that disagree about the label` : ""}.`,
    cutShare > 0 &&
      `${formatShare(cutShare)} of the training rows are longer than ${formatCount(maxLength)} tokens: training sees their beginning, serving reads all of it in windows.`,
    unseen.length > 0 && `Without training rows: ${unseen.slice(0, 20).join(", ")}.`,
    unmeasured.length > 0 &&
      `Without evaluation rows, so nothing is known of how good they are: ${unmeasured
        .slice(0, 20)
        .map(({ label }) => label)
        .join(", ")}.`,
  ].filter((note) => note !== false);
}

/** Points in the smoothed course of the loss: more than that no screen shows. */
const MAX_POINTS = 160;

/**
 * The course of the loss within epochs: means over consecutive steps, as many to a mean as leave at
 * most 160 of them. `firstStep` counts from 1; a resumed run has no losses from before it.
 */
export function smoothLosses(
  losses: readonly number[],
  firstStep: number,
  stepsPerEpoch: number,
): StepLoss[] {
  const size = Math.max(1, Math.ceil(losses.length / MAX_POINTS));
  return Array.from({ length: Math.ceil(losses.length / size) }, (_, i) => {
    const part = losses.slice(i * size, (i + 1) * size);
    return {
      epoch: (firstStep - 1 + i * size + part.length) / stepsPerEpoch,
      loss: part.reduce((sum, loss) => sum + loss, 0) / part.length,
    };
  });
}
