/** Expected values: by hand from the update rule, and torch 2.15 AdamW where a test says so. */
import { describe, expect, test } from "vitest";
import {
  adamw,
  applyUpdates,
  clipByGlobalNorm,
  globalNorm,
  warmupLinearDecay,
} from "../../../../src/learn/loop/optim.ts";
import { type Arrays } from "../../../../src/learn/graph/parameters.ts";

const f = (...values: number[]): Float32Array => Float32Array.from(values);

describe("adamw", () => {
  test("the first step moves every parameter by the learning rate against its gradient's sign", () => {
    const optimizer = adamw({ learningRate: 0.1, weightDecay: 0 });
    const params = { a: f(1, 2), b: f(3) };
    const { updates, state } = optimizer.update(
      { a: f(0.5, -4), b: f(1e-3) },
      optimizer.init(params),
      params,
    );
    // Bias correction makes mean / sqrt(variance) = sign(gradient) at step 1.
    expect(updates["a"]![0]).toBeCloseTo(-0.1, 6);
    expect(updates["a"]![1]).toBeCloseTo(0.1, 6);
    expect(updates["b"]![0]).toBeCloseTo(-0.1, 5);
    expect(state.step).toBe(1);
  });

  test("follows the textbook recursion over several steps", () => {
    const options = { learningRate: 0.01, beta1: 0.8, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.1 };
    const optimizer = adamw(options);
    let params: Arrays = { w: f(0.5) };
    let state = optimizer.init(params);
    let [w, m, v] = [0.5, 0, 0];
    for (let t = 1; t <= 5; t++) {
      const g = Math.sin(t);
      const step = optimizer.update({ w: f(g) }, state, params);
      state = step.state;
      params = applyUpdates(params, step.updates);
      // torch's order: decay the weight first, then step.
      w *= 1 - 0.01 * 0.1;
      m = 0.8 * m + 0.2 * g;
      v = 0.9 * v + 0.1 * g * g;
      w -= (0.01 * (m / (1 - 0.8 ** t))) / (Math.sqrt(v / (1 - 0.9 ** t)) + 1e-3);
      expect(params["w"]![0]).toBeCloseTo(w, 6);
    }
  });

  test("weight decay pulls a parameter without gradient towards zero by rate times decay", () => {
    const optimizer = adamw({ learningRate: 0.5, weightDecay: 0.2 });
    const params = { w: f(10) };
    const { updates } = optimizer.update({ w: f(0) }, optimizer.init(params), params);
    expect(updates["w"]![0]).toBeCloseTo(-1, 6);
  });

  test("leaves parameters and gradients alone, and writes over the moments that it was given", () => {
    const optimizer = adamw({ learningRate: 0.1 });
    const params = { w: f(1, 2, 3) };
    const grads = { w: f(0.1, 0.2, 0.3) };
    const given = optimizer.init(params);
    const { state } = optimizer.update(grads, given, params);
    expect(params.w).toEqual(f(1, 2, 3));
    expect(grads.w).toEqual(f(0.1, 0.2, 0.3));
    expect(state.mean["w"]).toBe(given.mean["w"]);
    expect(state.step).toBe(1);
    expect(state.mean["w"]![2]).toBeCloseTo(0.03, 6);
  });

  test("continues from a state that was copied through plain data", () => {
    const optimizer = adamw({ learningRate: (step) => 0.1 / (step + 1) });
    const params = { w: f(1, -1) };
    const { state } = optimizer.update({ w: f(0.3, 0.1) }, optimizer.init(params), params);
    const copied = structuredClone(state);
    expect(optimizer.update({ w: f(-0.2, 0.9) }, copied, params)).toEqual(
      optimizer.update({ w: f(-0.2, 0.9) }, state, params),
    );
  });

  test("names the parameter whose gradient is missing or of another size", () => {
    const optimizer = adamw({ learningRate: 0.1 });
    const params = { w: f(1, 2) };
    const state = optimizer.init(params);
    expect(() => optimizer.update({}, state, params)).toThrow(/gradient of "w": found none/);
    expect(() => optimizer.update({ w: f(1) }, state, params)).toThrow(/found 1 numbers.*has 2/);
  });
});

describe("clipByGlobalNorm", () => {
  test("measures all tensors together and scales them by one factor", () => {
    const { grads, norm } = clipByGlobalNorm({ a: f(3), b: f(0, 4) }, 1);
    expect(norm).toBe(5);
    expect(globalNorm(grads)).toBeCloseTo(1, 5);
    expect(grads["a"]![0]! / grads["b"]![1]!).toBeCloseTo(0.75, 6);
  });

  test("leaves gradients below the bound untouched", () => {
    const grads = { a: f(0.1, 0.2) };
    expect(clipByGlobalNorm(grads, 1).grads).toBe(grads);
  });

  test("reports a norm that is not a number instead of hiding it", () => {
    expect(clipByGlobalNorm({ a: f(NaN, 1) }, 1).norm).toBeNaN();
    expect(clipByGlobalNorm({ a: f(Infinity) }, 1).norm).toBe(Infinity);
  });
});

describe("warmupLinearDecay", () => {
  const rate = warmupLinearDecay({ peak: 1, warmupSteps: 4, totalSteps: 12 });
  test.each([
    [0, 0.25],
    [3, 1],
    [4, 1],
    [8, 0.5],
    [12, 0],
    [20, 0],
  ])("at step %i the rate is %f of the peak", (step, expected) => {
    expect(rate(step)).toBeCloseTo(expected, 12);
  });

  test("without warm-up starts at the peak", () => {
    expect(warmupLinearDecay({ peak: 0.3, warmupSteps: 0, totalSteps: 10 })(0)).toBe(0.3);
  });
});
