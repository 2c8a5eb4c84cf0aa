/**
 * Every gradient rule against central differences. Forward, backward and differences all run in
 * float64 on the reference evaluator, so that agreement to 1e-7 means the formula and not luck.
 */
import { expect, test } from "vitest";
import { RULES } from "../../../../src/graph/gradient/rules.ts";
import type { Graph, Value } from "../../../../src/graph/graph.ts";
import { CASES, CASE_TABLE, maxDifference, prepare } from "../../../cases/grad-rules.cases.ts";
import { evaluate } from "../../../support/reference.ts";
import type { Array64 } from "../../../support/arrays64.ts";

function centralDifferences(
  graph: Graph,
  loss: Value,
  feeds: Record<string, Array64>,
  name: string,
): Float64Array {
  const step = 1e-5;
  const lossWith = (i: number, delta: number): number => {
    const data = feeds[name]!.data.slice();
    data[i]! += delta;
    return evaluate(graph, { ...feeds, [name]: { ...feeds[name]!, data } }).get(loss.name)!
      .data[0]!;
  };
  return feeds[name]!.data.map((_, i) => (lossWith(i, step) - lossWith(i, -step)) / (2 * step));
}

test.each(CASE_TABLE)(
  "the gradient of %s %s agrees with central differences",
  (_op, _name, each) => {
    const { graph, loss, feeds, grads } = prepare(each);
    const values = evaluate(graph, feeds);
    for (const [target, grad] of grads) {
      const found = values.get(grad)!;
      expect(found.dims).toEqual(feeds[target]!.dims);
      const expected = centralDifferences(graph, loss, feeds, target);
      expect(maxDifference(found.data, expected)).toBeLessThan(1e-7);
    }
  },
);

test("every op with a rule has a case of its own", () => {
  expect(Object.keys(CASES).toSorted()).toEqual(Object.keys(RULES).toSorted());
});
