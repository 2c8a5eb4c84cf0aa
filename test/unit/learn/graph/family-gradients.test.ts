/**
 * The training graphs of the families that are not BERT: every gradient of every method against
 * central differences of the whole model in float64. (training-graph.test.ts has BERT's.)
 */
import { describe, expect, test } from "vitest";
import { collateTokens } from "../../../../src/core/model/collate.ts";
import type { Pooling } from "../../../../src/core/model/head.ts";
import { INPUT_IDS, gradOf, sizeOf } from "../../../../src/core/model/shapes.ts";
import { packGraph } from "../../../../src/graph/encoding/pack.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { LABELS } from "../../../../src/learn/graph/loss.ts";
import { parametersOf } from "../../../../src/learn/graph/parameters.ts";
import { LOSS, buildTrainingGraph } from "../../../../src/learn/graph/training-graph.ts";
import { hasVirtualTokens, partsOf } from "../../../../src/learn/methods.ts";
import type { Method } from "../../../../src/learn/methods.ts";
import { keyOf, uniforms } from "../../../../src/learn/random.ts";
import { float32, int64, toFloat32 } from "../../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import { inTable, slopesOf } from "../../../support/central-differences.ts";
import { encoderOf } from "../../../support/tiny-encoder.ts";

const [C, P, H] = [3, 2, 8];
const SIZES = {
  hidden_size: H,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  intermediate_size: 6,
  vocab_size: 11,
  max_position_embeddings: 16,
};
const FAMILIES = {
  /** Two query heads share one key head. */
  eurobert: { ...SIZES, num_key_value_heads: 1, rope_theta: 100 },
  /** Layer 1 is local: tokens see neighbours up to one position away. */
  modernbert: {
    ...SIZES,
    global_attn_every_n_layers: 2,
    local_attention: 2,
    global_rope_theta: 100,
    local_rope_theta: 10,
  },
  /** Embeddings are wider than the layers. */
  electra: { ...SIZES, type_vocab_size: 2, embedding_size: 10 },
  distilbert: {
    ...SIZES,
    dim: H,
    n_heads: 2,
    n_layers: 2,
    hidden_dim: 6,
  },
  /** Positions begin behind the id of padding. */
  roberta: { ...SIZES, type_vocab_size: 1, pad_token_id: 1 },
};
const ROWS = [
  { ids: Int32Array.of(1, 5, 7, 2), typeIds: new Int32Array(4), positionOffset: 0 },
  { ids: Int32Array.of(3, 9), typeIds: new Int32Array(2), positionOffset: 3 },
];

const CASES: readonly [keyof typeof FAMILIES, Method, Pooling][] = (
  ["eurobert", "modernbert", "electra", "distilbert", "roberta"] as const
).flatMap((family) =>
  (["prefix", "prompt", "bias", "full"] as const).map((method, i): (typeof CASES)[number] => [
    family,
    method,
    // The last layer answers for one position with cls and for all with mean.
    i % 2 === 0 ? "cls" : "mean",
  ]),
);

describe("the gradients of a family's training graph agree with central differences", () => {
  test.each(CASES)("%s, %s, %s", async (family, method, pooling) => {
    const random = uniforms(keyOf(11));
    const encoder = encoderOf({ model_type: family, ...FAMILIES[family] }, random);
    const target = {
      parts: partsOf(method),
      pooling,
      numLabels: C,
      numVirtualTokens: hasVirtualTokens(method) ? P : 0,
    };
    const { graph, targets } = buildTrainingGraph({ ...encoder, ...target });
    const lengths = ROWS.map(() => target.numVirtualTokens);
    const { firstPosition, padTokenId } = encoder.config;
    const shape = { first_position: firstPosition, pad_token_id: padTokenId };
    const queries = pooling === "mean" ? "all" : "first";
    const trained = parametersOf(target, encoder).map(({ name, dims }): [string, Tensor] => [
      name,
      encoder.weights.get(name) ??
        float32(
          dims,
          Float32Array.from({ length: sizeOf(dims) }, () => 2 * random() - 1),
        ),
    ]);
    const feeds: Record<string, Tensor> = {
      ...collateTokens(ROWS, lengths, shape, queries).feeds,
      [LABELS]: int64([2], [2, 0]),
      ...Object.fromEntries(trained),
    };
    const session = await createNodeSession(packGraph(graph));
    const outputs = await session.run(feeds);
    await session.release();

    const slopes = slopesOf(graph, LOSS, feeds);
    for (const name of targets) {
      const given = toFloat32(outputs[gradOf(name)]!);
      const isTable = name === encoder.architecture.wordTable;
      const found = isTable ? inTable(feeds[INPUT_IDS]!, given, [SIZES.vocab_size, H]) : given;
      // Each difference costs two runs of the model: some twenty in all.
      const every = Math.ceil((found.length * targets.length) / 20);
      for (let i = every >> 1; i < found.length; i += every) {
        expect(Math.abs(found[i]! - slopes.of(name, i)), `${name}[${i}]`).toBeLessThan(2e-6);
      }
    }
  });
});
