/**
 * Which linears of an encoder a task may change by products of low rank, in the order in which their
 * factors stand in `lora_A` and `lora_B`, and how these enter a graph.
 */
import { LORA_A, LORA_B, LORA_ROWS } from "../../core/model/shapes.ts";
import type { Graph } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import type { EncoderConfig } from "../families/architecture.ts";
import type { LowRankInputs } from "../layers/inputs.ts";
import type { LinearSpec } from "../layers/linear.ts";

/** All linears of the layers, in the order of computation. */
export const lowRankLinears = ({ encoder }: Pick<EncoderConfig, "encoder">): LinearSpec[] =>
  encoder.blocks.flatMap(({ attention, feedForward }) => [
    ...(attention.form === "separate"
      ? [attention.query, attention.key, attention.value]
      : [attention.all]),
    attention.output,
    ...(feedForward.form === "gated" ? [feedForward.gate] : []),
    feedForward.up,
    feedForward.down,
  ]);

/** Beyond the rows of any batch, and far from the end of int64. */
const ALL_ROWS = 2 ** 40;

/**
 * Adds the factors of a batch's changes, R ranks of all of them together. With R = 0 products are of
 * one row only, so a batch without changes pays for little more than the nodes.
 */
export function lowRankInputs(graph: Graph, config: EncoderConfig): LowRankInputs {
  const linears = lowRankLinears(config);
  const sizesOf = (side: "inputs" | "outputs"): number[] => linears.map((linear) => linear[side]);
  const factorsOf = (name: string, sizes: readonly number[]) => {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const packed = graph.input(name, "float32", ["R", total]);
    return { packed, each: ops.Split(graph, packed, sizes, 1) };
  };
  const a = factorsOf(LORA_A, sizesOf("inputs"));
  const b = factorsOf(LORA_B, sizesOf("outputs"));
  const rows = graph.input(LORA_ROWS, "float32", ["D", "R"]);
  const ranks = ops.Shape(graph, a.packed, 0, 1);
  const end = ops.Add(graph, ops.Mul(graph, ranks, graph.ints(ALL_ROWS)), graph.ints(1));
  return {
    factors: new Map(linears.map(({ name }, i) => [name, { a: a.each[i]!, b: b.each[i]! }])),
    rows: { mask: ops.Unsqueeze(graph, rows, 1), end },
  };
}
