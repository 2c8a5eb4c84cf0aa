/**
 * Distillation: a small base learns to have the hidden states of a larger one. It is THE LOOP
 * (trainer.ts) over the weights. An "epoch" is the steps between two measurements; the number of steps
 * is given, or follows from a number of minutes.
 */
import { InputError, MismatchError } from "../../../src/core/errors.ts";
import type { Tokenizer } from "../../../src/core/tokenizer/tokenizer.ts";
import { toFloat32 } from "../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import type { GraphFiles, Session } from "../../../src/engine/session.ts";
import type { Weights } from "../../../src/encoder/layers/tensor-spec.ts";
import type { Base } from "../../../src/encoder/base.ts";
import type { TableForm } from "../../../src/encoder/quantize-weights.ts";
import { packTable, unpackTable } from "../../../src/graph/quantization/packed-table.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import type { Hyperparameters } from "../../../src/learn/methods.ts";
import { initialParams, weightParameters } from "../../../src/learn/graph/parameters.ts";
import type { Encoder, Parameter } from "../../../src/learn/graph/parameters.ts";
import { derive, keyOf } from "../../../src/learn/random.ts";
import { groupsOf, openSavedRun } from "../../../src/learn/loop/saved-run.ts";
import type { EpochRecord, Fingerprint, RunState } from "../../../src/learn/loop/run-state.ts";
import { encoderOf } from "../../../src/learn/loop/step.ts";
import type { Evaluation, Plan, StepReport } from "../../../src/learn/loop/trainer.ts";
import type { Course } from "../../../src/learn/loop/course.ts";
import { alignText } from "./align.ts";
import type { AlignedText } from "./align.ts";
import { roundsOf, tokenBatches } from "./batches.ts";
import type { Corpus } from "./corpus.ts";
import { openDistillSession } from "./session.ts";
import type { DistillSession } from "./session.ts";
import { similarityOf, viewOf } from "./similarity.ts";
import type { Similarity } from "./similarity.ts";
import { servedStates } from "./states.ts";
import { folderRun } from "../saved-run.ts";

export interface DistillSettings {
  /** Tokens of a step, padding counted. */
  readonly batchTokens: number;
  /** Longer texts are cut. */
  readonly maxLength: number;
  /** Steps between two measurements. */
  readonly stepsPerRound: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly warmupRatio: number;
  /** Weight of the distance of mean-pooled texts beside that of tokens. */
  readonly poolWeight: number;
  /** Whether the word table learns, too; a compact one that does not is learned around as it will be stored. */
  readonly trainsWords: boolean;
  readonly tables: TableForm;
  readonly seed: number;
}

export interface DistillRuntimes {
  readonly createSession: (files: GraphFiles) => Promise<Session>;
  /** A base as it answers: the teacher natively. */
  readonly openBase: (base: Base) => Promise<LoadedBase>;
}

export interface DistillOptions {
  /** Folder of the saved run. */
  readonly work: string;
  readonly resume: boolean;
  /** Start from the first step although an unfinished run is saved in `work`. */
  readonly overwrite?: boolean;
  /** Makes no more steps: the result is the best of the saved run so far. */
  readonly finish: boolean;
  /** The number of steps, once it is known what one takes. */
  readonly stepsFor: (secondsPerStep: () => Promise<number>) => Promise<number>;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly note: (line: string) => void;
  readonly onStep: (report: StepReport) => void;
  readonly onRound: (state: RunState) => void;
}

export interface DistillResult {
  /** Trained weights by name, of the round with the best token cosine. */
  readonly weights: Weights;
  readonly before: Similarity;
  readonly after: Similarity;
  readonly history: readonly EpochRecord[];
  readonly bestRound: number;
  readonly steps: number;
  /** Measures another base with the student's tokenizer in the student's place. */
  readonly measure: (base: LoadedBase) => Promise<Similarity>;
  readonly release: () => Promise<void>;
}

/** Everything that card, report and record of a finished distillation say. */
export interface DistillFacts {
  readonly student: Base;
  readonly teacher: Base;
  readonly corpus: Corpus;
  /** Where the texts of each file are from, with the licence; as many as were stated. */
  readonly sources: readonly string[];
  readonly settings: DistillSettings;
  readonly result: DistillResult;
  readonly seconds: number;
  /** Losses from step to step. */
  readonly course: Course;
}

