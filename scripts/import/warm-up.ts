/**
 * The graph that an isolate runs while it waits for its base: one layer of a base, tiny, with its
 * weights inside. It has every kind of op that the real graph has, and V8 compiles a wasm function
 * when it is first called; so what the first request would wait for happens beside the reading.
 */
import { float32 } from "../../src/core/tensor.ts";
import type { Tensor } from "../../src/core/tensor.ts";
import { sizeOf } from "../../src/core/shapes.ts";
import type { CollateShape } from "../../src/core/collate.ts";
import { encodeModel } from "../onnx/proto.ts";
import { countDeltas } from "./additions.ts";
import { bert } from "./bert.ts";
import { buildServingGraph } from "./inputs.ts";
import { quantizeTensor } from "./quantize-weights.ts";

const CONFIG = bert.readConfig({
  hidden_size: 16,
  num_attention_heads: 4,
  num_hidden_layers: 1,
  intermediate_size: 16,
  vocab_size: 4,
  type_vocab_size: 1,
  max_position_embeddings: 4,
});

/** The graph, always the same bytes. */
export function warmUpGraph(): Uint8Array {
  const specs = bert.tensors(CONFIG);
  const weights = new Map<string, Tensor>();
  const filled = (dims: readonly number[], value: number) =>
    float32(dims, new Float32Array(sizeOf(dims)).fill(value));
  const scales = new Map(
    specs.flatMap(({ inputScale, dims }) =>
      inputScale === undefined ? [] : [[inputScale, filled([dims[1]!], 1)] as const],
    ),
  );
  for (const [name, scale] of scales) weights.set(name, scale);
  for (const spec of specs) {
    for (const [name, tensor] of quantizeTensor(spec, filled(spec.dims, 0.5), scales, "int8")) {
      weights.set(name, tensor);
    }
  }
  return encodeModel(buildServingGraph(bert, CONFIG, weights), { statesShapes: true });
}

/** What collation needs to know of it. */
const shape: CollateShape = {
  num_hidden_layers: CONFIG.layers,
  num_key_value_heads: CONFIG.kvHeads,
  head_dim: CONFIG.headSize,
  num_bias_deltas: countDeltas(bert, CONFIG),
  first_position: CONFIG.firstPosition,
  pad_token_id: CONFIG.padTokenId,
};

/** The text of src/runtime/warm-up-graph.ts. */
export function warmUpSource(): string {
  const fields = Object.entries(shape).map(([name, value]) => `  ${name}: ${value},`);
  return [
    "/** Written by `npm run docs` from scripts/import/warm-up.ts, which says what it is for. */",
    'import type { CollateShape } from "../core/collate.ts";',
    "",
    "export const WARM_UP_SHAPE: CollateShape = {",
    ...fields,
    "};",
    "",
    "/** An ONNX file in base64. */",
    "export const WARM_UP_GRAPH =",
    `  "${Buffer.from(warmUpGraph()).toString("base64")}";`,
    "",
  ].join("\n");
}
