/** What a base can be computed by on the command line, and which of these is what serves. */
import type { WeightDtype } from "../../src/core/format/manifest.ts";
import { ENGINE_TITLES, servingEngine } from "../../src/core/format/serving-engine.ts";

/** `web` is onnxruntime-web, `simd` our own kernels, `node` the native onnxruntime. */
export const RUNTIMES = ["web", "simd", "node"] as const;
export type RuntimeName = (typeof RUNTIMES)[number];
/** One of them by its name, or the one that serves the base. */
export type Runtime = RuntimeName | "serving";

/** For people. */
export const RUNTIME_TITLES: Readonly<Record<RuntimeName, string>> = {
  ...ENGINE_TITLES,
  node: "onnxruntime-node",
};

/** The name of a runtime, where "serving" is what serves bases of this dtype. */
export const namedRuntime = (runtime: Runtime, dtype: WeightDtype): RuntimeName =>
  runtime === "serving" ? servingEngine(dtype) : runtime;
