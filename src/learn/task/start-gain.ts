/**
 * What a pretrained prefix knows of a task before a step is made: a head fitted to the states under it,
 * beside a head fitted to the states of the base as it is. Both are measured on rows that they did not
 * learn from. It takes two readings of the rows, where training reads them in every epoch, forward and
 * backward.
 */
import { emptyPrefix } from "../../core/model/prefix.ts";
import type { Prefix } from "../../core/model/prefix.ts";
import { gatherRows } from "../../core/model/tensor.ts";
import type { StopSignal } from "../../core/signal.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import { featuresOf } from "../data/features.ts";
import type { Fold } from "../data/folds.ts";
import type { Example } from "../data/read.ts";
import { someRows } from "../data/split.ts";
import { servedPrefix } from "../graph/served-params.ts";
import { fitHead, headLogits } from "../head/fit-head.ts";
import type { FeatureRows } from "../head/fit-head.ts";
import { targetsOf } from "../head/rows.ts";
import { decide } from "../measure/decisions.ts";
import { EVALUATION_BATCH } from "../measure/evaluate.ts";
import { metricsOf, scoreName, scoreOf } from "../measure/metrics.ts";
import { pooledStates } from "../measure/pooled-states.ts";
import { partsOf } from "../methods.ts";
import { derive, keyOf } from "../random.ts";
import type { TaskFacts } from "./packed-task.ts";
import type { PreparedTask } from "./prepare.ts";

/** Scores of a head alone, with and without the start. */
export interface StartGain {
  /** Name of the pretrained prefix. */
  readonly start: string;
  readonly metric: string;
  readonly without: number;
  readonly with: number;
  /** Rows that the heads were measured on. */
  readonly rows: number;
  /** Rows that each head was fitted to. */
  readonly fittedRows: number;
}

/** Enough to tell whether a start knows the task; more rows would take as long as an epoch. */
const MAX_FITTED_ROWS = 1_000;
const MAX_MEASURED_ROWS = 500;
/** As much as it takes for frozen states; from 1 to 100 the scores are the same within their intervals. */
const INVERSE_L2 = 10;

/** Numbers of the rows that fit a head, and of those that measure it. */
type Part = Pick<Fold, "train" | "held">;

/**
 * The gain of `prepared.init` on evaluation rows, or on the training rows by their folds. Null without a
 * start, and for tags and numbers, whose heads are not fitted alone.
 */
export async function startGain(
  prepared: PreparedTask,
  facts: TaskFacts,
  base: LoadedBase,
  signal: StopSignal,
): Promise<StartGain | null> {
  const { init, pooling, problemType, type, labels, maxLength } = prepared;
  if (!init || pooling === "none" || problemType === "regression") return null;
  const { examples, parts } = dividedRows(prepared);
  const features = featuresOf(examples, base.tokenizer, { type, labels, maxLength });
  const { configuration } = base.manifest;
  const held = parts.flatMap((part) => part.held);

  const scoreUnder = async (prefix: Prefix): Promise<number> => {
    const options = { pooling, batchSize: EVALUATION_BATCH, signal };
    const states = await pooledStates(base, prefix, features, options);
    const logits = parts.flatMap((part) => {
      const targets = targetsOf(
        part.train.map((row) => features[row]!),
        problemType,
        labels.length,
      );
      const head = fitHead(rowsOf(states, part.train), targets, {
        numLabels: labels.length,
        inverseL2: INVERSE_L2,
      });
      return headLogits(rowsOf(states, part.held), head).map((row) => ({ rows: [row] }));
    });
    const judged = held.map((row) => examples[row]!);
    return scoreOf(metricsOf(decide(facts, judged, logits)));
  };
  const target = {
    parts: partsOf(init.method),
    pooling,
    numLabels: labels.length,
    numVirtualTokens: init.numVirtualTokens,
  };
  return {
    start: init.name,
    metric: scoreName(facts),
    without: await scoreUnder(emptyPrefix(configuration)),
    with: await scoreUnder(servedPrefix(init.params, target, configuration)),
    rows: held.length,
    fittedRows: parts[0]!.train.length,
  };
}

function dividedRows({ train, evaluation, folds }: PreparedTask): {
  examples: readonly Example[];
  parts: readonly Part[];
} {
  if (folds) return { examples: train, parts: folds };
  const some = (rows: readonly Example[], most: number, what: string): readonly Example[] =>
    rows.length <= most ? rows : someRows(rows, most, derive(keyOf(0), "start", what));
  const fitted = some(train, MAX_FITTED_ROWS, "train");
  const measured = some(evaluation, MAX_MEASURED_ROWS, "evaluation");
  const numbers = (rows: readonly Example[], from: number) => rows.map((_, row) => from + row);
  return {
    examples: [...fitted, ...measured],
    parts: [{ train: numbers(fitted, 0), held: numbers(measured, fitted.length) }],
  };
}

const rowsOf = ({ data, hidden }: FeatureRows, rows: readonly number[]): FeatureRows => ({
  data: gatherRows(data, rows, hidden),
  hidden,
});
