/**
 * Answers in a page, without a server: the base and the tasks of a Worker or of a static folder are
 * loaded once, and texts never leave the machine. The work is done in a Web Worker.
 *
 *     const p = await loadPredictor({ from: "https://my-worker.example" });
 *     for await (const answer of p.predict("sentiment", ["a great film"])) ..
 */
import { InputError, UnavailableError } from "../core/errors.ts";
import type {
  EmbedParameters,
  Outcome,
  PredictParameters,
  Prediction,
  TextInput,
} from "../serve/prediction.ts";
import type { Question, VersionChoice } from "../serve/questions.ts";
import { received } from "./calls.ts";
import type {
  Backend,
  BackendState,
  CallFacts,
  LoadProgress,
  LoadedTask,
  PredictorCalls,
  SentOutcome,
} from "./calls.ts";
import { channelTo } from "./channel/channel.ts";
import { startWorker } from "./start-worker.ts";

export interface LoadOptions {
  /** Address of a Worker that gives out its files, or of a folder that `edge-prefix bundle` wrote. */
  readonly from: string | URL;
  /** What computes; by default the quicker one of those that this browser has. */
  readonly backend?: Backend | undefined;
  /** Where the Worker asks for a key. */
  readonly apiKey?: string | undefined;
  /** Told while the base is downloaded, about ten times a second. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Gives up the load. */
  readonly signal?: AbortSignal | undefined;
  /** Address of the script of the Web Worker; by default `browser-worker.js` at `from`. */
  readonly workerUrl?: string | URL | undefined;
  /** Lets WebGPU run on a GPU that the CPU stands in for: for tests, since wasm is far quicker. */
  readonly allowsSoftwareGpu?: boolean | undefined;
}

export interface CallOptions {
  /** Drops what has not run when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Answers as a Worker's predictor does (`createWorker`): the same types, the same errors, in the order
 * of the inputs, each answer as soon as it is ready. Leaving a loop drops what has not run.
 */
export interface BrowserPredictor {
  /** What computes. A GPU can be taken away from a page; then wasm goes on, and this says so. */
  readonly backend: Backend;
  /** Why WebGPU does not compute; null where it does, and where wasm was asked for. */
  readonly noWebgpu: string | null;
  /** Name of the base. */
  readonly base: string;
  /** Names of the tasks that are there. */
  tasks(): Promise<string[]>;
  /** A task's version and manifest. */
  task(name: string): Promise<LoadedTask>;
  /**
   * Answers by one task: labels with scores from 0 to 1, best first, or entities in text order. A
   * fault of one input is that input's answer. Ends with what the call has cost.
   */
  predict(
    task: string,
    inputs: readonly (string | TextInput)[],
    parameters?: PredictParameters,
    options?: CallOptions & VersionChoice,
  ): AsyncGenerator<Prediction, CallFacts>;
  /** Answers any mix of tasks; their rows share runs of the base. */
  predictMany(
    questions: readonly Question[],
    options?: CallOptions,
  ): AsyncGenerator<Prediction, CallFacts>;
  /** The base's own vector of each text, [hidden size]. */
  embed(
    texts: readonly string[],
    parameters?: EmbedParameters,
    options?: CallOptions,
  ): AsyncGenerator<Outcome<Float32Array>>;
  /** Ends the Web Worker and frees its memory; open calls fail with UnavailableError `worker-failed`. */
  close(): void;
}

/**
 * Loads the base. Throws what a Worker's predictor throws when its base cannot be loaded, and
 * UnavailableError `files-not-found` where nothing is given out at `from`, `worker-failed` where the
 * Web Worker cannot start, `page-insecure`, `webgpu-unavailable` where that backend was asked for and
 * cannot run, InputError `address-invalid` for a `from` that is no address.
 */
export async function loadPredictor(options: LoadOptions): Promise<BrowserPredictor> {
  const { backend, apiKey, onProgress, signal, allowsSoftwareGpu = false } = options;
  if (!globalThis.isSecureContext) {
    throw new UnavailableError(
      "page-insecure",
      `loadPredictor: ${globalThis.location.origin} is not served over https, and so the browser does not let the page check files; localhost needs no https`,
    );
  }
  const from = addressOf(options.from);
  const worker = startWorker(new URL(options.workerUrl ?? "browser-worker.js", from));
  const channel = channelTo<PredictorCalls>(worker);
  worker.addEventListener("error", (event) => {
    channel.fail(
      event.message || "cannot be started; is its script there, and allowed by the page?",
    );
  });
  const close = (): void => {
    worker.terminate();
    channel.fail("was closed");
  };
  let state: BackendState;

  async function* predictMany(
    questions: readonly (Question & VersionChoice)[],
    call: CallOptions = {},
  ): AsyncGenerator<Prediction, CallFacts> {
    const calling = channel.call("predict", questions, call.signal);
    const { backend: by, noWebgpu, ...facts } = yield* receivedAll(calling);
    state = { backend: by, noWebgpu };
    return facts;
  }

  try {
    const ask = {
      from: from.href,
      backend: backend ?? null,
      apiKey: apiKey ?? null,
      allowsSoftwareGpu,
    };
    const loading = channel.call("load", ask, signal);
    let next = await loading.next();
    for (; next.done !== true; next = await loading.next()) onProgress?.(next.value);
    const { base } = next.value;
    state = next.value;
    return {
      base,
      get backend() {
        return state.backend;
      },
      get noWebgpu() {
        return state.noWebgpu;
      },
      tasks: () => channel.ask("tasks", null),
      task: (name) => channel.ask("task", name),
      predict: (task, inputs, parameters, { version, canaryKey, ...call } = {}) =>
        predictMany(
          inputs.map((input) => ({ task, input, parameters, version, canaryKey })),
          call,
        ),
      predictMany,
      async *embed(texts, parameters = {}, call = {}) {
        state = yield* receivedAll(channel.call("embed", { texts, parameters }, call.signal));
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The outcomes of a call as they were sent, and its result. */
async function* receivedAll<T, R>(
  calling: AsyncGenerator<SentOutcome<T>, R>,
): AsyncGenerator<Outcome<T>, R> {
  try {
    let next = await calling.next();
    for (; next.done !== true; next = await calling.next()) yield received(next.value);
    return next.value;
  } finally {
    // Ends the call where the loop was left.
    await calling.return(undefined as never);
  }
}

/** A folder's address: "/a" is "/a/". */
function addressOf(from: string | URL): URL {
  try {
    const url = new URL(from, globalThis.location?.href);
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url;
  } catch (cause) {
    throw new InputError(
      "address-invalid",
      `loadPredictor: from is ${JSON.stringify(String(from))}, expected the address of a Worker or a folder`,
      { cause },
    );
  }
}
