/** Long batches in parts: the same step, whatever the number of parts. */
import fc from "../../../support/properties.ts";
import { beforeAll, describe, expect, it, test } from "vitest";
import type { Base } from "../../../../src/encoder/base.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { initialParams } from "../../../../src/learn/graph/parameters.ts";
import { microBatches } from "../../../../src/learn/loop/micro-batches.ts";
import { partsOf } from "../../../../src/learn/methods.ts";
import type { Method } from "../../../../src/learn/methods.ts";
import { keyOf, uniforms } from "../../../../src/learn/random.ts";
import { encoderOf, openTrainingSession } from "../../../../src/learn/loop/step.ts";
import type { Pooling } from "../../../../src/core/model/head.ts";
import { maxAbsDifference } from "../../../../bench/golden/compare.ts";
import { makeTinyBase } from "../../../support/tiny-base.ts";

describe("the parts of a batch", () => {
  it("are all of its rows in order, within the bound or single, and nearly of one size", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 70 }),
        fc.integer({ min: 0, max: 64 }),
        fc.integer({ min: 1, max: 4_000 }),
        (lengths, virtual, maxTokens) => {
          const parts = microBatches(lengths, virtual, maxTokens);
          expect(parts.flatMap(({ from, to }) => lengths.slice(from, to))).toEqual(lengths);
          const sizes = parts.map(({ from, to }) => to - from);
          const width = Math.max(...lengths) + virtual;
          for (const size of sizes) expect(size === 1 || size * width <= maxTokens).toBe(true);
          expect(Math.min(...sizes)).toBeGreaterThan(0);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        },
      ),
      { seed: 1 },
    );
  });
});

describe("a step in parts", () => {
  let base: Base;
  beforeAll(async () => {
    base = await makeTinyBase({ dtype: "fp32", seed: 1 });
  });

  /** Loss and gradients of one batch of five rows, two of them without a label. */
  async function stepOf(method: Method, pooling: Pooling, maxTokens: number) {
    const numVirtualTokens = method === "prefix" ? 5 : 0;
    const session = await openTrainingSession(
      encoderOf(base),
      base.manifest,
      {
        target: { parts: partsOf(method), pooling, numLabels: 3, numVirtualTokens },
        problemType: "single_label_classification",
        prefixDropout: 0.3,
        maxTokens,
      },
      createNodeSession,
    );
    const random = uniforms(keyOf(8));
    const batch = [12, 30, 7, 21, 9].map((length, row) => ({
      ids: Int32Array.from({ length }, () =>
        Math.floor(random() * base.manifest.configuration.vocab_size),
      ),
      typeIds: new Int32Array(length),
      labels: Int32Array.from({ length: pooling === "none" ? length : 1 }, (_, i) =>
        row === 1 || i % 3 === 2 ? -100 : Math.floor(random() * 3),
      ),
      firstPieces: new Int32Array(0),
    }));
    const params = initialParams(session.parameters, keyOf(2));
    const { loss, grads } = await session.step(batch, params, keyOf(4));
    const copy = Object.entries(grads).map(([name, grad]) => [name, grad.slice()] as const);
    await session.release();
    return { loss, grads: new Map(copy) };
  }

  // Each part is padded to its own longest row, so float32 sums differ in their last bits.
  test.each([
    ["prefix", "mean"],
    ["prefix", "none"],
    ["full", "cls"],
  ] as const)(
    "%s, pooling %s: loss and gradients are those of the whole batch",
    async (method, pooling) => {
      const whole = await stepOf(method, pooling, 10_000);
      const parts = await stepOf(method, pooling, 60);
      expect(parts.loss).toBeCloseTo(whole.loss, 5);
      expect([...parts.grads.keys()]).toEqual([...whole.grads.keys()]);
      for (const [name, grad] of whole.grads) {
        expect(maxAbsDifference(parts.grads.get(name)!, grad), name).toBeLessThan(1e-5);
      }
    },
  );
});
