/** The graph that serves: texts, prefixes and changes in, hidden states out. */
import { buildEncoder } from "../layers/encoder.ts";
import { BIAS_DELTAS, LAST_HIDDEN_STATE, LAYER_WEIGHTS } from "../../core/model/shapes.ts";
import { Graph } from "../../graph/graph.ts";
import type { Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import type { Architecture, EncoderConfig } from "../families/architecture.ts";
import type { EncoderInputs } from "../layers/inputs.ts";
import type { Weights } from "../layers/tensor-spec.ts";
import { countDeltas, deltaSpecs } from "./deltas.ts";
import { encoderInputs } from "./inputs.ts";
import { lowRankInputs } from "./low-rank.ts";

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

/**
 * The serving graph: texts, prefixes, deltas -> encoder -> `last_hidden_state` [B, Q, H]. With
 * `takesLowRank` also low-rank changes: half as many nodes again, which short texts feel.
 */
export function buildServingGraph(
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
  { takesLowRank = false }: { readonly takesLowRank?: boolean } = {},
): Graph {
  const graph = new Graph();
  const inputs: EncoderInputs = {
    ...encoderInputs(graph, config),
    replaced: changedVectors(graph, architecture, config, weights),
    ...(takesLowRank && { lowRank: lowRankInputs(graph, config) }),
    layerWeights: graph.input(LAYER_WEIGHTS, "float32", ["D", config.layers + 1]),
  };
  const { lastHiddenState } = buildEncoder(graph, config.encoder, weights, inputs);
  graph.output(lastHiddenState, LAST_HIDDEN_STATE);
  return graph;
}
