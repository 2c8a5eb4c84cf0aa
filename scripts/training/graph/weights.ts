/** The weights that a training graph computes with: those that serve, or their float32 values. */
import type { GraphFiles, Session } from "../../../src/runtime/session.ts";
import type { GraphForm, Weights } from "../../import/architecture.ts";
import { baseFloatWeights, baseWeights } from "../../import/base-folder.ts";
import type { Base } from "../../import/base-folder.ts";
import { multipliesSigned } from "../../onnx/signed-products.ts";
import type { TrainGraph } from "./choice.ts";

/** What the encoder of a training graph is built from. */
export interface GraphWeights {
  readonly weights: Weights;
  readonly form: GraphForm;
}

/** The weights of a training graph over `base`, in the form that is quickest on this machine. */
export async function graphWeights(
  base: Base,
  trainGraph: TrainGraph,
  createSession: (files: GraphFiles) => Promise<Session>,
): Promise<GraphWeights> {
  if (trainGraph === "fp32") return { weights: baseFloatWeights(base), form: { isTrained: true } };
  const hasSignedWeights = await multipliesSigned(createSession);
  return { weights: baseWeights(base), form: { isTrained: true, hasSignedWeights } };
}
