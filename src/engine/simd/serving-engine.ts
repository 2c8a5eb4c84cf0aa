/** Which engine serves a base unless a deployment says otherwise, and so measures its tasks everywhere. */
import { ortBuild } from "../../core/format/manifest.ts";
import type { BuildName } from "../../core/format/manifest.ts";
import { kernelRefusal } from "./supported.ts";
import type { KernelBase } from "./supported.ts";

/** `web` is onnxruntime-web, `simd` our own kernels. */
export type ServingEngine = "web" | "simd";

/** For people. */
export const ENGINE_TITLES: Readonly<Record<ServingEngine, string>> = {
  web: "onnxruntime-web",
  simd: "kernels of this project",
};

/** Our own kernels, as src/default-engine.ts has them, where they take the base. */
export const servingEngine = (base: KernelBase): ServingEngine =>
  kernelRefusal(base) === null ? "simd" : "web";

/** Engine and numeric form of what serves a base. */
export const servingBuild = (base: KernelBase): BuildName =>
  servingEngine(base) === "simd" ? "simd/int16" : ortBuild(base.dtype);

/**
 * One line about a base of 8-bit weights that our own kernels refuse; null for all others. Bases of
 * floats are made to be compared with, and their dtype says enough.
 */
export function servingNote(base: KernelBase): string | null {
  const refusal = base.dtype === "int8" ? kernelRefusal(base) : null;
  return refusal === null
    ? null
    : `${refusal}. Here onnxruntime-web computes it; a Worker needs main = "src/worker-onnxruntime.ts" in wrangler.toml`;
}
