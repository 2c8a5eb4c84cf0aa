/**
 * From a task.json to everything that a run needs: data files read, labels listed, rows split, method
 * and hyperparameters chosen. Each choice is made here, once.
 */
import { maxLengthOf } from "../../core/format/configuration.ts";
import type { FileRows } from "../measure/evaluate.ts";
import { InputError } from "../../core/errors.ts";
import type { BaseManifest, BuildName } from "../../core/format/manifest.ts";
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import type { Pooling } from "../../core/model/head.ts";
import type { Tokenizer } from "../../core/tokenizer/tokenizer.ts";
import { MAX_CHAINED_LABELS } from "../../core/model/transitions.ts";
import { balanceOf, duplicatesWithin, histogramOf, tokenCounts } from "../measure/data-summary.ts";
import type { DataSummary } from "../measure/data-summary.ts";
import { isNumber } from "../data/read.ts";
import type { Dataset, Example } from "../data/read.ts";
import { chooseSettings } from "./defaults.ts";
import { labelsOf, namesOf, problemTypeOf } from "../data/labels.ts";
import { labelWarnings } from "../data/label-warnings.ts";
import { isServed } from "../methods.ts";
import { LEAST_ROWS } from "../measure/other.ts";
import type { Hyperparameters, Method, Objective } from "../methods.ts";
import { chooseRecipe } from "./recipe.ts";
import type { Recipe } from "./recipe.ts";
import { divide, foldsToRun, withoutEvaluation } from "./divide.ts";
import { foldsName } from "../data/folds.ts";
import type { Fold } from "../data/folds.ts";
import { newTexts, readUnlabelled, teacherOf } from "./teaching.ts";
import type { TeacherSettings, UnlabelledReader } from "./teaching.ts";
import { tagSetWarnings } from "../data/tag-set.ts";
import { startingFrom } from "./pretrained.ts";
import type { PretrainedPrefix } from "./pretrained.ts";
import type { DataFile, TaskSpec } from "./spec.ts";
import { chooseTrainGraph } from "../graph/choice.ts";
import type { TrainGraph } from "../graph/choice.ts";

/** Where a task's files are, which the caller knows: paths on a disk, or files that a page was given. */
export interface TaskSources {
  /** Reads data files; without a type the first of them decides it for all. */
  read(
    files: readonly DataFile[],
    kind: { readonly type: TaskType | undefined; readonly problemType: ProblemType | undefined },
  ): Promise<Dataset[]>;
  /** Reads files of texts without labels; absent where no teacher can be opened. */
  readonly unlabelled?: UnlabelledReader;
  /** The pretrained prefix that a task.json names. */
  pretrained(name: string, base: BaseManifest): Promise<PretrainedPrefix>;
  /** Without evaluation files a tenth of the rows is set aside, however few there are: none by folds. */
  readonly alwaysSplits?: boolean;
  /** Receives one line about anything worth knowing that is no error. */
  readonly note: (line: string) => void;
  /** Engine and numeric form of what serves a base. */
  readonly servingBuild: (base: BaseManifest) => BuildName;
}

