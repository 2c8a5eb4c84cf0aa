/**
 * The graph inputs of what is trained, and where they enter the encoder: virtual tokens as past keys
 * and values or as input embeddings, deltas, whole weights.
 */
import { BIAS_DELTAS, LAYER_WEIGHTS, PROMPT_EMBEDDINGS } from "../../core/model/shapes.ts";
import { deltaSpecs } from "../../encoder/forms/deltas.ts";
import type { EncoderConfig } from "../../encoder/families/architecture.ts";
import type { EncoderInputs } from "../../encoder/layers/inputs.ts";
import { tokenInputs } from "../../encoder/forms/inputs.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import { PREFIX_DROPOUT } from "./dropout.ts";
import {
  INPUT_PROMPT,
  PROJECTION,
  PROJECTION_WIDTH,
  prefixWidth,
  wholeWeights,
} from "./parameters.ts";
import type { Encoder, Target } from "./parameters.ts";

/** Inputs of the encoder, and those of them that are trained, by name. */
export function trainedInputs(
  g: Graph,
  options: Encoder & Target & { readonly prefixDropout?: boolean },
): { inputs: EncoderInputs; trained: Map<string, Value> } {
  const { config, architecture, parts } = options;
  const trained = new Map<string, Value>();
  const target = (name: string, ...dims: (number | string)[]): Value => {
    const value = g.input(name, "float32", dims);
    trained.set(name, value);
    return value;
  };
  const tokens = tokenInputs(g);
  const width = prefixWidth(config);
  let prefix: Value | null = null;
  if (parts.prefix === "direct") prefix = target(PROMPT_EMBEDDINGS, "P", width);
  if (parts.prefix === "projection") prefix = projectedPrefix(g, config, target);
  const past = prefix
    ? prefixPast(g, config, prefix, tokens.inputIds, options.prefixDropout === true)
    : emptyPast(g, config, tokens.inputIds);

  const replaced = new Map<string, Value>();
  if (parts.weights) {
    for (const [name, { dims }] of wholeWeights(options, options)) {
      replaced.set(name, target(name, ...dims));
    }
  }
  const inputs: EncoderInputs = {
    ...tokens,
    past,
    replaced,
    ...(parts.prompt && { prompt: target(INPUT_PROMPT, "S", config.encoder.embeddings.width) }),
  };
  if (!parts.deltas) return { inputs, trained };
  const specs = deltaSpecs(architecture, config);
  const sizes = specs.map(({ dims }) => dims[0]!);
  const packed = target(
    BIAS_DELTAS,
    sizes.reduce((a, b) => a + b, 0),
  );
  const vectors = g.addAll(
    "Split",
    [packed, g.ints(...sizes)],
    { axis: 0 },
    { outputs: sizes.length },
  );
  const deltas = new Map(specs.map(({ name }, i) => [name, vectors[i]!]));
  const layerWeights = ops.Unsqueeze(g, target(LAYER_WEIGHTS, config.layers + 1), 0);
  return { inputs: { ...inputs, deltas, layerWeights }, trained };
}

/** tanh(E A' + a) B' + b: [P, 2*L*N*D]. */
function projectedPrefix(
  g: Graph,
  config: EncoderConfig,
  target: (name: string, ...dims: (number | string)[]) => Value,
): Value {
  const { embedding, downWeight, downBias, upWeight, upBias } = PROJECTION;
  const layer = (
    x: Value,
    weight: string,
    bias: string,
    inputs: number,
    outputs: number,
  ): Value => {
    const w = target(weight, outputs, inputs);
    return ops.Add(g, ops.FusedMatMul(g, x, w, { transB: true }), target(bias, outputs));
  };
  const middle = layer(
    target(embedding, "P", config.hidden),
    downWeight,
    downBias,
    config.hidden,
    PROJECTION_WIDTH,
  );
  return layer(ops.Tanh(g, middle), upWeight, upBias, PROJECTION_WIDTH, prefixWidth(config));
}

/** `prompt_embeddings` [P, 2*L*N*D] -> keys and values [B, N, P, D] of every layer (core/model/prefix.ts). */
function prefixPast(
  g: Graph,
  config: EncoderConfig,
  prefix: Value,
  inputIds: Value,
  hasDropout: boolean,
): EncoderInputs["past"] {
  const { layers: L, kvHeads: N, headSize: D } = config;
  const bySide = ops.Transpose(g, ops.Reshape(g, prefix, [-1, 2 * L, N, D]), [1, 2, 0, 3]); // [2L, N, P, D]
  const split = (x: Value): Value[] =>
    g.addAll(
      "Split",
      [x, g.ints(...Array<number>(2 * L).fill(1))],
      { axis: 0 },
      { outputs: 2 * L },
    );
  const sides = split(bySide); // 2L of [1, N, P, D]
  let rows: Value[];
  if (hasDropout) {
    const masks = split(g.input(PREFIX_DROPOUT, "float32", [2 * L, "B", 1, "P", 1]));
    rows = sides.map((side, i) => ops.Mul(g, side, ops.Squeeze(g, masks[i]!, 0)));
  } else {
    const shape = ops.Concat(g, [ops.Shape(g, inputIds, 0, 1), g.ints(1, 1, 1)], 0);
    rows = sides.map((side) => ops.Expand(g, side, shape, ["B", N, "P", D]));
  }
  return Array.from({ length: L }, (_, layer) => ({
    key: rows[2 * layer]!,
    value: rows[2 * layer + 1]!,
  }));
}

/** A prefix of no tokens: keys and values [B, N, 0, D]. */
export function emptyPast(
  g: Graph,
  { layers, kvHeads: N, headSize: D }: EncoderConfig,
  inputIds: Value,
): EncoderInputs["past"] {
  const shape = ops.Concat(g, [ops.Shape(g, inputIds, 0, 1), g.ints(N, 0, D)], 0);
  const empty = g.add("ConstantOfShape", [shape], {}, { dims: ["B", N, "P", D] });
  return Array.from({ length: layers }, () => ({ key: empty, value: empty }));
}
