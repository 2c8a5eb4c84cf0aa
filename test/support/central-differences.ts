/**
 * Slopes of a graph's loss by central differences in float64: what its gradients are compared with. Of a
 * graph with its backward half only the nodes that lead to the loss run, and for a number that is moved
 * only those that depend on it.
 */
import type { Node } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { array } from "./arrays64.ts";
import type { Array64 } from "./arrays64.ts";
import { evaluate } from "./reference.ts";
import type { GraphNodes } from "./reference.ts";

/** Far above the rounding of float64, far below where the loss is curved. */
const STEP = 1e-4;

export interface Slopes {
  readonly loss: number;
  /** The slope of the loss for element `i` of the input `name`. */
  of(name: string, i: number): number;
}

export function slopesOf(
  { nodes: all, initializers }: GraphNodes,
  loss: string,
  feeds: Readonly<Record<string, Tensor>>,
): Slopes {
  const nodes = leadingTo(loss, all);
  const inputs = Object.entries(feeds).map(([name, { dims, data }]): [string, Array64] => [
    name,
    array(dims, Float64Array.from(data, Number)),
  ]);
  const values = Object.fromEntries(evaluate({ nodes, initializers }, Object.fromEntries(inputs)));
  const later = new Map<string, readonly Node[]>();
  const nodesAfter = (name: string): readonly Node[] => {
    const found = later.get(name) ?? dependingOn(name, nodes);
    later.set(name, found);
    return found;
  };
  const lossWith = (name: string, i: number, delta: number): number => {
    const moved = { ...values[name]!, data: values[name]!.data.slice() };
    moved.data[i]! += delta;
    const rest = { nodes: nodesAfter(name), initializers: new Map<string, never>() };
    return evaluate(rest, { ...values, [name]: moved }).get(loss)!.data[0]!;
  };
  return {
    loss: values[loss]!.data[0]!,
    of: (name, i) => (lossWith(name, i, STEP) - lossWith(name, i, -STEP)) / (2 * STEP),
  };
}

/** The nodes, in their order, without which `output` cannot be computed. */
function leadingTo(output: string, nodes: readonly Node[]): readonly Node[] {
  const wanted = new Set([output]);
  const found = nodes.toReversed().filter((node) => {
    const isWanted = node.outputs.some(({ name }) => wanted.has(name));
    if (isWanted) for (const input of node.inputs) if (input) wanted.add(input.name);
    return isWanted;
  });
  return found.reverse();
}

/** The nodes, in their order, whose outputs change with `input`. */
function dependingOn(input: string, nodes: readonly Node[]): readonly Node[] {
  const changed = new Set([input]);
  return nodes.filter((node) => {
    const isChanged = node.inputs.some((value) => value && changed.has(value.name));
    if (isChanged) for (const { name } of node.outputs) changed.add(name);
    return isChanged;
  });
}

/** Gradients of word rows [B*T, H], added up where their words stand in the table [V, H]. */
export function inTable(ids: Tensor, rows: Float32Array, [V, H]: readonly [number, number]) {
  const table = new Float32Array(V * H);
  for (const [i, id] of Array.from(ids.data, Number).entries()) {
    for (let h = 0; h < H; h++) table[id * H + h]! += rows[i * H + h]!;
  }
  return table;
}
