/** The weights that a training graph computes with: those that serve, or their float32 values. */
import type { GraphFiles, Session } from "../../engine/session.ts";
import type { GraphForm } from "../../encoder/layers/inputs.ts";
import type { Weights } from "../../encoder/layers/tensor-spec.ts";
import { baseFloatWeights, baseWeights } from "../../encoder/base.ts";
import type { Base } from "../../encoder/base.ts";
import { multipliesSigned } from "../../graph/quantization/signed-products.ts";
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
  const rowBits = trainGraph === "int16" ? 16 : 8;
  const form = { isTrained: true, hasSignedWeights, rowBits } as const;
  return { weights: baseWeights(base), form };
}
