/** The parts that serve, in a Web Worker: files over HTTP, an engine of the page, and no limits of a server. */
import { createServing } from "../../serve/serving.ts";
import type { Serving, ServingConfig } from "../../serve/serving.ts";
import type { Backend, LoadAsk, LoadProgress } from "../calls.ts";
import { openEngine } from "./backend.ts";
import type { OpenedEngine } from "./backend.ts";
import { Download } from "./download.ts";
import { baseOf, filesAt } from "./files.ts";
import { clock, hold, sha256, startSha256 } from "./host.ts";

const MINUTE = 60_000;

/**
 * One person's page: nothing is refused for the sake of others, and what has been loaded is used for
 * ten minutes without a question, after that while a new look is under way. Without a network it is
 * used for as long as the page is open.
 */
const SETTINGS: Omit<ServingConfig, "base" | "scheduler"> = {
  predictor: { deadlineMs: Infinity, maxWindows: 4_096 },
  admission: { microsPerToken: 300, requestCpuMs: Infinity, maxHeapBytes: Infinity },
  tasks: {
    cacheBytes: 100_000_000,
    freshMs: 10 * MINUTE,
    maxLagMs: Infinity,
    maxStaleMs: Infinity,
  },
};

/** A GPU takes as long for a few tokens as for many: its time goes into starting each step. */
const MAX_BATCH_TOKENS: Readonly<Record<Backend, number>> = { wasm: 128, webgpu: 1024 };

export interface Loaded extends Pick<OpenedEngine, "state"> {
  /** Name of the base. */
  readonly base: string;
  readonly serving: Serving;
  /** Resolves when what has been read is kept for a time without a network. */
  settled(): Promise<void>;
}

/** How often the page hears of the download. */
const PROGRESS_MS = 100;

/** Loads the base that is served at `from`; yields how much of it has arrived. Throws what ModelStore.get throws. */
export async function* load(
  ask: LoadAsk,
  signal: AbortSignal,
): AsyncGenerator<LoadProgress, Loaded> {
  const { from, apiKey } = ask;
  const download = new Download();
  const { files, settled } = await filesAt(from, apiKey);
  const base = await baseOf(files, from);
  const { engine, state } = await openEngine(ask);
  const maxBatchTokens = MAX_BATCH_TOKENS[state().backend];
  const serving = createServing(
    { base, ...SETTINGS, scheduler: { maxBatchTokens, maxQueuedTokens: Infinity } },
    {
      bucket: download.fromBucket(files),
      engine: download.forEngine(engine),
      clock,
      sha256,
      startSha256,
    },
  );
  const loading = serving.models.get(hold);
  const over = loading.then(
    () => true,
    () => true,
  );
  do {
    signal.throwIfAborted();
    yield download.progress;
  } while (!(await Promise.race([over, clock.wait(PROGRESS_MS)])));
  await loading;
  yield download.progress;
  await settled();
  return { serving, state, base, settled };
}
