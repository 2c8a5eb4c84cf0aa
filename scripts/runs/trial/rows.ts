/**
 * Rows for a fair comparison, in three parts: some to learn from, some to choose the epoch by, and
 * some that are only reported. No choice is made on the rows by which methods are compared.
 */
import { maxLengthOf } from "../../../src/core/format/configuration.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import type { Tokenizer } from "../../../src/core/tokenizer/tokenizer.ts";
import { tokenCounts } from "../../../src/learn/measure/data-summary.ts";
import type { Example } from "../../../src/learn/data/read.ts";
import { chooseSettings } from "../../../src/learn/task/defaults.ts";
import { prepareTask } from "../../../src/learn/task/prepare.ts";
import type { PreparedTask } from "../../../src/learn/task/prepare.ts";
import { readTaskDataFiles } from "../task/data-files.ts";
import type { ReadOptions } from "../task/data-files.ts";
import { startingFrom } from "../../../src/learn/task/pretrained.ts";
import { derive, keyOf } from "../../../src/learn/random.ts";
import type { Key } from "../../../src/learn/random.ts";
import { someRows, splitName, splitRows, withoutTextsOf } from "../../../src/learn/data/split.ts";
import type { DataFile, TaskSpec } from "../../../src/learn/task/spec.ts";
import { diskSources } from "../task/data-files.ts";

/** Rows that are only reported, with the name of their files or split. */
export interface ReportedRows {
  readonly name: string;
  readonly examples: readonly Example[];
}

export interface FairTask {
  /** Trained on `train`; the epoch is chosen by `evaluation`. */
  readonly prepared: PreparedTask;
  readonly reported: ReportedRows;
}

export interface FairOptions extends ReadOptions {
  readonly base: BaseManifest;
  readonly tokenizer: Tokenizer;
  /** Files to choose the epoch by; a tenth of the training rows where there are none. */
  readonly selection?: readonly DataFile[] | undefined;
  /** At most so many rows choose the epoch, drawn at random: they are answered after every epoch. */
  readonly maxSelectionRows?: number;
}

/**
 * Settles a task whose evaluation rows (given, or split off) are only reported. `max_rows` bounds
 * the rows that are learned from, after everything else was taken away. No text is in two parts.
 */
export async function divideFairly(spec: TaskSpec, options: FairOptions): Promise<FairTask> {
  const { base, tokenizer, selection, maxSelectionRows = Infinity } = options;
  const whole = await prepareTask(
    { ...spec, max_rows: undefined },
    base,
    tokenizer,
    diskSources({
      ...options,
      alwaysSplits: true,
    }),
  );
  const { evaluation: reported, evaluationName: name, type, method, objective, seed } = whole;
  const key = keyOf(seed);
  const chosen = selection ? await readSelection(selection, whole, options) : null;
  const parts = chosen
    ? { train: withoutTextsOf(whole.train, chosen.examples), evaluation: chosen.examples }
    : splitRows(whole.train, derive(key, "selection"));
  const train = atMost(spec.max_rows ?? Infinity, parts.train, derive(key, "rows"));
  const evaluation = atMost(maxSelectionRows, parts.evaluation, derive(key, "selection rows"));
  const shape = {
    type,
    rows: train.length,
    evaluationRows: evaluation.length,
    lengths: tokenCounts(train, tokenizer),
    baseMaxLength: maxLengthOf(base.configuration),
  };
  const { reasons, ...settings } = chooseSettings(
    { method, objective },
    shape,
    whole.init ? startingFrom(spec, whole.init) : spec,
  );
  const evaluationName =
    chosen?.name ?? splitName(parts.evaluation.length, whole.train.length, "the training rows");
  return {
    prepared: {
      ...whole,
      ...settings,
      reasons,
      train,
      evaluation,
      evaluationName,
      evaluationFiles: [],
    },
    reported: { name, examples: reported },
  };
}

const atMost = (count: number, examples: readonly Example[], key: Key): readonly Example[] =>
  count >= examples.length ? examples : someRows(examples, count, key);

/** The rows of `files` that are not reported. */
async function readSelection(
  files: readonly DataFile[],
  { type, problemType, evaluation }: PreparedTask,
  { strict, note }: FairOptions,
): Promise<ReportedRows> {
  const options = { files, dataDir: undefined, type, problemType, strict, note };
  const datasets = await readTaskDataFiles(".", options);
  const examples = datasets.flatMap((data) => data.examples);
  return {
    name: datasets.map((data) => data.name).join(", "),
    examples: withoutTextsOf(examples, evaluation),
  };
}
