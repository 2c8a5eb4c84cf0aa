/**
 * The backward pass as more graph: a reverse walk from the loss to the targets that appends, for
 * each node, the gradient nodes of its op (rules.ts).
 *
 * Only nodes on a path from a target to the loss are walked, so frozen weights get no gradient and
 * nothing below the first use of a target is computed. A value used several times gets the sum of
 * its uses. The result is ordinary graph: the same file writer, runtime and profiler handle it.
 */
import { InputError } from "../../core/errors.ts";
import { gradOf } from "../../core/model/shapes.ts";
import { applyRule } from "./rules.ts";
import type { Graph, Node, StatedGradient, Value } from "../graph.ts";

/**
 * Appends d(loss)/d(target) for every target and returns it by target, in the target's shape.
 * `loss` is a float scalar. Throws InputError `gradient-missing-rule` naming the op that has no
 * rule, `gradient-no-path` naming a target that the loss does not depend on.
 */
export function gradients(
  g: Graph,
  loss: Value,
  targets: readonly Value[],
): ReadonlyMap<Value, Value> {
  if (loss.dims.length > 0) {
    throw new InputError(
      "gradient-loss-shape",
      `loss "${loss.name}": shape is [${loss.dims.join(", ")}], expected a scalar`,
    );
  }
  const path = nodesBetween(stepsOf(g), targets, loss);
  const uses = new Map<Value, Value[]>([[loss, [g.scalar(1)]]]);

  for (const node of path.nodes.toReversed()) {
    const dys = node.outputs.map((output) => total(g, uses, output));
    const partials = "rule" in node ? node.rule(dys[0]!) : applyRule(g, node, dys);
    node.inputs.forEach((input, i) => {
      if (input === null || !path.values.has(input)) return;
      const partial = partials[i];
      if (!partial) {
        throw new InputError(
          "gradient-missing-rule",
          `${"op" in node ? node.op : "stated gradient of"} "${node.outputs[0]!.name}": has no rule for input ${i} ("${input.name}"), which lies on the way to a target`,
        );
      }
      const dx = partial();
      const known = uses.get(input);
      if (known) known.push(dx);
      else uses.set(input, [dx]);
    });
  }

  return new Map(
    targets.map((target) => {
      const gradient = total(g, uses, target);
      if (gradient) return [target, gradient];
      throw new InputError(
        "gradient-no-path",
        `target "${target.name}": loss "${loss.name}" does not depend on it, so ${gradOf(target.name)} does not exist`,
      );
    }),
  );
}

/** One stop of the walk: a node, or the gradient stated for its result. */
type Step = Node | StatedGradient;

/** The graph as the walk sees it: a stated gradient stands where the node of its value stood. */
const stepsOf = (g: Graph): Step[] =>
  g.nodes.map((node) => g.statedGradients.get(node.outputs[0]!) ?? node);

/** Steps, and values among them, that depend on a target and that `loss` depends on; in graph order. */
function nodesBetween(
  nodes: readonly Step[],
  targets: readonly Value[],
  loss: Value,
): { nodes: readonly Step[]; values: ReadonlySet<Value> } {
  const fromTargets = new Set(targets);
  const downstream: Step[] = [];
  for (const node of nodes) {
    if (!node.inputs.some((input) => input !== null && fromTargets.has(input))) continue;
    downstream.push(node);
    // Integers (shapes, masks, indices) carry no gradient: the path ends there.
    for (const output of node.outputs) if (isFloat(output)) fromTargets.add(output);
  }
  const toLoss = new Set([loss]);
  const between = downstream
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((output) => toLoss.has(output))) return false;
      for (const input of node.inputs) if (input && fromTargets.has(input)) toLoss.add(input);
      return true;
    })
    .toReversed();
  return { nodes: between, values: toLoss };
}

/** Sum of the gradients of a value's uses; null when the loss does not use it. */
function total(g: Graph, uses: Map<Value, Value[]>, value: Value): Value | null {
  const terms = uses.get(value);
  if (!terms) return null;
  const [first, second] = terms;
  if (!second) return first!;
  const sum = g.add(terms.length === 2 ? "Add" : "Sum", terms);
  uses.set(value, [sum]);
  return sum;
}

const isFloat = ({ dtype }: Value): boolean =>
  dtype === "float32" || dtype === "float64" || dtype === "float16";
