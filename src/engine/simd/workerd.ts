/** The engine of our own kernels in a Worker: their module is bundled. */
import type { Engine } from "../engine.ts";
import { simdEngine } from "./engine.ts";
import kernelsModule from "./kernels/kernels.wasm";
import { instantiate } from "./kernels/kernels.ts";

/** The engine of this isolate; `maxBytes` is how large the memory of its base may become. */
export const openSimd = (maxBytes: number): Engine =>
  simdEngine({ kernels: () => instantiate(kernelsModule), maxBytes });
