/**
 * Answers that are computed in this page, by the predictor that every page can load. It is loaded once
 * it is wanted; from then on no text leaves the machine.
 */
import { rangesOf } from "./bulk.ts";
import type { Answer, Question } from "./bulk.ts";
import { ServerError } from "./client.ts";
import type { Answered, TaskAnswer, TaskDescription } from "./client.ts";
import { keptTasks } from "./kept-tasks.ts";
import { inputsOf } from "./request.ts";
import type { Ask, Texts } from "./request.ts";
import type { Backend, BrowserPredictor, LoadProgress } from "../browser.ts";
import { keepOffline } from "../offline/keep.ts";

export interface Local {
  /** What computes, once the predictor is loaded. */
  readonly backend: Backend | null;
  /** Whether all that computes is kept in this browser, so that it needs no network any more. */
  readonly isKept: boolean;
  /** Why WebGPU does not compute where it was not asked away; null where it does. */
  readonly noWebgpu: string | null;
  /** Loads the predictor where that was not done; `onProgress` hears of the download. Throws ServerError. */
  load(backend: Backend | null, onProgress: (progress: LoadProgress) => void): Promise<void>;
  /** Tasks that this browser can answer without a network; none where it has loaded none. Throws ServerError. */
  tasks(): Promise<TaskDescription[]>;
  /** Asks one text of one or several tasks. Throws ServerError. */
  predict(asks: readonly Ask[], texts: Texts, signal: AbortSignal): Promise<Answered>;
  /** Answers questions in their order. Throws ServerError. */
  askAll(questions: readonly Question[], signal: AbortSignal): AsyncGenerator<Answer>;
}

/** Where the predictor keeps files (src/browser/worker/kept-files.ts). */
const FILES = "edge-prefix";

/** Scripts that the page loads when it computes: at the root of the Worker, wherever the app is mounted. */
const MODULE = "/browser.js";
const WORKER = "/browser-worker.js";

/** A predictor for the tasks of the Worker at `root`. */
export function createLocal(root: string, key: () => string): Local {
  let loading: Promise<BrowserPredictor> | null = null;
  let loadedAs: Backend | null = null;
  let predictor: BrowserPredictor | null = null;
  let isKept = false;

  async function start(
    backend: Backend | null,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<BrowserPredictor> {
    const { loadPredictor } = (await import(MODULE as string)) as typeof import("../browser.ts");
    const own = key();
    return loadPredictor({
      from: root,
      workerUrl: new URL(WORKER, location.origin),
      onProgress,
      ...(backend === null ? {} : { backend }),
      ...(own === "" ? {} : { apiKey: own }),
    });
  }

  async function* outcomesOf(
    questions: readonly Question[],
    signal: AbortSignal,
  ): AsyncGenerator<Answer> {
    if (!predictor) throw new TypeError("local: is asked before it is loaded");
    const asked = questions.map(({ task, inputs }) => ({ task, input: inputs }));
    for await (const outcome of predictor.predictMany(asked, { signal })) {
      if ("error" in outcome) {
        const { code, message: detail } = outcome.error;
        yield { index: outcome.index, outcome: { error: { code, detail } } };
      } else yield { index: outcome.index, outcome: { result: outcome.result } };
    }
  }

  /** The versions that answered; one that cannot be told has failed, and says so by its answer. */
  const withVersions = (answers: readonly TaskAnswer[]): Promise<TaskAnswer[]> =>
    Promise.all(
      answers.map(async (answer) => {
        const known = await predictor?.task(answer.task).catch(() => null);
        return known ? { ...answer, version: known.version, isStale: known.isStale } : answer;
      }),
    );

  async function load(
    backend: Backend | null,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<BrowserPredictor> {
    if (predictor && backend !== null && backend !== predictor.backend) {
      predictor.close();
      [predictor, loading] = [null, null];
    }
    if (loading === null || loadedAs !== backend) {
      loadedAs = backend;
      loading = start(backend, onProgress);
    }
    try {
      predictor = await loading;
    } catch (error) {
      loading = null;
      throw asServerError(error);
    }
    const isOnGpu = predictor.backend === "webgpu";
    isKept = (await keepOffline("wasm")) && (!isOnGpu || (await keepOffline("webgpu")));
    return predictor;
  }

  return {
    get backend() {
      return predictor?.backend ?? null;
    },
    get isKept() {
      return isKept;
    },
    get noWebgpu() {
      return predictor?.noWebgpu ?? null;
    },

    async load(backend, onProgress) {
      await load(backend, onProgress);
    },

    async tasks() {
      const hasLoaded = (await globalThis.caches?.has(FILES)) === true;
      return hasLoaded ? keptTasks(await load(null, () => undefined)) : [];
    },

    async predict(asks, texts, signal) {
      const startedAt = performance.now();
      const questions = asks.map((ask) => ({
        task: ask.task,
        type: ask.type,
        inputs: inputsOf(ask, texts),
      }));
      const answers: TaskAnswer[] = [];
      for await (const { index, outcome } of outcomesOf(questions, signal)) {
        answers.push({ task: asks[index]!.task, version: null, isStale: false, outcome });
      }
      const totalMs = performance.now() - startedAt;
      return { answers: await withVersions(answers), serverTiming: "", totalMs, requestId: null };
    },

    async *askAll(questions, signal) {
      // A few at a time, as the edge is asked: what waits in the page's own queue is bounded, too.
      for (const { from, to } of rangesOf(questions)) {
        for await (const { index, outcome } of outcomesOf(questions.slice(from, to), signal)) {
          yield { index: from + index, outcome };
        }
      }
    },
  };
}

/** Errors of the predictor have the codes of the Worker's. */
function asServerError(error: unknown): Error {
  if (!(error instanceof Error) || error instanceof ServerError) return error as Error;
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return new ServerError({ code, detail: error.message }, 0);
}
