/**
 * What a task may add to a frozen encoder besides past keys and values: vectors on top of its
 * biases and LayerNorm weights, shares of its layers, input embeddings. All are graph values, by
 * text or for all texts, so the same encoder trains them and serves them.
 */
import type { Graph, Value } from "../onnx/graph.ts";
import * as ops from "../onnx/ops.ts";
import type { Architecture, EncoderConfig, EncoderInputs, TensorSpec } from "./architecture.ts";

/**
 * The vectors that deltas may change, in the order of computation: all biases and LayerNorm weights
 * of the layers (BitFit, arXiv 2106.10199, names these for fine-tuning alone).
 */
export const deltaSpecs = (architecture: Architecture, config: EncoderConfig): TensorSpec[] =>
  architecture
    .tensors(config)
    .filter(
      ({ name, kind, dims }) =>
        kind === "float" &&
        dims.length === 1 &&
        architecture.renameLayer(name, () => null) === null,
    );

/** W, how many numbers the deltas of a base have. */
export const countDeltas = (architecture: Architecture, config: EncoderConfig): number =>
  deltaSpecs(architecture, config).reduce((sum, { dims }) => sum + dims[0]!, 0);

/**
 * Activations taken apart by text, for vectors that each text may have of its own. All vectors of a
 * graph have the same D, so the shape for a width is worked out once: a node more or less for every
 * linear and LayerNorm is time that an empty isolate waits for its first answer.
 */
export class TextGroups {
  readonly #g: Graph;
  readonly #shapes = new Map<number, Value>();

  constructor(g: Graph) {
    this.#g = g;
  }

  /**
   * `compute` of x [M, n]: as it is where `vector` is [n], one for all; in groups [D, M/D, n] where
   * it is [D, 1, n].
   */
  apply(x: Value, vector: Value, compute: (x: Value) => Value): Value {
    if (vector.dims.length === 1) return compute(x);
    const width = Number(x.dims.at(-1));
    const dims = [vector.dims[0]!, "M/D", width];
    const grouped = ops.ReshapeTo(this.#g, x, this.#shapeOf(width, vector), dims);
    return ops.Reshape(this.#g, compute(grouped), [-1, width], x.dims);
  }

  #shapeOf(width: number, vector: Value): Value {
    const known = this.#shapes.get(width);
    if (known) return known;
    const g = this.#g;
    const shape = ops.Concat(g, [ops.Shape(g, vector, 0, 1), g.ints(-1, width)], 0);
    this.#shapes.set(width, shape);
    return shape;
  }
}

/**
 * Appends the trained input embeddings to every text's own: [B*T, H] -> [B*(T+S), H]. They follow
 * the tokens, so that the first T positions stay the text's; attention itself knows no order. The
 * mask's columns for them come first, as a prefix's do, and move to the end with them.
 */
export function withPrompt(
  g: Graph,
  embedded: Value,
  inputs: EncoderInputs,
): { embedded: Value; inputs: EncoderInputs } {
  const { prompt, inputIds, attentionMask } = inputs;
  if (!prompt) return { embedded, inputs };
  const width = Number(embedded.dims.at(-1));
  const texts = ops.Shape(g, inputIds, 0, 1);
  const byPosition = ops.Concat(g, [texts, g.ints(-1, width)], 0);
  const spread = ops.Concat(g, [texts, ops.Shape(g, prompt, 0, 2)], 0);
  // From here on a text is T+S positions long; the encoder goes on calling them T.
  const all = g.add(
    "Concat",
    [
      ops.ReshapeTo(g, embedded, byPosition, ["B", "T", width]),
      ops.Expand(g, prompt, spread, ["B", "S", width]),
    ],
    { axis: 1 },
    { dims: ["B", "T", width] },
  );
  const length = ops.Shape(g, prompt, 0, 1);
  const end = g.ints(2 ** 31 - 1);
  const mask = g.add(
    "Concat",
    [
      ops.Slice(g, attentionMask, length, end, 1, ["B", "T"]),
      ops.Slice(g, attentionMask, g.ints(0), length, 1, ["B", "P"]),
    ],
    { axis: 1 },
    { dims: attentionMask.dims },
  );
  return {
    embedded: ops.Reshape(g, all, [-1, width]),
    inputs: { ...inputs, attentionMask: mask },
  };
}

/** The first Q positions of every text: [B*T, n] -> [B, Q, n]. */
export function firstPositions(g: Graph, x: Value, inputs: EncoderInputs): Value {
  const width = Number(x.dims.at(-1));
  const texts = ops.Concat(g, [ops.Shape(g, inputs.inputIds, 0, 1), g.ints(-1, width)], 0);
  const grouped = ops.ReshapeTo(g, x, texts, ["B", "T", width]);
  return ops.Slice(g, grouped, g.ints(0), inputs.queryLength, 1, ["B", "Q", width]);
}

/**
 * Sum of every layer's output times its share (ELMo's scalar mix, arXiv 1802.05365, without the
 * softmax): `outputs` are the embeddings [B*T, H], the layers' [B*T, H], the last one's [B*Q, H].
 */
export function mixLayers(
  g: Graph,
  texts: TextGroups,
  inputs: EncoderInputs,
  weights: Value,
  outputs: readonly Value[],
): Value {
  const shares = ops.Unsqueeze(g, weights, 2); // [D, L+1, 1]
  const parts = outputs.map((x, layer) => {
    const isLast = layer === outputs.length - 1;
    const rows = isLast ? x : ops.Reshape(g, firstPositions(g, x, inputs), [-1, Number(x.dims[1])]);
    const share = ops.Slice(g, shares, g.ints(layer), g.ints(layer + 1), 1);
    return texts.apply(rows, share, (x) => ops.Mul(g, x, share));
  });
  return g.add("Sum", parts); // [B*Q, H]
}
