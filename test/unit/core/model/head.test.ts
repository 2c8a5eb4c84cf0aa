/** Pooling and linear layers against the formulas written out. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { addText, linear, pool, tokenLogits } from "../../../../src/core/model/head.ts";
import { atOnce } from "../../../../src/core/turns.ts";

const head = { weight: Float32Array.of(1, 2, 3, 4, 5, 6), bias: Float32Array.of(0.5, -1) }; // C 2, H 3
const hidden = Float32Array.of(1, 0, -1, 3, 2, 1, 100, 100, 100); // [3, 3], the last row is padding

describe("linear", () => {
  test("is W x + b with W [out, in]", () => {
    expect([...linear(Float32Array.of(1, 0, -1), head.weight, head.bias)]).toEqual([-1.5, -3]);
  });

  test("agrees with the sum written out, in double precision", () => {
    const size = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(
        size,
        size,
        fc.infiniteStream(fc.float({ min: -4, max: 4, noNaN: true })),
        (inputs, outputs, stream) => {
          const take = (count: number) =>
            Float32Array.from({ length: count }, () => stream.next().value as number);
          const [x, weight, bias] = [take(inputs), take(inputs * outputs), take(outputs)];
          const expected = Array.from(bias, (b, o) =>
            Math.fround(Array.from(x).reduce((sum, v, i) => sum + v * weight[o * inputs + i]!, b)),
          );
          expect([...linear(x, weight, bias)]).toEqual(expected);
        },
      ),
      { seed: 1 },
    );
  });
});

describe("pool", () => {
  test("cls is the first token, as a copy", () => {
    const pooled = pool(hidden, 2, 3, "cls", null);
    expect([...pooled]).toEqual([1, 0, -1]);
    expect(pooled.buffer).not.toBe(hidden.buffer);
  });

  test("mean is over the row's own tokens, not its padding", () => {
    expect([...pool(hidden, 2, 3, "mean", null)]).toEqual([2, 1, 0]);
    expect([...pool(hidden, 1, 3, "mean", null)]).toEqual([1, 0, -1]);
  });

  test("pooler is tanh of a linear layer over the first token", () => {
    const pooler = {
      weight: Float32Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0),
      bias: Float32Array.of(0, 1, 0.25),
    };
    const expected = [-1, 2, 0.25].map((x) => Math.fround(Math.tanh(x)));
    expect([...pool(hidden, 2, 3, "pooler", pooler)]).toEqual(expected);
    // One query is enough: the graph answers for the first position only.
    expect([...pool(hidden.subarray(0, 3), 2, 3, "pooler", pooler)]).toEqual(expected);
  });

  test("pooler without one is a mistake of the caller", () => {
    expect(() => pool(hidden, 2, 3, "pooler", null)).toThrow(TypeError);
  });
});

test("token logits are one row a token, padding left out", () => {
  const logits = tokenLogits(hidden, 2, 3, head);
  expect(logits.map((row) => [...row])).toEqual([
    [-1.5, -3],
    [10.5, 27],
  ]);
});

describe("what a text adds to the logits of its pieces", () => {
  const text = "In Paris";
  const pieces = {
    ids: Int32Array.of(1, 2, 3),
    starts: Int32Array.of(0, 3, 5),
    ends: Int32Array.of(2, 5, 8),
    wordIds: Int32Array.of(0, 1, 1),
  };
  const labels = ["O", "B-LOC", "I-LOC"];
  const logits = (): Float32Array[] =>
    [
      [3, 0, 0],
      [1, 0, 0],
      [1, 0, 0],
    ].map((row) => Float32Array.from(row));
  const shapeWeight = new Float32Array(3 * 6);
  shapeWeight[6 + 1] = 2; // B-LOC of a title

  test("is nothing for a plain head", () => {
    const plain = { shapeWeight: null, transitions: null };
    expect(atOnce(addText(logits(), text, pieces, labels, plain))).toEqual(logits());
  });

  test("is a number for the shape of each piece's word", () => {
    const found = atOnce(
      addText(logits(), text, pieces, labels, { shapeWeight, transitions: null }),
    );
    expect(found.map((row) => [...row])).toEqual([
      [3, 2, 0],
      [1, 2, 0],
      [1, 2, 0],
    ]);
  });

  test("with transitions is one tag a word, read after the shapes", () => {
    const transitions = { between: new Float32Array(9), start: new Float32Array(3) };
    const found = atOnce(addText(logits(), text, pieces, labels, { shapeWeight, transitions }));
    expect(found.map((row) => labels[row.indexOf(Math.max(...row))])).toEqual([
      "O",
      "B-LOC",
      "I-LOC",
    ]);
  });
});
