/** What a base can be computed by on the command line, and which of these is what serves. */
import { ortBuild } from "../../src/core/format/manifest.ts";
import type { BuildName, WeightDtype } from "../../src/core/format/manifest.ts";

/** `web` is onnxruntime-web, `simd` our own kernels, `node` the native onnxruntime. */
export const RUNTIMES = ["web", "simd", "node"] as const;
export type RuntimeName = (typeof RUNTIMES)[number];
/** One of them by its name, or the one that serves the base. */
export type Runtime = RuntimeName | "serving";

/** For people. */
export const RUNTIME_TITLES: Readonly<Record<RuntimeName, string>> = {
  web: "onnxruntime-web",
  simd: "kernels of this project",
  node: "onnxruntime-node",
};

/** What a Worker has by default, as src/default-engine.ts says. */
const DEFAULT_ENGINE: "web" | "simd" = "simd";

/** The name of a runtime. Bases of floats are served by onnxruntime-web: our own kernels know int8 alone. */
export function namedRuntime(runtime: Runtime, dtype: WeightDtype): RuntimeName {
  if (runtime !== "serving") return runtime;
  return dtype === "int8" ? DEFAULT_ENGINE : "web";
}

/** Engine and numeric form of what serves bases of this dtype, and so measures their tasks. */
export const servingBuild = (dtype: WeightDtype): BuildName =>
  namedRuntime("serving", dtype) === "simd" ? "simd/int16" : ortBuild(dtype);