/** A task with every choice made and its data in memory. */
export interface PreparedTask {
  readonly type: TaskType;
  readonly problemType: ProblemType;
  readonly method: Method;
  readonly objective: Objective;
  /** What virtual tokens and deltas start from; null: from random numbers. */
  readonly init: PretrainedPrefix | null;
  readonly labels: readonly string[];
  readonly numVirtualTokens: number;
  readonly pooling: Pooling;
  readonly maxLength: number;
  readonly hyperparameters: Hyperparameters;
  readonly trainGraph: TrainGraph;
  /** A token task whose head reads word shapes, and whose tags are chosen together. */
  readonly readsWords: boolean;
  /** The answer to texts that fit no label; null: each text gets a label. */
  readonly other: string | null;
  /** A token task: the later pieces of a word have labels, too. */
  readonly labelAllTokens: boolean;
  readonly seed: number;
  readonly train: readonly Example[];
  /** Texts that only a teacher answers. */
  readonly unlabelled: readonly Example[];
  /** Who answers the training rows, too; null: their labels are all there is. */
  readonly teacher: TeacherSettings | null;
  readonly evaluation: readonly Example[];
  /** Rows held out in turn where none are set aside, since there are few; null: there are evaluation rows. */
  readonly folds: readonly Fold[] | null;
  /** Names of the evaluation files, or of how the training rows were divided. */
  readonly evaluationName: string;
  /** The evaluation files with their rows, in the order of `evaluation`; empty for a split. */
  readonly evaluationFiles: readonly FileRows[];
  /** Where each training row stands: `reviews.csv:12`; a run does not depend on it. */
  readonly places: ReadonlyMap<Example, string>;
  /** What the data looks like; a run does not depend on it. */
  readonly summary: DataSummary;
  /** What is odd about the labels (learn/data/label-warnings.ts); a run does not depend on it. */
  readonly warnings: readonly string[];
  /** Why each setting that was not asked for is what it is; a run does not depend on it. */
  readonly reasons: Readonly<Record<string, string>>;
}

/** The one label of a task that answers with a number. */
const NUMBER_LABELS = ["score"];

