/**
 * What a request of a batch asks and how its answer is written, for each route that a batch may have: by
 * the code of that route, without a request of HTTP. So the texts of many requests go to the predictor in
 * one call.
 */
import { FailedInputError } from "../answers/problem.ts";
import type { Problem } from "../answers/problem.ts";
import { atInput, collect } from "../answers/answering.ts";
import type { AppDeps } from "../context/context.ts";
import { checkInputs, countInputs } from "../doors/limits.ts";
import { checkForBase, embeddingsAnswer, inputPath } from "../routes/openai.ts";
import { answerItems, arrangeItems, gather, readItems } from "../routes/predict-many.ts";
import { bodyOf, readTaskRequest } from "../routes/predict.ts";
import { readEmbeddingsRequest } from "../schemas/base-schema.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import type { Answer, Ask, Opened, Outcome, Progress } from "../../serve/predictor.ts";
import { lengthOfInput } from "./by-length.ts";

/** A request that has been read and checked. */
export interface Question<A, T> {
  readonly asks: readonly A[];
  /** Outcomes of the asks, in their order -> the body of the answer. Throws the request's failure. */
  answer(outcomes: readonly Outcome<T>[]): Promise<unknown>;
}

/** What a route asks of the predictor. */
export interface BulkRoute<A, T> {
  /** Reads a body; throws what the route answers with a problem. */
  read(body: unknown, describe: (error: unknown) => Problem): Promise<Question<A, T>>;
  run(asks: readonly A[]): AsyncIterable<Outcome<T> | Progress>;
  lengthOf(ask: A): number;
}

/** What all requests of one call share. */
export interface BulkCall {
  readonly deps: Pick<AppDeps, "config" | "predictor">;
  readonly base: LoadedBase;
  readonly open: (task: string, version: string | undefined) => Promise<Opened>;
  readonly signal: AbortSignal;
}

/** How the texts of tasks are asked, whichever route names the tasks. */
const ofTasks = ({
  deps: { predictor },
  base,
  signal,
}: BulkCall): Pick<BulkRoute<Ask, Answer>, "run" | "lengthOf"> => ({
  run: (asks) => predictor.predictMany(base, asks, { signal }),
  lengthOf: ({ input }) => lengthOfInput(input),
});

/** POST /v1/tasks/{task}/predict. */
export const taskRoute = (
  call: BulkCall,
  name: string,
  pinned: string | undefined,
): BulkRoute<Ask, Answer> => ({
  async read(body) {
    const { deps, open } = call;
    const asked = readTaskRequest(body, deps.config, pinned);
    const { inputs, isSingle, parameters, version, failures } = asked;
    for (const [index, failure] of failures) throw atInput(index, failure, isSingle);
    const { task } = await open(name, version);
    return {
      asks: inputs.map((input) => ({ task, input, parameters })),
      answer: async (outcomes) =>
        bodyOf(await collect(outcomes, isSingle), isSingle, task.manifest.type),
    };
  },
  ...ofTasks(call),
});

/** POST /v1/predict. */
export const itemsRoute = (call: BulkCall): BulkRoute<Ask, Answer> => ({
  async read(body, describe) {
    const {
      deps: { config },
      open,
    } = call;
    const arranged = await arrangeItems(readItems(body, config), config, ({ task, version }) =>
      open(task, version),
    );
    return {
      asks: arranged.asks,
      answer: (outcomes) => answerItems(gather(arranged, inTurn(outcomes)), describe),
    };
  },
  ...ofTasks(call),
});

/** POST /v1/embeddings. */
export const embeddingsRoute = ({
  deps: { config, predictor },
  base,
  signal,
}: BulkCall): BulkRoute<string, Float32Array> => ({
  async read(body) {
    countInputs(body, config);
    const request = readEmbeddingsRequest(body);
    checkForBase(request, base.manifest);
    const inputs = request.texts.map((text) => ({ text }));
    for (const [index, failure] of checkInputs(inputs, config)) {
      throw new FailedInputError(failure, inputPath(request, index));
    }
    return {
      asks: request.texts,
      async answer(outcomes) {
        const vectors: Float32Array[] = [];
        let tokens = 0;
        for (const outcome of outcomes) {
          if ("error" in outcome) {
            throw new FailedInputError(outcome.error, inputPath(request, outcome.index));
          }
          vectors.push(outcome.result);
          tokens += outcome.tokens;
        }
        return embeddingsAnswer(request, base.manifest, vectors, tokens);
      },
    };
  },
  run: (texts) => predictor.embed(base, texts, {}, { signal }),
  lengthOf: (text) => text.length,
});

async function* inTurn<T>(outcomes: readonly Outcome<T>[]): AsyncGenerator<Outcome<T>> {
  yield* outcomes;
}
