/**
 * The library's front door: the bindings of a Worker -> every route, and a predictor without HTTP,
 * over one base in memory.
 */
import type { Hono } from "hono";
import { createApp } from "./app.ts";
import { compose } from "./compose.ts";
import { openDefaultEngine } from "./default-engine.ts";
import type { Env } from "./http/settings/config.ts";
import type {
  EmbedParameters,
  Outcome,
  PredictParameters,
  Prediction,
  TextInput,
} from "./serve/prediction.ts";
import { answerQuestions, withoutProgress } from "./serve/questions.ts";
import type { Asking, Question, VersionChoice } from "./serve/questions.ts";

export type { Question, VersionChoice } from "./serve/questions.ts";

/** The request that asks, as far as a prediction needs it. */
export interface CallContext {
  /** The request's execution context: a base that is loading must outlive the request that began it. */
  readonly ctx: { waitUntil(promise: Promise<unknown>): void };
  /** Drops what has not run when it aborts; usually the request's own signal. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Answers texts without HTTP. Every method is an async generator: answers arrive in the order of
 * the inputs, each as soon as it is ready, and leaving the loop drops what has not run.
 *
 * A fault of one input is that input's answer, `{ index, error }`. What stops all of them is thrown,
 * always an EdgePrefixError: NotFoundError `task-not-found`, `version-not-found`; MismatchError
 * `prefix-base-mismatch`; UnavailableError `base-not-ready`, `task-corrupt`, `bucket-unavailable`;
 * OverloadedError `overloaded`. docs/errors.md has every code.
 */
export interface TextPredictor {
  /** Answers by one task: labels with scores from 0 to 1, best first, or entities in text order. */
  predict(
    task: string,
    inputs: readonly (string | TextInput)[],
    parameters: PredictParameters,
    context: CallContext & VersionChoice,
  ): AsyncGenerator<Prediction>;
  /** Answers any mix of tasks; their rows share runs of the base. */
  predictMany(questions: readonly Question[], context: CallContext): AsyncGenerator<Prediction>;
  /** The base's own vector of each text, [hidden size], of length 1 unless `normalize` is false. */
  embed(
    texts: readonly string[],
    parameters: EmbedParameters,
    context: CallContext,
  ): AsyncGenerator<Outcome<Float32Array>>;
}

export interface TextWorker {
  /** Every route of docs/http.md, to be mounted below a path or served as it is. */
  readonly app: Hono<{ Bindings: Env }>;
  readonly predictor: TextPredictor;
}

/**
 * Makes both, over the same base. Nothing is loaded before the first request. Call it once an
 * isolate, at module level: each call has a base of its own, and its memory is never given back.
 *
 * `env` needs a bucket as BUCKET and the name of a base as BASE; docs/settings.md has the rest.
 * Throws InputError `config-invalid` that lists every wrong setting.
 */
export function createWorker(env: Env): TextWorker {
  const deps = compose(env, openDefaultEngine);
  const { models, predictor } = deps;
  const never = new AbortController().signal;

  const predictMany = (
    questions: readonly (Question & VersionChoice)[],
    { ctx, signal = never }: CallContext,
  ): AsyncGenerator<Prediction> => answerQuestions(deps, questions, { hold: holdBy(ctx), signal });

  return {
    // What its handlers hand each other (Hono's Variables) is not a parent's concern.
    app: createApp(deps) as unknown as TextWorker["app"],
    predictor: {
      predict(task, inputs, parameters, { version, canaryKey, ...context }) {
        const question = { task, parameters, version, canaryKey };
        return predictMany(
          inputs.map((input) => ({ ...question, input })),
          context,
        );
      },
      predictMany,
      async *embed(texts, parameters, { ctx, signal = never }) {
        const base = await models.get(holdBy(ctx));
        yield* withoutProgress(predictor.embed(base, texts, parameters, { signal }));
      },
    },
  };
}

const holdBy =
  (ctx: CallContext["ctx"]): Asking["hold"] =>
  (promise) =>
    ctx.waitUntil(promise);
