/** Prefixes: PEFT's layout read by its definition. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import {
  checkFinite,
  emptyPrefix,
  prefixWidth,
  unpackPrefix,
} from "../../../../src/core/model/prefix.ts";
import type { Prefix, PrefixShape } from "../../../../src/core/model/prefix.ts";
import { formatError } from "../../../support/hostile.ts";

const shapes = fc.record({
  num_hidden_layers: fc.integer({ min: 1, max: 3 }),
  num_key_value_heads: fc.integer({ min: 1, max: 3 }),
  head_dim: fc.integer({ min: 1, max: 4 }),
  num_bias_deltas: fc.constant(0),
});
const tiny: PrefixShape = {
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  head_dim: 3,
  num_bias_deltas: 0,
};

/** A prefix whose every element is another number; `seed` keeps rows apart. */
function prefixOf(shape: PrefixShape, length: number, seed = 0): Prefix {
  const width = prefixWidth(shape);
  const flat = Float32Array.from({ length: length * width }, (_, i) => seed * 10_000 + i + 1);
  return unpackPrefix(flat, [length, width], shape, "test");
}

describe("unpackPrefix", () => {
  // PEFT: prompts.view(P, 2L, N, D).permute(1, 2, 0, 3); even index = key, odd = value of a layer.
  test("element [p, 2l + side, n, d] of the file is element [n, p, d] of that layer's side", () => {
    fc.assert(
      fc.property(shapes, fc.nat({ max: 5 }), (shape, length) => {
        const { num_hidden_layers: layers, num_key_value_heads: heads, head_dim: size } = shape;
        const prefix = prefixOf(shape, length);
        expect(prefix.numVirtualTokens).toBe(length);
        expect(prefix.layers).toHaveLength(layers);
        for (let layer = 0; layer < layers; layer++) {
          for (const [side, values] of [
            prefix.layers[layer]!.key,
            prefix.layers[layer]!.value,
          ].entries()) {
            const expected: number[] = [];
            for (let n = 0; n < heads; n++) {
              for (let p = 0; p < length; p++) {
                for (let d = 0; d < size; d++) {
                  expected.push(((p * 2 * layers + 2 * layer + side) * heads + n) * size + d + 1);
                }
              }
            }
            expect([...values]).toEqual(expected);
          }
        }
      }),
      { seed: 1 },
    );
  });

  test("no virtual tokens at all are the empty prefix", () => {
    expect(unpackPrefix(new Float32Array(0), [0, 24], tiny, "t")).toEqual(emptyPrefix(tiny));
  });

  test.each([[[2, 23]], [[2, 25]], [[24]], [[]], [[1, 2, 24]]])(
    "shape %j belongs to another base",
    (dims) => {
      const flat = new Float32Array(dims.reduce<number>((a, b) => a * b, 1));
      const error = formatError(() => unpackPrefix(flat, dims, tiny, 'task "x"'));
      expect(error.code).toBe("tensor-shape-mismatch");
      expect(error.message).toContain('task "x": prompt_embeddings');
    },
  );

  test.each([NaN, Infinity, -Infinity])("%f anywhere is refused, with its place", (value) => {
    for (const at of [0, 17, 47]) {
      const flat = new Float32Array(48);
      flat[at] = value;
      const error = formatError(() => unpackPrefix(flat, [2, 24], tiny, "t"));
      expect(error.code).toBe("prefix-not-finite");
      expect(error.message).toContain(`element ${at} is ${value}`);
    }
  });

  test("the largest finite number is finite", () => {
    expect(() => checkFinite("x", Float32Array.of(3.4028234663852886e38, -0))).not.toThrow();
  });
});
