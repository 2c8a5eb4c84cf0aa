/**
 * Which graph is trained: one whose 8-bit linears round their rows as the engine that serves does, or
 * the float32 graph of the same weights. `int16` has the rows of this project's kernels, `int8` those
 * of onnxruntime-web's graph (docs/training.md has the measurements).
 */
import { InputError } from "../../core/errors.ts";
import type { BaseManifest, BuildName } from "../../core/format/manifest.ts";
import { partsOf } from "../methods.ts";
import type { Method } from "../methods.ts";

export const TRAIN_GRAPHS = ["int16", "int8", "fp32"] as const;
export type TrainGraph = (typeof TRAIN_GRAPHS)[number];

/**
 * The graph to train and, where it was not asked for, the reason: it has the numeric form of the
 * build that serves the base. Throws InputError
 * `train-graph-unavailable` for int16 and int8 where the base has no 8-bit weights or the method
 * moves them.
 */
export function chooseTrainGraph(
  asked: TrainGraph | undefined,
  method: Method,
  base: Pick<BaseManifest, "name" | "dtype">,
  serving: BuildName,
): { trainGraph: TrainGraph; reason: string | null } {
  const obstacle =
    base.dtype !== "int8"
      ? `base "${base.name}" is ${base.dtype}`
      : partsOf(method).weights
        ? `method "${method}" moves the weights themselves`
        : null;
  if (asked !== undefined && asked !== "fp32" && obstacle !== null) {
    throw new InputError(
      "train-graph-unavailable",
      `train_graph "${asked}": ${obstacle}; allowed is "fp32"${base.dtype === "int8" ? "" : ", or a base imported with --dtype int8"}`,
    );
  }
  if (asked) return { trainGraph: asked, reason: null };
  return obstacle === null
    ? {
        trainGraph: serving.endsWith("/int16") ? "int16" : "int8",
        reason: "with the numbers that serve",
      }
    : { trainGraph: "fp32", reason: obstacle };
}
