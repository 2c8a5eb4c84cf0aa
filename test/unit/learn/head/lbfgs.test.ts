/** The minimizer alone, on functions whose minimum is known. */
import { expect, test } from "vitest";
import { minimize } from "../../../../src/learn/head/lbfgs.ts";
import type { Objective } from "../../../../src/learn/head/lbfgs.ts";

const options = { tolerance: 1e-9, maxIterations: 1_000 };

/** sum of weight * (x - i)^2 / 2, with weights from 1 to `condition`. */
const bowl =
  (condition: number): Objective =>
  (at, gradient) => {
    let value = 0;
    for (let i = 0; i < at.length; i++) {
      const weight = condition ** (i / (at.length - 1));
      value += (weight * (at[i]! - i) ** 2) / 2;
      gradient[i] = weight * (at[i]! - i);
    }
    return value;
  };

test.each([1, 100, 1e6])("finds the bottom of a bowl with the condition %d", (condition) => {
  const { at, slope } = minimize(bowl(condition), new Float64Array(8), options);
  expect(slope).toBeLessThanOrEqual(options.tolerance);
  for (const [i, value] of at.entries()) expect(value).toBeCloseTo(i, 6);
});

test("follows the valley of Rosenbrock's function", () => {
  // (1 - x)^2 + 100 (y - x^2)^2, from the usual start; the minimum is at (1, 1).
  const { at } = minimize(
    ([x = 0, y = 0], gradient) => {
      gradient[0] = -2 * (1 - x) - 400 * x * (y - x * x);
      gradient[1] = 200 * (y - x * x);
      return (1 - x) ** 2 + 100 * (y - x * x) ** 2;
    },
    Float64Array.of(-1.2, 1),
    options,
  );
  expect(at[0]).toBeCloseTo(1, 6);
  expect(at[1]).toBeCloseTo(1, 6);
});

test("takes no step from a minimum, and leaves its start alone", () => {
  const start = Float64Array.of(0, 1, 2);
  expect(minimize(bowl(10), start, options)).toMatchObject({ iterations: 0, value: 0 });
  const away = Float64Array.of(5, 5, 5);
  minimize(bowl(10), away, options);
  expect([...away]).toEqual([5, 5, 5]);
});

test("ends after as many steps as it may take", () => {
  const { iterations } = minimize(bowl(1e6), new Float64Array(50), {
    ...options,
    maxIterations: 3,
  });
  expect(iterations).toBe(3);
});

test("ends where rounding leaves no way down", () => {
  // A constant that is 1e16 times the slope hides every decrease.
  const { iterations } = minimize(
    (at, gradient) => {
      gradient[0] = at[0]! - 1;
      return 1e16 + (at[0]! - 1) ** 2 / 2;
    },
    new Float64Array(1),
    options,
  );
  expect(iterations).toBeLessThan(5);
});

test("gives up on a function that is no number", () => {
  const { iterations } = minimize(
    (_, gradient) => {
      gradient[0] = 1;
      return NaN;
    },
    new Float64Array(1),
    options,
  );
  expect(iterations).toBe(0);
});