export interface DistillPair {
  readonly student: Base;
  readonly teacher: Base;
  readonly tokenizers: { readonly student: Tokenizer; readonly teacher: Tokenizer };
}

const TIMED_STEPS = 4;
/** Held-back texts are cut here: measuring many of them, and often, should cost a few steps at most. */
const MAX_HELD_BACK_LENGTH = 128;

/** Trains `student`; an interrupted run is saved and returns only its step. */
export async function distill(
  { student, teacher, tokenizers }: DistillPair,
  corpus: Corpus,
  settings: DistillSettings,
  runtimes: DistillRuntimes,
  options: DistillOptions,
): Promise<({ readonly isDone: true } & DistillResult) | { isDone: false; step: number }> {
  const { signal, now, note } = options;
  checkPair(student, teacher);
  const key = keyOf(settings.seed);
  const hidden = student.manifest.configuration.hidden_size;
  const align = (text: string, maxLength = settings.maxLength): AlignedText =>
    alignText(text, tokenizers.student, tokenizers.teacher, maxLength);
  const cut = Math.min(MAX_HELD_BACK_LENGTH, settings.maxLength);
  const heldBack = corpus.heldBack.map(({ text, source }) => ({ ...align(text, cut), source }));

  const encoder = storedEncoder(encoderOf(student), settings);
  const trained = trainedWeights(encoder, settings);
  const loadedTeacher = await runtimes.openBase(teacher);
  const readTeacher = servedStates(loadedTeacher);
  const session = await openDistillSession({
    encoder,
    manifest: student.manifest,
    trained,
    poolWeight: settings.poolWeight,
    teacher: readTeacher,
    createSession: runtimes.createSession,
  });
  const release = async (): Promise<void> => {
    await session.release();
    await loadedTeacher.encoder.release();
  };
  const view = await viewOf(readTeacher, heldBack, "teacher", hidden, signal);
  const similarity = async (read: ReturnType<typeof servedStates>): Promise<Similarity> =>
    similarityOf(view, await viewOf(read, heldBack, "student", hidden, signal), heldBack, hidden);

  const first = initialParams(trained, derive(key, "init"));
  const steps = await options.stepsFor(() =>
    secondsPerStep(session, first, corpus, { align, settings, now }),
  );
  const { lengths, batches, hyperparameters } = planOf(corpus, align, settings, steps);
  const fingerprint = fingerprintOf(student, teacher, corpus, { ...settings, steps });
  const { store, program } = folderRun(options.work);
  const saved = await openSavedRun(store, {
    fingerprint,
    program,
    resume: options.resume || options.finish,
    ...(options.overwrite && { overwrite: true }),
    note: options.finish ? () => {} : note,
  });
  const start = saved.start(trained, derive(key, "init"));
  if (options.finish) {
    if (!start.best) {
      throw new InputError(
        "distill-unmeasured",
        `${options.work}: ${saved.state ? `the saved run has ${start.step} steps and no measurement` : "there is no saved run"}; --finish takes the best measured weights so far`,
      );
    }
    note(`as of step ${start.step}`);
  }
  const before = await similarity(session.states(first));
  note(`before: ${describe(before)}`);

  const plan: Plan = {
    hyperparameters,
    key,
    groups: groupsOf(trained),
    lengths,
    batches,
    step: (rows, params) =>
      session.step(
        rows.map((row) => align(corpus.texts[row]!)),
        params,
      ),
    evaluate: async (params): Promise<Evaluation> => {
      const { token_cosine, spearman } = await similarity(session.states(params));
      return { score: token_cosine, measures: { spearman } };
    },
  };
  const { state, isDone } = options.finish
    ? { state: start, isDone: true }
    : await saved.train(start, plan, {
        signal,
        now,
        onStep: options.onStep,
        onEpoch: options.onRound,
      });
  if (!isDone) {
    await release();
    return { isDone: false, step: state.step };
  }
  const best = state.best!;
  return {
    isDone: true,
    weights: withTrained(encoder.weights, trained, best.params),
    before,
    after: await similarity(session.states(best.params)),
    history: state.history,
    bestRound: best.epoch,
    steps: state.step,
    measure: (base) => similarity(servedStates(base)),
    release,
  };
}

/** One line for people. */
export const describe = ({ token_cosine, spearman }: Similarity): string =>
  `token cosine ${token_cosine.toFixed(4)}, Spearman of similarities ${spearman.toFixed(4)}`;

