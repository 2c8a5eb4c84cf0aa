/** Beside Math.exp and Math.tanh, which are right up to their last bits, and beside exact values. */
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { exp, tanh } from "../../../../src/core/model/exponential.ts";

const EPSILON = 2 ** -52;

describe("exp", () => {
  it.each([
    [0, 1],
    [-0, 1],
    [Infinity, Infinity],
    [-Infinity, 0],
    [710, Infinity],
    [-746, 0],
    [NaN, NaN],
    // The smallest number above 0 (IEEE 754).
    [-745, 2 ** -1074],
  ])("of %d is %d", (x, expected) => {
    expect(exp(x)).toBe(expected);
  });

  it("is within two units of the last place of Math.exp", () => {
    const values = fc.double({ min: -700, max: 709, noNaN: true });
    fc.assert(
      fc.property(values, (x) => Math.abs(exp(x) / Math.exp(x) - 1) <= 2 * EPSILON),
      { numRuns: 20_000 },
    );
  });

  // Computed by this very function: the browser's tests and the Worker's compare scores bit for bit.
  it("keeps the bits that scores have been recorded with", () => {
    expect([-0.1, -1, -10.147, 0.5, 30].map(exp)).toMatchInlineSnapshot(`
      [
        0.9048374180359595,
        0.36787944117144233,
        0.00003919348593907708,
        1.6487212707001282,
        10686474581524.46,
      ]
    `);
  });
});

describe("tanh", () => {
  it("is Math.tanh in float32, and odd", () => {
    fc.assert(
      fc.property(fc.float({ min: -50, max: 50, noNaN: true }), (x) => {
        expect(tanh(-x)).toBe(-tanh(x));
        const [found, expected] = [tanh(x), Math.tanh(x)];
        return Math.abs(found - expected) <= 1e-11 * Math.abs(expected);
      }),
      { numRuns: 20_000 },
    );
  });
});
