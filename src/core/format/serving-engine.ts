/** Which engine serves a base unless a deployment says otherwise, and so measures its tasks everywhere. */
import { ortBuild } from "./manifest.ts";
import type { BuildName, WeightDtype } from "./manifest.ts";

/** `web` is onnxruntime-web, `simd` our own kernels. */
export type ServingEngine = "web" | "simd";

/** For people. */
export const ENGINE_TITLES: Readonly<Record<ServingEngine, string>> = {
  web: "onnxruntime-web",
  simd: "kernels of this project",
};

/** Our own kernels, as src/default-engine.ts has them, know int8 alone; onnxruntime-web serves bases of floats. */
export const servingEngine = (dtype: WeightDtype): ServingEngine =>
  dtype === "int8" ? "simd" : "web";

/** Engine and numeric form of what serves bases of this dtype. */
export const servingBuild = (dtype: WeightDtype): BuildName =>
  servingEngine(dtype) === "simd" ? "simd/int16" : ortBuild(dtype);
