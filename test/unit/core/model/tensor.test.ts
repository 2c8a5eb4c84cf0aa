/** Tensors as plain data, and the two half precision formats against definitions, for all 65,536 values. */
import { describe, expect, test } from "vitest";
import {
  float32,
  floatToHalf,
  halfToFloat,
  int64,
  toFloat16,
  toFloat32,
} from "../../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import { formatError } from "../../../support/hostile.ts";

const isNaNHalf = (half: number) => (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;
/** Every finite half that is not negative, ascending: their bits are their order. */
const POSITIVE = Array.from({ length: 0x7c00 }, (_, half) => halfToFloat(half));

describe("float16", () => {
  test("every one of the 65,536 values survives the round trip, NaN as NaN", () => {
    const wrong: number[] = [];
    for (let half = 0; half < 0x10000; half++) {
      const back = floatToHalf(halfToFloat(half));
      if (isNaNHalf(half) ? !isNaNHalf(back) : back !== half) wrong.push(half);
    }
    expect(wrong).toEqual([]);
  });

  // IEEE 754-2019, binary16: 5 exponent bits with bias 15, 10 fraction bits.
  test.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
    [0x7e00, NaN],
  ])("bits %i are the number %f", (half, value) => {
    expect(halfToFloat(half)).toBe(value);
  });

  test("a number exactly between two neighbours goes to the even one, for all neighbours", () => {
    const wrong: number[] = [];
    for (let half = 0; half < 0x7bff; half++) {
      const middle = (POSITIVE[half]! + POSITIVE[half + 1]!) / 2; // exact in float32
      const even = half % 2 === 0 ? half : half + 1;
      if (floatToHalf(middle) !== even || floatToHalf(-middle) !== (even | 0x8000))
        wrong.push(half);
    }
    expect(wrong).toEqual([]);
  });

  test("a number beside the middle goes to the nearer neighbour, for all neighbours", () => {
    const wrong: number[] = [];
    const word = new Uint32Array(1);
    const float = new Float32Array(word.buffer);
    for (let half = 0; half < 0x7bff; half++) {
      float[0] = (POSITIVE[half]! + POSITIVE[half + 1]!) / 2;
      word[0]!--;
      const below = floatToHalf(float[0]!);
      word[0]! += 2;
      const above = floatToHalf(float[0]!);
      if (below !== half || above !== half + 1) wrong.push(half);
    }
    expect(wrong).toEqual([]);
  });

  test("65520 and above is infinity, just below it is 65504", () => {
    expect(floatToHalf(65520)).toBe(0x7c00);
    expect(floatToHalf(65519.996)).toBe(0x7bff);
    expect(floatToHalf(-1e30)).toBe(0xfc00);
    expect(floatToHalf(2 ** -25)).toBe(0);
    expect(floatToHalf(2 ** -25 * 1.0001)).toBe(1);
  });

  test("arrays convert element by element", () => {
    expect([...toFloat16(Float32Array.of(1, -2, 0.5))]).toEqual([0x3c00, 0xc000, 0x3800]);
    const data = Uint16Array.of(0x3c00, 0xc000);
    expect([...toFloat32({ dtype: "float16", dims: [2], data })]).toEqual([1, -2]);
  });
});

describe("toFloat32", () => {
  test("bfloat16 is the upper half of a float32, for all 65,536 values", () => {
    const data = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
    const values = toFloat32({ dtype: "bfloat16", dims: [0x10000], data });
    const words = new Uint32Array(1);
    const float = new Float32Array(words.buffer);
    const wrong: number[] = [];
    for (let i = 0; i < 0x10000; i++) {
      words[0] = i * 65536;
      if (!Object.is(values[i], float[0])) wrong.push(i);
    }
    expect(wrong).toEqual([]);
  });

  test("float64 is rounded, float32 is handed back as it is", () => {
    const data = Float32Array.of(1, 2);
    expect(toFloat32({ dtype: "float32", dims: [2], data })).toBe(data);
    expect([
      ...toFloat32({ dtype: "float64", dims: [2], data: Float64Array.of(0.1, 1e300) }),
    ]).toEqual([Math.fround(0.1), Infinity]);
  });

  test.each<Tensor>([
    { dtype: "int64", dims: [1], data: BigInt64Array.of(1n) },
    { dtype: "int32", dims: [1], data: Int32Array.of(1) },
    { dtype: "int8", dims: [1], data: Int8Array.of(1) },
    { dtype: "uint8", dims: [1], data: Uint8Array.of(1) },
    { dtype: "bool", dims: [1], data: Uint8Array.of(1) },
  ])("refuses $dtype by name", (tensor) => {
    const error = formatError(() => toFloat32(tensor));
    expect(error.code).toBe("tensor-dtype-mismatch");
    expect(error.message).toContain(tensor.dtype);
  });
});

describe("makers", () => {
  test("float32 and int64 check that the data fills the dimensions", () => {
    expect(float32([2, 1], Float32Array.of(1, 2)).dims).toEqual([2, 1]);
    expect([...int64([2], [1, -2]).data]).toEqual([1n, -2n]);
    expect(int64([], [5]).data).toHaveLength(1);
    expect(formatError(() => float32([2, 2], new Float32Array(3))).code).toBe(
      "tensor-size-mismatch",
    );
    expect(formatError(() => int64([3], [1])).message).toContain("needs 3");
  });
});
