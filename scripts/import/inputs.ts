/** Declares the graph inputs that every encoder shares: one place ties names, dims and dtypes. */
import {
  ATTENTION_MASK,
  INPUT_IDS,
  LAST_HIDDEN_STATE,
  POSITION_IDS,
  QUERY_LENGTH,
  TOKEN_TYPE_IDS,
  pastKey,
  pastValue,
} from "../../src/core/shapes.ts";
import { Graph } from "../onnx/graph.ts";
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

/** Adds all inputs of an encoder to `graph`: a batch of texts and its prefixes. */
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

/** The serving graph: inputs, encoder, `last_hidden_state` [B, Q, H]. */
export function buildServingGraph(
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
): Graph {
  const graph = new Graph();
  const inputs = encoderInputs(graph, config);
  const { lastHiddenState } = architecture.buildEncoder(graph, config, weights, inputs);
  graph.output(lastHiddenState, LAST_HIDDEN_STATE);
  return graph;
}
