/** The engine of a page that computes without a GPU. */
import { UnavailableError } from "../../core/errors.ts";
import type { Engine } from "../../engine/engine.ts";
import { simdEngine } from "../../engine/simd/engine.ts";
import { instantiate } from "../../engine/simd/kernels/kernels.ts";
import kernels from "../../engine/simd/kernels/kernels.wasm";

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
