/** The Web Worker of a page: one base in memory, and what a page may ask of it. */
import { InputError } from "../../core/errors.ts";
import { answerQuestions, withoutProgress } from "../../serve/questions.ts";
import type { PredictorCalls } from "../calls.ts";
import { sent } from "../calls.ts";
import { serveCalls } from "../channel/channel.ts";
import type { Handlers, Port } from "../channel/channel.ts";
import { hold } from "./host.ts";
import { load } from "./load.ts";
import type { Loaded } from "./load.ts";

let loaded: Loaded | null = null;

function serving(): Loaded["serving"] {
  if (loaded) return loaded.serving;
  throw new InputError("base-not-loaded", "predictor: asked before its base was loaded");
}

const handlers: Handlers<PredictorCalls> = {
  async *load(ask, signal) {
    loaded = yield* load(ask, signal);
    const { backend, base } = loaded;
    return { backend, base };
  },
  async tasks() {
    return serving().tasks.list();
  },
  async task(name) {
    const { models, tasks } = serving();
    const { manifest } = await models.get(hold);
    const found = await tasks.describe(name, manifest, { hold });
    return { version: found.version, isStale: found.isStale, manifest: found.manifest };
  },
  async *predict(questions, signal) {
    for await (const outcome of answerQuestions(serving(), questions, { hold, signal })) {
      yield sent(outcome);
    }
  },
  async *embed({ texts, parameters }, signal) {
    const { models, predictor } = serving();
    const base = await models.get(hold);
    const vectors = withoutProgress(predictor.embed(base, texts, parameters, { signal }));
    for await (const outcome of vectors) yield sent(outcome);
  },
};

serveCalls(self as unknown as Port, handlers);
