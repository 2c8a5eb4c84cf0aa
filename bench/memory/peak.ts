/**
 * What a base takes of an isolate: the whole Worker in a fresh workerd loads it from its bucket and
 * answers a text of 512 tokens. The wasm memory only grows, so its size is its peak. V8 is asked behind
 * both steps: while a step is under way it does not answer. What exists only meanwhile, such as copies of
 * a file on its way, is in the process's peak (resident.ts), from which what the process held before is
 * taken away.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { publishBase, readManifestOfBase } from "../../scripts/publish/publish-base.ts";
import { putTask, talkTo } from "../served/client.ts";
import type { Bundle } from "../served/direct.ts";
import { startDirect } from "../served/direct.ts";
import { connectInspector } from "../served/inspector.ts";
import { watchResident } from "./resident.ts";

/** Bytes at one stretch of an isolate's life. */
export interface Usage {
  readonly wasm: number;
  /** Live objects of JavaScript and the buffers behind them. */
  readonly live: number;
  /** The same with what waits for a collection: all that the step has left. */
  readonly used: number;
}

export interface Peak {
  readonly loaded: Usage;
  readonly after_1x512: Usage;
  /** The most that wasm memory and live objects were together. */
  readonly peak: number;
  /**
   * The most that the process has taken at any moment of each step, beyond what it held when idle and
   * with the idle isolate's own live objects: transient copies and uncollected garbage are in it, and the
   * emulated bucket's buffers. null where the system does not say.
   */
  readonly transient: { readonly load: number; readonly run: number } | null;
}

const TASK = "memory";
const TOKENS = 512;
/** Each is at least one token, so the text fills the window. */
const TEXT = "a ".repeat(TOKENS);

/**
 * Old space of the measured Worker in MB. Without a bound V8 lets garbage lie that it would collect in
 * an isolate of 128 MB; with it, what is used is close to what is needed.
 */
const MAX_OLD_SPACE_MB = 32;
/** miniflare hands it to workerd when it starts. */
const V8_FLAGS = "MINIFLARE_WORKERD_V8_FLAGS";

/** Measures a base folder by a bundled Worker of one engine. */
export async function measurePeak(bundle: Bundle, folder: string): Promise<Peak> {
  const persist = await mkdtemp(join(tmpdir(), "edge-prefix-memory-"));
  try {
    const { manifest } = await readManifestOfBase(folder);
    const variables = { BASE: manifest.name };
    const filling = await startDirect(variables, { start: bundle, persist });
    try {
      await publishBase(filling.bucket, folder);
      const asked = { numVirtualTokens: 16, maxLength: TOKENS };
      await putTask({ bucket: filling.bucket, base: manifest }, TASK, asked);
    } finally {
      await filling.stop();
    }
    process.env[V8_FLAGS] = `--max-old-space-size=${MAX_OLD_SPACE_MB}`;
    const started = await startDirect(variables, { start: bundle, persist });
    delete process.env[V8_FLAGS];
    try {
      const served = { ...started, ...talkTo(started) };
      const inspector = await connectInspector(started);
      const usage = async (): Promise<Usage> => {
        const used = await inspector.usedBytes();
        return { used, live: await inspector.liveBytes(), wasm: await served.metric("heap_bytes") };
      };
      const resident = await watchResident();
      const idle = await inspector.liveBytes();
      const before = (await resident?.now()) ?? 0;
      await resident?.peak();
      const most = async (): Promise<number> => idle + ((await resident?.peak()) ?? 0) - before;
      while (!(await served.get("/readyz")).ok) await wait(20);
      const load = await most();
      const loaded = await usage();
      const { status, body } = await served.ask(TASK, TEXT);
      if (status !== 200) throw new Error(`bench memory: the Worker answered ${status}: ${body}`);
      const run = await most();
      const after_1x512 = await usage();
      inspector.close();
      const peak = Math.max(...[loaded, after_1x512].map(({ wasm, live }) => wasm + live));
      return { loaded, after_1x512, peak, transient: resident && { load, run } };
    } finally {
      await started.stop();
    }
  } finally {
    await rm(persist, { recursive: true, force: true });
  }
}
