/** What a base can be computed by on the command line, and which of these is what serves. */
import { ENGINE_TITLES, servingEngine, servingNote } from "../../src/engine/simd/serving-engine.ts";
import type { KernelBase } from "../../src/engine/simd/supported.ts";

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

/** The name of a runtime, where "serving" is what serves the base. */
export const namedRuntime = (runtime: Runtime, base: KernelBase): RuntimeName =>
  runtime === "serving" ? servingEngine(base) : runtime;

/** A line for people where our own kernels refuse the base that "serving" was asked for; else null. */
export const runtimeNote = (runtime: Runtime, base: KernelBase): string | null =>
  runtime === "serving" ? servingNote(base) : null;
