/** The engine of our own kernels in Node: the same wasm, and the same bits, as in the Worker. */
import { readFileSync } from "node:fs";
import type { Engine } from "../../src/engine/engine.ts";
import { simdEngine } from "../../src/engine/simd/engine.ts";
import { instantiate } from "../../src/engine/simd/kernels/kernels.ts";
import type { Kernels } from "../../src/engine/simd/kernels/kernels.ts";

const KERNELS = new URL("../../src/engine/simd/kernels/kernels.wasm", import.meta.url);
/** All that wasm can address: the command line has no other bound. */
const MAX_BYTES = 2 ** 32;

// Node's type settings have no WebAssembly; this is the part that is used here.
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => object };

let compiled: object | undefined;

/** Kernels with a memory of their own. */
export const nodeKernels = (): Kernels =>
  instantiate((compiled ??= new WebAssembly.Module(readFileSync(KERNELS))));

export const simdNodeEngine: Engine = simdEngine({ kernels: nodeKernels, maxBytes: MAX_BYTES });
