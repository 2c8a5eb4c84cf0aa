/**
 * From task folders to tasks that can be trained together: the data of each, prepared as by `train`,
 * and one choice of method, length and hyperparameters for all.
 */
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { maxLengthOf } from "../../../src/core/format/configuration.ts";
import { InputError } from "../../../src/core/errors.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import type { Tokenizer } from "../../../src/core/tokenizer/tokenizer.ts";
import type { ReadOptions } from "../task/data-files.ts";
import { chooseSettings } from "../../../src/learn/task/defaults.ts";
import type { Hyperparameters } from "../../../src/learn/methods.ts";
import { prepareTask } from "../../../src/learn/task/prepare.ts";
import type { SharedMethod } from "../../../src/learn/task/pretrained.ts";
import { derive, keyOf } from "../../../src/learn/random.ts";
import { someRows } from "../../../src/learn/data/split.ts";
import { EMPTY_SPEC, readTaskSpec } from "../../../src/learn/task/spec.ts";
import type { TaskSpec } from "../../../src/learn/task/spec.ts";
import type { TrainGraph } from "../../../src/learn/graph/choice.ts";
import type { PretrainTask } from "./shared-run.ts";
import type { PretrainSettings } from "./pretrain-run.ts";
import { diskSources } from "../task/data-files.ts";

/** The settings that a person may give; the others are chosen. */
export interface PretrainRequest {
  /** Undefined: that of `init`, else prefix. */
  readonly method: SharedMethod | undefined;
  readonly alpha: number;
  readonly seed: number;
  readonly numVirtualTokens: number | undefined;
  /** Rows to learn from, of each task. */
  readonly maxRows: number | undefined;
  readonly trainGraph: TrainGraph | undefined;
  /** A start to go on from: a folder, or a name. */
  readonly init: string | undefined;
  readonly hyperparameters: Partial<Hyperparameters>;
}

/** A task folder's source. */
export interface TaskSource {
  readonly dir: string;
  readonly spec: TaskSpec;
}

export interface SettleOptions extends Omit<ReadOptions, "folders"> {
  readonly base: BaseManifest;
  readonly tokenizer: Tokenizer;
  /** Where the paths of every task.json are looked for first. */
  readonly dataDir: string | undefined;
}

const DEFAULT_METHOD: SharedMethod = "prefix";

/** Every epoch answers the evaluation rows of all tasks: enough of each to choose the epoch by. */
const MAX_EVALUATION_ROWS = 500;

/** Reads the task.json of each folder. */
export async function readSources(dirs: readonly string[]): Promise<TaskSource[]> {
  return Promise.all(
    dirs.map(async (dir) => {
      const path = join(dir, "task.json");
      return { dir, spec: readTaskSpec(await readFile(path), path) };
    }),
  );
}

/**
 * Settles everything. Data, labels, pooling and longest window are the task's own; the method, length
 * and hyperparameters in its task.json are for training it alone and do not count here. Throws InputError
 * `pretrain-tasks` for a name that two tasks have, and what prepareTask throws.
 */
export async function settle(
  sources: readonly TaskSource[],
  request: PretrainRequest,
  options: SettleOptions,
): Promise<{ tasks: PretrainTask[]; settings: PretrainSettings }> {
  const { alpha, seed } = request;
  const named = sources.map((source) => ({
    ...source,
    name: source.spec.name ?? basename(resolve(source.dir)),
  }));
  checkNames(named);
  const drafts: PretrainTask[] = [];
  for (const { dir, name, spec } of named) drafts.push(await prepareOne(name, dir, spec));

  const prepared = drafts.map((draft) => draft.prepared);
  const { init } = prepared[0]!;
  const method = request.method ?? init?.method ?? DEFAULT_METHOD;
  const shape = {
    type: prepared.some(({ type }) => type === "token") ? "token" : "sequence",
    rows: prepared.reduce((sum, { train }) => sum + train.length, 0),
    evaluationRows: prepared.reduce((sum, { evaluation }) => sum + evaluation.length, 0),
    lengths: [],
    baseMaxLength: maxLengthOf(options.base.configuration),
    byEpochs: true,
  } as const;
  const { numVirtualTokens, hyperparameters } = chooseSettings(
    { method, objective: "head" },
    shape,
    {
      ...EMPTY_SPEC,
      num_virtual_tokens: request.numVirtualTokens ?? init?.numVirtualTokens,
      hyperparameters: request.hyperparameters,
    },
  );
  return {
    tasks: drafts.map((draft) => ({ ...draft, prepared: { ...draft.prepared, numVirtualTokens } })),
    settings: { method, numVirtualTokens, alpha, hyperparameters, seed, init },
  };

  async function prepareOne(name: string, dir: string, spec: TaskSpec): Promise<PretrainTask> {
    const { base, tokenizer, dataDir, strict, note } = options;
    const folders = [...(dataDir === undefined ? [] : [dataDir]), dir];
    const prepared = await prepareTask(
      {
        ...spec,
        method: request.method ?? (request.init === undefined ? DEFAULT_METHOD : undefined),
        objective: "head",
        init: request.init,
        teacher: undefined,
        data: { ...spec.data, unlabelled: [] },
        num_virtual_tokens: request.numVirtualTokens,
        max_rows: request.maxRows ?? spec.max_rows,
        train_graph: request.trainGraph,
        hyperparameters: {},
        seed,
      },
      base,
      tokenizer,
      diskSources({
        folders,
        strict,
        alwaysSplits: true,
        note: (line) => note(`${name}: ${line}`),
      }),
    );
    const { evaluation } = prepared;
    const { source, licence, language } = spec.data;
    return {
      name,
      prepared: {
        ...prepared,
        evaluationFiles: [],
        evaluation:
          evaluation.length <= MAX_EVALUATION_ROWS
            ? evaluation
            : someRows(evaluation, MAX_EVALUATION_ROWS, derive(keyOf(seed), "evaluation", name)),
      },
      origin: { source, licence, language },
    };
  }
}

function checkNames(tasks: readonly { readonly name: string; readonly dir: string }[]): void {
  for (const [i, { name, dir }] of tasks.entries()) {
    const first = tasks.findIndex((task) => task.name === name);
    if (first === i) continue;
    throw new InputError(
      "pretrain-tasks",
      `${dir}: its task is called "${name}" like that of ${tasks[first]!.dir}; give each a name of its own in its task.json`,
    );
  }
}
