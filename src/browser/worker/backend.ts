/**
 * Which engine a page computes with. WebGPU where there is a real GPU, else our own kernels; what only
 * WebGPU needs is loaded when it is chosen.
 */
import { EdgePrefixError, UnavailableError } from "../../core/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import { withFallback } from "../../engine/fallback.ts";
import { findGpu, unavailable } from "../../engine/ort/webgpu/device.ts";
import type { GpuHost } from "../../engine/ort/webgpu/device.ts";
import type { Backend, BackendState, LoadAsk } from "../calls.ts";
import { wasmEngine } from "./engines.ts";

export interface OpenedEngine {
  readonly engine: Engine;
  /** What computes now: a GPU can be lost while the page is open. */
  state(): BackendState;
}

/** Wasm of the JSPI build, which lies beside this script (scripts/dev/page.ts). */
const wasmUrl = (): string => new URL("ort-wasm-simd-threaded.jspi.wasm", import.meta.url).href;

/** Codes with which WebGPU ends in the middle of its work: rows are checked before they run. */
const RUN_ENDS: readonly string[] = ["webgpu-device-lost", "run-failed"];
/** Codes with which it refuses to begin. */
const LOAD_ENDS: readonly string[] = ["webgpu-unavailable", "runtime-failed", "engine-unsupported"];

type Choice = Pick<LoadAsk, "backend" | "allowsSoftwareGpu">;

/**
 * The engine that was asked for, or without a choice the best that there is. WebGPU goes on by our own
 * kernels when the GPU is lost. Throws UnavailableError `webgpu-unavailable` where WebGPU was asked for
 * and cannot run, `runtime-failed` where its script cannot be loaded.
 */
export async function openEngine({ backend, allowsSoftwareGpu }: Choice): Promise<OpenedEngine> {
  if (backend === "wasm") return onWasm(null);
  const found = await findGpu(globalThis as GpuHost, { allowsSoftware: allowsSoftwareGpu });
  if (typeof found !== "string") return onWebgpu({ backend, allowsSoftwareGpu });
  if (backend === "webgpu") throw unavailable(found);
  return onWasm(found);
}

async function onWasm(noWebgpu: string | null): Promise<OpenedEngine> {
  const engine = await wasmEngine();
  return { engine, state: () => ({ backend: "wasm", noWebgpu }) };
}

function onWebgpu({ backend, allowsSoftwareGpu: allowsSoftware }: Choice): OpenedEngine {
  let state: { backend: Backend; noWebgpu: string | null } = { backend: "webgpu", noWebgpu: null };
  const ends = backend === "webgpu" ? RUN_ENDS : [...RUN_ENDS, ...LOAD_ENDS];
  const engine = withFallback({
    first: lazy(async () => {
      const { webgpuEngine } = await importWebgpu();
      return webgpuEngine({ wasmUrl: wasmUrl(), allowsSoftware });
    }),
    other: lazy(wasmEngine),
    isEnd: (error) => error instanceof EdgePrefixError && ends.includes(error.code),
    onEnd(error) {
      state = { backend: "wasm", noWebgpu: (error as EdgePrefixError).message };
    },
  });
  return { engine, state: () => state };
}

/** An engine that is opened when a base is prepared for it. */
const lazy = (open: () => Promise<Engine>): Engine => ({
  prepare: async (base) => (await open()).prepare(base),
});

async function importWebgpu(): Promise<typeof import("../../engine/ort/webgpu/web.ts")> {
  try {
    return await import("../../engine/ort/webgpu/web.ts");
  } catch (cause) {
    throw new UnavailableError(
      "runtime-failed",
      `WebGPU: the script that it needs cannot be loaded (${String(cause)}); is it beside browser-worker.js?`,
      { cause },
    );
  }
}
