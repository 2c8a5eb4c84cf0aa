/**
 * The cases of every gradient rule on ONNX Runtime in float32, against the float64 reference: what
 * the rules emit is what the runtime understands by it.
 */
import { expect, test } from "vitest";
import { encodeModel } from "../../../../src/graph/encoding/model.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { float32 } from "../../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import { CASE_TABLE, maxDifference, prepare } from "../../../cases/grad-rules.cases.ts";
import { evaluate } from "../../../support/reference.ts";
import type { Array64 } from "../../../support/arrays64.ts";

test.each(CASE_TABLE)(
  "the gradient of %s %s is the same on ONNX Runtime",
  async (_op, _name, each) => {
    const { graph, feeds, grads } = prepare(each);
    const expected = evaluate(graph, feeds);
    for (const [target, grad] of grads) {
      const value = graph.nodes.flatMap(({ outputs }) => outputs).find(({ name }) => name === grad);
      graph.output(value!, `${target}.grad`);
    }
    const session = await createNodeSession({ graph: encodeModel(graph), weights: new Map() });
    const outputs = await session.run(float32Feeds(feeds));
    await session.release();
    for (const [target, grad] of grads) {
      const found = outputs[`${target}.grad`]!;
      expect(found.dims).toEqual(feeds[target]!.dims);
      expect(maxDifference(Array.from(found.data, Number), expected.get(grad)!.data)).toBeLessThan(
        2e-5,
      );
    }
  },
);

const float32Feeds = (feeds: Record<string, Array64>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { dims, data }]) => [
      name,
      float32(dims, Float32Array.from(data)),
    ]),
  );
