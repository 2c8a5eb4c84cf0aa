/** Questions to any mix of tasks by name -> answers: what the request path is without HTTP. */
import type { Hold } from "./flight.ts";
import type {
  Outcome,
  PredictParameters,
  Prediction,
  Progress,
  TextInput,
  Timings,
  Usage,
} from "./prediction.ts";
import type { Serving } from "./serving.ts";

/** Which version of a task answers; by default the current one, or its canary by chance. */
export interface VersionChoice {
  readonly version?: string | undefined;
  /** The same key always gets the same version of a task that has a canary. */
  readonly canaryKey?: string | undefined;
}

/** One input of a mixed call. */
export interface Question {
  readonly task: string;
  readonly input: string | TextInput;
  readonly parameters?: PredictParameters | undefined;
}

/** The call that asks. */
export interface Asking {
  readonly hold: Hold;
  readonly signal: AbortSignal;
  /** Filled while answering. */
  readonly timings?: Timings;
  readonly usage?: Usage;
}

/** Which version of each task has answered. */
export type Versions = Readonly<Record<string, string>>;

type Parts = Pick<Serving, "models" | "predictor">;

/**
 * Answers in the order of the questions, each as soon as it is ready; their rows share runs of the
 * base. Leaving the loop drops what has not run. Throws what Predictor.open throws. Ends with the
 * versions that have answered.
 */
export async function* answerQuestions(
  { models, predictor }: Parts,
  questions: readonly (Question & VersionChoice)[],
  { hold, ...how }: Asking,
): AsyncGenerator<Prediction, Versions> {
  const base = await models.get(hold);
  const open = (task: string, choice: VersionChoice) => predictor.open(task, { ...choice, hold });
  // Each task is looked up once, so that one call never mixes two versions of it.
  const opened = new Map<string, ReturnType<typeof open>>();
  for (const { task, version, canaryKey } of questions) {
    if (!opened.has(task)) opened.set(task, open(task, { version, canaryKey }));
  }
  await Promise.all(opened.values());
  const asks = await Promise.all(
    questions.map(async ({ task, input, parameters = {} }) => {
      const found = await opened.get(task)!;
      return { task: found.task, input: toInput(input), parameters };
    }),
  );
  yield* withoutProgress(predictor.predictMany(base, asks, how));
  return Object.fromEntries(asks.map(({ task }) => [task.manifest.task, task.version]));
}

const toInput = (input: string | TextInput): TextInput =>
  typeof input === "string" ? { text: input } : input;

/** The answers alone. */
export async function* withoutProgress<T>(
  items: AsyncGenerator<Outcome<T> | Progress>,
): AsyncGenerator<Outcome<T>> {
  for await (const item of items) if (!("progress" in item)) yield item;
}
