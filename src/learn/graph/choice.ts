/**
 * Which graph is trained: one of the 8-bit linears that serve, or the float32 graph of the same weights. A
 * prefix that was trained on the 8-bit graph has seen coarser roundings than its answers will go through
 * (onnxruntime-web has the very same), and a step takes about half the time (docs/training.md has
 * the measurements).
 */
import { InputError } from "../../core/errors.ts";
import type { BaseManifest } from "../../core/format/manifest.ts";
import { partsOf } from "../methods.ts";
import type { Method } from "../methods.ts";

export const TRAIN_GRAPHS = ["int8", "fp32"] as const;
export type TrainGraph = (typeof TRAIN_GRAPHS)[number];

/**
 * The graph to train and, where it was not asked for, the reason. Throws InputError
 * `train-graph-unavailable` for int8 where the base has no 8-bit weights or the method moves them.
 */
export function chooseTrainGraph(
  asked: TrainGraph | undefined,
  method: Method,
  base: Pick<BaseManifest, "name" | "dtype">,
): { trainGraph: TrainGraph; reason: string | null } {
  const obstacle =
    base.dtype !== "int8"
      ? `base "${base.name}" is ${base.dtype}`
      : partsOf(method).weights
        ? `method "${method}" moves the weights themselves`
        : null;
  if (asked === "int8" && obstacle !== null) {
    throw new InputError(
      "train-graph-unavailable",
      `train_graph "int8": ${obstacle}; allowed is "fp32"${base.dtype === "int8" ? "" : ", or a base imported with --dtype int8"}`,
    );
  }
  if (asked) return { trainGraph: asked, reason: null };
  return obstacle === null
    ? { trainGraph: "int8", reason: "with the weights that serve" }
    : { trainGraph: "fp32", reason: obstacle };
}
