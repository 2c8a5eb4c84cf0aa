/** Declares the graph inputs that every encoder shares: one place ties names, dims and dtypes. */
import {
  ATTENTION_MASK,
  BIAS_DELTAS,
  INPUT_IDS,
  LAST_HIDDEN_STATE,
  LAYER_WEIGHTS,
  POSITION_IDS,
  QUERY_LENGTH,
  TOKEN_TYPE_IDS,
  pastKey,
  pastValue,
} from "../core/model/shapes.ts";
import { Graph } from "../graph/graph.ts";
import type { Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { countDeltas, deltaSpecs } from "./additions.ts";
import type { Architecture, EncoderConfig, EncoderInputs, Weights } from "./architecture.ts";

/** Adds the inputs that a batch of texts fills, named as in core/shapes.ts. */
export function tokenInputs(graph: Graph): Omit<EncoderInputs, "past"> {
  return {
    inputIds: graph.input(INPUT_IDS, "int64", ["B", "T"]),
    attentionMask: graph.input(ATTENTION_MASK, "int64", ["B", "P+T"]),
    tokenTypeIds: graph.input(TOKEN_TYPE_IDS, "int64", ["B", "T"]),
    positionIds: graph.input(POSITION_IDS, "int64", ["B", "T"]),
    queryLength: graph.input(QUERY_LENGTH, "int64", [1]),
  };
}

/** Adds a batch of texts and their prefixes: all that an encoder needs. */
export function encoderInputs(graph: Graph, config: EncoderConfig): EncoderInputs {
  const past = ["B", config.kvHeads, "P", config.headSize];
  return {
    ...tokenInputs(graph),
    past: Array.from({ length: config.layers }, (_, layer) => ({
      key: graph.input(pastKey(layer), "float32", past),
      value: graph.input(pastValue(layer), "float32", past),
    })),
  };
}

/**
 * The vectors named in deltaSpecs with `bias_deltas` [D, W] on top, each [D, 1, n]. All are added at
 * once: for each alone would be a hundred nodes more.
 */
function changedVectors(
  graph: Graph,
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
): ReadonlyMap<string, Value> {
  const specs = deltaSpecs(architecture, config);
  const sizes = specs.map(({ dims }) => dims[0]!);
  const packed = graph.input(BIAS_DELTAS, "float32", ["D", countDeltas(architecture, config)]);
  const stored = specs.map(({ name }) => graph.constant(name, weights.get(name)!));
  const byText = ops.Unsqueeze(graph, ops.Add(graph, ops.Concat(graph, stored, 0), packed), 1);
  const vectors = graph.addAll(
    "Split",
    [byText, graph.ints(...sizes)],
    { axis: 2 },
    { outputs: sizes.length },
  );
  return new Map(specs.map(({ name }, i) => [name, vectors[i]!]));
}

/** The serving graph: texts, prefixes, deltas -> encoder -> `last_hidden_state` [B, Q, H]. */
export function buildServingGraph(
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
): Graph {
  const graph = new Graph();
  const inputs: EncoderInputs = {
    ...encoderInputs(graph, config),
    replaced: changedVectors(graph, architecture, config, weights),
    layerWeights: graph.input(LAYER_WEIGHTS, "float32", ["D", config.layers + 1]),
  };
  const { lastHiddenState } = architecture.buildEncoder(graph, config, weights, inputs);
  graph.output(lastHiddenState, LAST_HIDDEN_STATE);
  return graph;
}
