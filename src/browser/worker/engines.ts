/** The engines of a page. */
import type { Engine } from "../../engine/engine.ts";
import { simdEngine } from "../../engine/simd/engine.ts";
import { instantiate } from "../../engine/simd/kernels/kernels.ts";
import kernels from "../../engine/simd/kernels/kernels.wasm";
import type { Backend } from "../calls.ts";

/** A page has no wall of 128 MB; this is beyond any base that anybody would download into one. */
const MAX_BYTES = 1_000_000_000;

/** Our own kernels: the same bits as in a Worker. */
export async function wasmEngine(): Promise<Engine> {
  const module = await WebAssembly.compile(kernels as Uint8Array<ArrayBuffer>);
  return simdEngine({ kernels: () => instantiate(module), maxBytes: MAX_BYTES });
}

export async function openEngine(
  backend: Backend | null,
): Promise<{ readonly engine: Engine; readonly backend: Backend }> {
  void backend;
  return { engine: await wasmEngine(), backend: "wasm" };
}
