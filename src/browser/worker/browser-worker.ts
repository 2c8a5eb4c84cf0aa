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

let current: Loaded | null = null;

function loaded(): Loaded {
  if (current) return current;
  throw new InputError("base-not-loaded", "predictor: asked before its base was loaded");
}

const handlers: Handlers<PredictorCalls> = {
  async *load(ask, signal) {
    current = yield* load(ask, signal);
    return { ...current.state(), base: current.base };
  },
  async tasks() {
    return loaded().serving.tasks.list();
  },
  async task(name) {
    const { models, tasks } = loaded().serving;
    const { manifest } = await models.get(hold);
    const found = await tasks.describe(name, manifest, { hold });
    return { version: found.version, isStale: found.isStale, manifest: found.manifest };
  },
  async *predict(questions, signal) {
    const { serving, settled, state } = loaded();
    const timings = { tokenizeMs: 0, queueMs: 0, runMs: 0, decodeMs: 0 };
    const usage = { tokens: 0, windows: 0, truncated: 0 };
    const answers = answerQuestions(serving, questions, { hold, signal, timings, usage });
    let next = await answers.next();
    for (; next.done !== true; next = await answers.next()) yield sent(next.value);
    await settled();
    return { versions: next.value, timings, usage, ...state() };
  },
  async *embed({ texts, parameters }, signal) {
    const { serving, state } = loaded();
    const { models, predictor } = serving;
    const base = await models.get(hold);
    const vectors = withoutProgress(predictor.embed(base, texts, parameters, { signal }));
    for await (const outcome of vectors) yield sent(outcome);
    return state();
  },
};

serveCalls(self as unknown as Port, handlers);
