/**
 * Declares the graph inputs that every encoder shares: one place ties names, dims and dtypes. The
 * signature is the same for every family; a family without token types leaves that input unread.
 */
import {
  ATTENTION_MASK,
  INPUT_IDS,
  POSITION_IDS,
  QUERY_LENGTH,
  TOKEN_TYPE_IDS,
  pastKey,
  pastValue,
} from "../../core/model/shapes.ts";
import type { Graph } from "../../graph/graph.ts";
import type { EncoderConfig } from "../families/architecture.ts";
import type { EncoderInputs } from "../layers/inputs.ts";

/** Adds the inputs that a batch of texts fills, named as in core/model/shapes.ts. */
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