/** Settles a task; throws InputError on what cannot be trained. */
export async function prepareTask(
  given: TaskSpec,
  base: BaseManifest,
  tokenizer: Tokenizer,
  sources: TaskSources,
): Promise<PreparedTask> {
  const { note } = sources;
  const init = given.init === undefined ? null : await sources.pretrained(given.init, base);
  const spec = init ? startingFrom(given, init) : given;
  const seed = spec.seed ?? 0;
  const read = (list: readonly DataFile[], type: TaskType | undefined) =>
    sources.read(list, { type, problemType: spec.problem_type });
  const trainFiles = await read(spec.data.train, spec.type);
  const type = trainFiles[0]?.type;
  if (type === undefined) {
    throw new InputError("data-missing", "no training data: name a file with --data");
  }
  const files = { train: trainFiles, eval: await read(spec.data.eval, type) };
  const all = trainFiles.flatMap(({ examples }) => examples);
  const texts = await readUnlabelled(spec, sources.unlabelled);
  const recipe = chooseRecipe(
    {
      type,
      problemType: spec.problem_type ?? problemTypeOf(all, type),
      rows: Math.min(all.length, spec.max_rows ?? Infinity) + texts.length,
      numLabels: (spec.labels ?? labelsOf(all, type)).length,
    },
    spec,
  );
  const { method, objective } = recipe;
  const hasFolds = recipe.hasFewRows && files.eval.length === 0 && sources.alwaysSplits !== true;
  const { train, evaluation, evaluationName, inEvaluation } = hasFolds
    ? withoutEvaluation(files.train, spec, note)
    : divide(files, spec, note);

  const problemType = spec.problem_type ?? problemTypeOf(train, type);
  checkProblemType(problemType, type, train);
  if (spec.problem_type === undefined) checkScores(problemType, train);
  checkObjective(recipe, { type, problemType }, spec.hyperparameters);
  const teacher = teacherOf(spec, { type, problemType, objective });
  const labels =
    spec.labels ?? (problemType === "regression" ? NUMBER_LABELS : labelsOf(train, type));
  checkLabels(labels, problemType);
  const isChosen = given.problem_type !== undefined || given.labels !== undefined;
  const warnings = [
    ...labelWarnings([...train, ...evaluation], { type, problemType, isChosen }),
    ...(type === "token" ? tagSetWarnings(labels) : []),
  ];
  for (const warning of warnings) note(`warning: ${warning}`);
  const usable = withUsableLabels(train, labels, { type, problemType }, note);
  const folds = hasFolds ? foldsToRun(usable, { type, problemType }, seed) : null;
  const unlabelled = newTexts(texts, [...usable, ...evaluation], note);
  const pooling = type === "token" ? "none" : (spec.pooling ?? base.pooling ?? "mean");
  if (pooling === "pooler" && base.pooler === null) {
    throw new InputError(
      "pooling-unavailable",
      `pooling "pooler": base "${base.name}" has no pooler; allowed are cls and mean`,
    );
  }
  checkOther(spec.other, { type, problemType, method, labels }, folds ? usable : evaluation);
  const lengths = tokenCounts(usable, tokenizer);
  const baseMaxLength = maxLengthOf(base.configuration);
  const shape = {
    type,
    rows: usable.length + unlabelled.length,
    evaluationRows: evaluation.length,
    lengths,
    baseMaxLength,
  };
  const settings = chooseSettings(recipe, shape, spec);
  const { maxLength } = settings;
  const { trainGraph, reason } = chooseTrainGraph(
    spec.train_graph,
    method,
    base,
    sources.servingBuild(base),
  );
  const isFollowed = type !== "token" && spec.pooling === undefined && base.pooling !== null;
  const reasons = {
    ...recipe.reasons,
    ...settings.reasons,
    ...(isFollowed && { pooling: `as the checkpoint of ${base.name} says` }),
    ...(reason && { train_graph: reason }),
  };
  if (maxLength > baseMaxLength) {
    throw new InputError(
      "max-length-invalid",
      `max_length ${maxLength}: base "${base.name}" reads at most ${baseMaxLength} tokens`,
    );
  }
  // A fine-tuned checkpoint is Hugging Face's own, which knows no other head.
  const readsWords = (): boolean => {
    if (type !== "token" || spec.plain_head === true || method === "full") return false;
    if (labels.length <= MAX_CHAINED_LABELS) return true;
    note(
      `${labels.length} labels: each tag is chosen alone, as with --plain-head; up to ${MAX_CHAINED_LABELS} are chosen together`,
    );
    return false;
  };
  const factsOf = (use: "train" | "eval") =>
    files[use].map(({ name, examples, badRows }) => ({
      name,
      use,
      rows: examples.length,
      badRows,
    }));
  return {
    type,
    problemType,
    method,
    objective,
    init,
    labels,
    pooling,
    ...settings,
    trainGraph,
    readsWords: readsWords(),
    other: spec.other ?? null,
    labelAllTokens: type === "token" && spec.label_all_tokens,
    warnings,
    reasons,
    seed,
    train: usable,
    unlabelled,
    teacher,
    evaluation,
    evaluationName: folds ? foldsName(folds[0]!.of, evaluationName) : evaluationName,
    folds,
    places: placesOf(files.train),
    evaluationFiles: spec.data.eval.map(({ path }, i) => {
      const { name, examples } = files.eval[i]!;
      return { name: isInside(path) ? path : name, rows: examples.length };
    }),
    summary: {
      files: [...factsOf("train"), ...factsOf("eval")],
      balance: balanceOf(usable, evaluation, { type, problemType, labels }),
      lengths: {
        train: histogramOf(lengths),
        eval: histogramOf(tokenCounts(evaluation, tokenizer)),
      },
      cutShare: lengths.filter((length) => length > maxLength).length / lengths.length,
      duplicates: { inEvaluation, ...duplicatesWithin(usable) },
    },
  };
}

/** Whether a path says nothing of the folders above those that data is looked for in. */
const isInside = (path: string): boolean => !/^(?:[/\\]|\.\.|[a-z]:)/i.test(path);

const placesOf = (datasets: readonly Dataset[]): Map<Example, string> =>
  new Map(
    datasets.flatMap(({ name, lineOf }) =>
      Array.from(lineOf, ([example, line]) => [example, `${name}:${line}`] as const),
    ),
  );

