/** The gradient of a prefix for a loss that is linear in the hidden states, as the golden values have it. */
import { createNodeSession } from "../../scripts/node/runtime-node.ts";
import { collateTokens } from "../../src/core/model/collate.ts";
import { PROMPT_EMBEDDINGS } from "../../src/core/model/shapes.ts";
import { float32, toFloat32 } from "../../src/core/model/tensor.ts";
import { baseConfig } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { buildEncoder } from "../../src/encoder/layers/encoder.ts";
import type { Weights } from "../../src/encoder/layers/tensor-spec.ts";
import { packGraph } from "../../src/graph/encoding/pack.ts";
import { gradients } from "../../src/graph/gradient/walk.ts";
import { Graph } from "../../src/graph/graph.ts";
import * as ops from "../../src/graph/ops.ts";
import { trainedInputs } from "../../src/learn/graph/trained-inputs.ts";
import { partsOf } from "../../src/learn/methods.ts";

export interface LinearLoss {
  /** Ids of each text, without padding. */
  readonly rows: readonly { readonly ids: Int32Array; readonly typeIds: Int32Array }[];
  /** What each number of a text's states counts: [t, H] a text. */
  readonly weights: readonly Float32Array[];
  readonly prompt: { readonly dims: readonly number[]; readonly values: Float32Array };
}

/**
 * d loss / d prompt_embeddings of loss = sum(last_hidden_state * weights) / tokens, with the texts behind
 * the prefix and positions from 0. `weights` are the base's own, float or in 8 bits.
 */
export async function prefixGradient(
  base: Base,
  weights: Weights,
  { rows, weights: shares, prompt }: LinearLoss,
): Promise<{ loss: number; gradient: Float32Array }> {
  const { architecture, config } = baseConfig(base);
  const { hidden } = config;
  const [P = 0] = prompt.dims;
  const g = new Graph();
  const { inputs, trained } = trainedInputs(g, {
    architecture,
    config,
    weights,
    pooler: null,
    parts: partsOf("prefix"),
    pooling: "none",
    numLabels: 2,
    numVirtualTokens: P,
  });
  const form = { isTrained: true };
  const { lastHiddenState } = buildEncoder(g, config.encoder, weights, inputs, form);
  const share = g.input("share", "float32", ["B", "Q", hidden]);
  const counted = ops.Mul(g, lastHiddenState, share);
  const loss = ops.ReduceSum(g, counted, { axes: [0, 1, 2], keepdims: false });
  const target = trained.get(PROMPT_EMBEDDINGS)!;
  g.output(gradients(g, loss, [target]).get(target)!, "gradient");
  g.output(loss, "loss");

  const tokens = rows.reduce((sum, { ids }) => sum + ids.length, 0);
  const placed = rows.map((row) => ({ ...row, positionOffset: 0 }));
  const lengths = rows.map(() => P);
  const { feeds, length } = collateTokens(placed, lengths, base.manifest.configuration, "all");
  const values = new Float32Array(rows.length * length * hidden);
  for (const [b, own] of shares.entries()) {
    const scaled = own.map((value) => value / tokens);
    values.set(scaled, b * length * hidden);
  }
  const session = await createNodeSession(packGraph(g));
  try {
    const found = await session.run({
      ...feeds,
      share: float32([rows.length, length, hidden], values),
      [PROMPT_EMBEDDINGS]: float32(prompt.dims, prompt.values),
    });
    return { loss: toFloat32(found["loss"]!)[0]!, gradient: toFloat32(found["gradient"]!) };
  } finally {
    await session.release();
  }
}
