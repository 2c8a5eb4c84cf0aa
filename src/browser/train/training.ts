/**
 * Training in a page: the base is loaded into a Web Worker of its own, which trains and measures there.
 * Data and task stay on the machine; the unfinished run is kept in the storage of the browser.
 */
import type { LoadProgress } from "../calls.ts";
import { channelTo } from "../channel/channel.ts";
import { startWorker } from "../start-worker.ts";
import type {
  Look,
  OpenResult,
  RunEnd,
  RunEvent,
  TrainingCalls,
  TrainingRequest,
  TriedAnswer,
} from "./calls.ts";

export interface OpenTrainingOptions {
  /** Address of the Worker or the static folder that gives out the base. */
  readonly from: string;
  /** Where the Worker asks for a key. */
  readonly apiKey?: string | undefined;
  /** Told while the base is downloaded. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

export interface Training extends OpenResult {
  look(request: TrainingRequest): Promise<Look>;
  /** Trains; null goes on with the unfinished run. Throws what prepareTask and trainTask throw. */
  train(request: TrainingRequest | null, onEvent: (event: RunEvent) => void): Promise<RunEnd>;
  stop(): Promise<void>;
  tryOut(text: string, pair: string | null): Promise<TriedAnswer>;
  close(): void;
}

/** Scripts and the runtime's wasm file lie beside the page's own (scripts/dev/page.ts). */
const WORKER = "train-worker.js";
const RUNTIME = "ort-wasm-simd-threaded.wasm";

/** Loads the base. Throws what `loadPredictor` throws. */
export async function openTraining(options: OpenTrainingOptions): Promise<Training> {
  const from = new URL(options.from.endsWith("/") ? options.from : `${options.from}/`);
  const worker = startWorker(new URL(WORKER, from));
  const channel = channelTo<TrainingCalls>(worker);
  worker.addEventListener("error", (event) => {
    channel.fail(event.message || "cannot be started; is its script there?");
  });

  async function call<K extends keyof TrainingCalls>(
    name: K,
    ask: TrainingCalls[K]["ask"],
    onItem: (item: TrainingCalls[K]["item"]) => void = () => undefined,
  ): Promise<TrainingCalls[K]["result"]> {
    const items = channel.call(name, ask);
    let next = await items.next();
    for (; next.done !== true; next = await items.next()) onItem(next.value);
    return next.value;
  }
  const close = (): void => {
    worker.terminate();
    channel.fail("was closed");
  };
  try {
    const ask = {
      from: from.href,
      apiKey: options.apiKey ?? null,
      runtimeUrl: new URL(RUNTIME, from).href,
    };
    const opened = await call("open", ask, options.onProgress);
    return {
      ...opened,
      look: (request) => call("look", request),
      train: (request, onEvent) => call("train", request, onEvent),
      stop: () => call("stop", null),
      tryOut: (text, pair) => call("tryOut", { text, pair }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
