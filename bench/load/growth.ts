/** Whether memory grows: samples over time, and the difference between early and late ones. */
import type { Inspector } from "../served/inspector.ts";
import type { Served } from "../served/client.ts";
import { median } from "../stats.ts";

export interface Memory {
  /** The runtime's wasm memory, which can only grow. */
  readonly wasmBytes: number;
  /** Live objects and buffers of the isolate, without the tasks that its cache may hold. */
  readonly liveBytes: number;
  readonly residentMb: number | null;
}

export async function sampleMemory(served: Served, inspector: Inspector): Promise<Memory> {
  const [wasmBytes, cached] = [
    await served.metric("heap_bytes"),
    await served.metric("task_cache_bytes"),
  ];
  const liveBytes = (await inspector.liveBytes()) - cached;
  return { wasmBytes, liveBytes, residentMb: await served.residentMb() };
}

/**
 * What V8 itself adds while it compiles what is hot, and what is in flight at the moment of a sample.
 * A leak of a hundred bytes a request is beyond it within minutes.
 */
export const LIVE_NOISE_BYTES = 1_000_000;

export interface Growth {
  readonly wasmBytes: number;
  readonly liveBytes: number;
  readonly isFlat: boolean;
}

/**
 * What was added between the first and the second half of the samples, by their medians; of the wasm
 * memory, which never shrinks, between the first and the last. NaN, and not flat, below two samples.
 */
export function growthOf(samples: readonly Pick<Memory, "wasmBytes" | "liveBytes">[]): Growth {
  const half = Math.floor(samples.length / 2);
  const live = samples.map((sample) => sample.liveBytes);
  const wasmBytes = (samples.at(-1)?.wasmBytes ?? NaN) - (samples[0]?.wasmBytes ?? NaN);
  const liveBytes =
    half === 0 ? NaN : median(live.slice(-half)) - median(live.slice(0, live.length - half));
  return { wasmBytes, liveBytes, isFlat: wasmBytes === 0 && liveBytes <= LIVE_NOISE_BYTES };
}