/** Refuses a contrastive objective where nothing says which rows belong together, or the head cannot be served. */
function checkObjective(
  { method, objective }: Recipe,
  { type, problemType }: { readonly type: TaskType; readonly problemType: ProblemType },
  { prefix_dropout: dropout = 0 }: Partial<Hyperparameters>,
): void {
  if (objective === "head") return;
  const obstacle =
    type === "token" || problemType === "regression"
      ? "it needs one label a text, or several"
      : !isServed(method)
        ? `method "${method}" has no frozen base to fit a head on`
        : method === "linear"
          ? `method "linear" has nothing but a head to train`
          : dropout > 0
            ? "prefix_dropout would compare rows under other prefixes than they are trained with"
            : null;
  if (obstacle === null) return;
  throw new InputError(
    "training-unsupported",
    `objective "contrastive": ${obstacle}; allowed is "head"`,
  );
}

/** Refuses a label for texts that fit none where there is no such thing, or too few rows to judge by. */
function checkOther(
  other: string | undefined,
  {
    type,
    problemType,
    method,
    labels,
  }: Pick<PreparedTask, "type" | "problemType" | "method" | "labels">,
  judged: readonly Example[],
): void {
  if (other === undefined) return;
  const obstacle =
    type === "token" || problemType !== "single_label_classification"
      ? "it needs one label a text"
      : !isServed(method)
        ? `method "${method}" is never served`
        : other.trim() === ""
          ? "the name is empty; expected what such texts are to be answered"
          : labels.includes(other)
            ? "it is one of the labels; choose another name"
            : judged.length < LEAST_ROWS
              ? `there are ${judged.length} rows to judge it by, and at least ${LEAST_ROWS} are needed`
              : null;
  if (obstacle === null) return;
  throw new InputError("other-unavailable", `other "${other}": ${obstacle}`);
}

function checkProblemType(
  problemType: ProblemType,
  type: TaskType,
  train: readonly Example[],
): void {
  if (type === "token" && problemType !== "single_label_classification") {
    throw new InputError(
      "training-unsupported",
      `problem_type "${problemType}": a token task is trained with single_label_classification`,
    );
  }
  const several = train.find(({ labels }) => labels.length !== 1);
  if (type === "sequence" && problemType === "single_label_classification" && several) {
    throw new InputError(
      "training-unsupported",
      `problem_type "${problemType}": a row has ${several.labels.length} labels (${several.labels.join(", ")}); leave it out, or say multi_label_classification`,
    );
  }
}

/** Scores are read for one label a text, unless several were asked for. */
function checkScores(problemType: ProblemType, train: readonly Example[]): void {
  if (problemType === "single_label_classification" || !train.some(({ shares }) => shares)) return;
  throw new InputError(
    "training-unsupported",
    `rows have a score for each label, and others several labels or none; if several may hold, say --problem-type ${problemType}`,
  );
}

function checkLabels(labels: readonly string[], problemType: ProblemType): void {
  const [needed, most] = {
    single_label_classification: [2, Infinity],
    multi_label_classification: [1, Infinity],
    regression: [1, 1],
  }[problemType] as [number, number];
  if (labels.length < needed) {
    throw new InputError(
      "labels-too-few",
      `the training rows have ${labels.length} labels (${labels.join(", ")}), at least ${needed} are needed`,
    );
  }
  if (labels.length > most) {
    throw new InputError(
      "labels-too-many",
      `"labels" names ${labels.length}; a number that is answered has one name`,
    );
  }
}

/** Rows whose labels are in the list, or are numbers where numbers are learned. */
function withUsableLabels(
  train: readonly Example[],
  labels: readonly string[],
  { type, problemType }: { readonly type: TaskType; readonly problemType: ProblemType },
  note: (line: string) => void,
): readonly Example[] {
  if (type === "token") return train;
  const known = new Set(labels);
  const isUsable = (label: string): boolean =>
    problemType === "regression" ? isNumber(label) : known.has(label);
  const kept = train.filter((example) => namesOf(example).every(isUsable));
  if (kept.length < train.length) {
    note(`${train.length - kept.length} training rows left out: their label is not in the list`);
  }
  if (kept.length > 0) return kept;
  throw new InputError("data-empty", "no training rows are left; do labels and data agree?");
}
