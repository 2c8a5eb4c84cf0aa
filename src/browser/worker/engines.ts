/** The engines of a page. */
import { UnavailableError } from "../../core/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import { simdEngine } from "../../engine/simd/engine.ts";
import { instantiate } from "../../engine/simd/kernels/kernels.ts";
import kernels from "../../engine/simd/kernels/kernels.wasm";
import type { Backend } from "../calls.ts";

/** A page has more memory than an isolate; no base that is worth a download needs as much. */
const MAX_BYTES = 1_000_000_000;

/**
 * Our own kernels: the same bits as in a Worker. Throws UnavailableError `runtime-failed` where the
 * page or the browser does not let them be compiled.
 */
export async function wasmEngine(): Promise<Engine> {
  const module = await compile(kernels as Uint8Array<ArrayBuffer>);
  return simdEngine({ kernels: () => instantiate(module), maxBytes: MAX_BYTES });
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new UnavailableError(
      "runtime-failed",
      `kernels: this page cannot compile them (${String(cause)}); its Content-Security-Policy needs script-src 'wasm-unsafe-eval', and the browser 128-bit SIMD`,
      { cause },
    );
  }
}

/** An engine of a page, and which one it is. */
export interface OpenedEngine {
  readonly engine: Engine;
  readonly backend: Backend;
}

/** The engine that was asked for, or the best that there is; null leaves the choice. */
export async function openEngine(_backend: Backend | null): Promise<OpenedEngine> {
  return { engine: await wasmEngine(), backend: "wasm" };
}