function checkPair(student: Base, teacher: Base): void {
  if (student.manifest.dtype !== "fp32") {
    throw new MismatchError(
      "distill-student",
      `student ${student.manifest.name}: is ${student.manifest.dtype}, expected fp32, since its weights are trained; make it with shrink --dtype fp32 from an fp32 base`,
    );
  }
  const [own, wanted] = [
    student.manifest.configuration.hidden_size,
    teacher.manifest.configuration.hidden_size,
  ];
  if (own === wanted) return;
  throw new MismatchError(
    "distill-width",
    `student ${student.manifest.name}: its hidden size is ${own}, the teacher's ${wanted}; a student made by shrink from the teacher has the same`,
  );
}

/** The encoder with its frozen word table as it will be stored: what is learned allows for the rounding. */
function storedEncoder(encoder: Encoder, { trainsWords, tables }: DistillSettings): Encoder {
  if (trainsWords || tables !== "compact") return encoder;
  const { wordTable } = encoder.architecture;
  const table = encoder.weights.get(wordTable)!;
  const values = { dtype: "float32", dims: table.dims, data: toFloat32(table) } as const;
  const rounded = unpackTable(packTable(values, 4), table.dims[1]!);
  return { ...encoder, weights: new Map([...encoder.weights, [wordTable, rounded]]) };
}

function trainedWeights(encoder: Encoder, { trainsWords }: DistillSettings): Parameter[] {
  const { wordTable } = encoder.architecture;
  return weightParameters(encoder.weights).filter(({ name }) => trainsWords || name !== wordTable);
}

function withTrained(
  weights: Weights,
  trained: readonly Parameter[],
  params: RunState["params"],
): Weights {
  const all = new Map<string, Tensor>(weights);
  for (const { name, dims } of trained) {
    all.set(name, { dtype: "float32", dims, data: params[name]! });
  }
  return all;
}

/** Lengths of as many texts as the steps read, and their batches. */
function planOf(
  corpus: Corpus,
  align: (text: string) => AlignedText,
  settings: DistillSettings,
  steps: number,
) {
  const lengths: number[] = [];
  let tokens = 0;
  for (const text of corpus.texts) {
    if (tokens >= steps * settings.batchTokens) break;
    const { length } = align(text).student.ids;
    lengths.push(length);
    tokens += length;
  }
  const perRound = Math.min(settings.stepsPerRound, steps);
  const rounds = Math.ceil(steps / perRound);
  const key = derive(keyOf(settings.seed), "batches");
  const batches = roundsOf({ lengths, batchTokens: settings.batchTokens, perRound, rounds, key });
  const hyperparameters: Hyperparameters = {
    learning_rate: settings.learningRate,
    epochs: rounds,
    batch_size: 0, // batches are cut by tokens
    weight_decay: settings.weightDecay,
    warmup_ratio: settings.warmupRatio,
    prefix_dropout: 0,
    max_grad_norm: 1,
    patience: 0,
  };
  return { lengths, batches, hyperparameters };
}

/** Of a few steps, without learning from them; the first one also sets up the runtime's memory. */
async function secondsPerStep(
  session: DistillSession,
  params: RunState["params"],
  corpus: Corpus,
  {
    align,
    settings,
    now,
  }: {
    align: (text: string) => AlignedText;
    settings: DistillSettings;
    now: () => number;
  },
): Promise<number> {
  const some = corpus.texts.slice(0, settings.batchTokens).map((text) => align(text));
  const lengths = some.map(({ student }) => student.ids.length);
  const batches = tokenBatches(lengths, settings.batchTokens, keyOf(settings.seed));
  let started = now();
  const timed = batches.slice(0, 1 + TIMED_STEPS);
  for (const [i, rows] of timed.entries()) {
    await session.step(
      rows.map((row) => some[row]!),
      params,
    );
    if (i === 0 && timed.length > 1) started = now();
  }
  return (now() - started) / 1000 / Math.max(1, timed.length - 1);
}

/** Everything that the course of a run depends on. */
function fingerprintOf(
  student: Base,
  teacher: Base,
  corpus: Corpus,
  settings: DistillSettings & { readonly steps: number },
): Fingerprint {
  return {
    kind: "distill",
    student: student.manifest.identity,
    teacher: teacher.manifest.identity,
    corpus: corpus.sha256,
    ...settings,
  };
}
