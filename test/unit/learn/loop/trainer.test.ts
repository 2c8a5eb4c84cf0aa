/** The training loop on its own, with a step that is a formula: batches, saving, stopping. */
import { beforeEach, describe, expect, test } from "vitest";
import { eachRowOnce } from "../../../../src/learn/loop/batch-plan.ts";
import { keyOf } from "../../../../src/learn/random.ts";
import type { RunState } from "../../../../src/learn/loop/run-state.ts";
import { epochBatches, sortedBatches } from "../../../../src/learn/loop/sampler.ts";
import { isStale, startState, train } from "../../../../src/learn/loop/trainer.ts";
import type { Hooks, Plan } from "../../../../src/learn/loop/trainer.ts";

const LENGTHS = [5, 3, 8, 2, 9, 4, 7, 6, 1, 10];

/** Minimises |w - 3|^2, seen through 10 rows. */
function plan(changes: Partial<Plan> = {}): Plan {
  const key = changes.key ?? keyOf(1);
  return {
    hyperparameters: {
      learning_rate: 0.5,
      epochs: 3,
      batch_size: 4,
      weight_decay: 0.01,
      warmup_ratio: 0.06,
      prefix_dropout: 0,
      max_grad_norm: 1,
      patience: 0,
    },
    key,
    lengths: LENGTHS,
    batches: eachRowOnce(LENGTHS, 4, key),
    step: async (_rows, { w }) => {
      const off = w!.map((value) => value - 3);
      return { loss: off.reduce((sum, x) => sum + x * x, 0), grads: { w: off.map((x) => 2 * x) } };
    },
    evaluate: async ({ w }) => -Math.abs(w![0]! - 3),
    ...changes,
  };
}

const start = (): RunState => startState({ w: new Float32Array([0, 1]) });

function hooks(changes: Partial<Hooks> = {}): Hooks & { saved: RunState[] } {
  const saved: RunState[] = [];
  return {
    signal: new AbortController().signal,
    now: () => 0,
    save: async (state) => void saved.push(state),
    ...changes,
    saved,
  };
}

test("every epoch sees every row once and ends with a score; the best is kept", async () => {
  const seen: number[][] = [];
  const scores = [0.1, 0.9, 0.5];
  const own = plan();
  const { state, isDone } = await train(
    start(),
    plan({
      step: (rows, ...rest) => {
        seen.push([...rows]);
        return own.step(rows, ...rest);
      },
      evaluate: async () => scores.shift()!,
    }),
    hooks(),
  );
  expect(isDone).toBe(true);
  expect(state.step).toBe(9);
  for (const epoch of [0, 1, 2]) {
    const rows = seen.slice(3 * epoch, 3 * epoch + 3).flat();
    expect(rows.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  expect(state.history.map(({ score }) => score)).toEqual([0.1, 0.9, 0.5]);
  expect(state.best).toMatchObject({ epoch: 2, score: 0.9 });
  expect(state.best!.params).not.toEqual(state.params);
  expect(state.history.map(({ loss }) => loss)).toEqual(
    state.history.map(({ loss }) => loss).toSorted((a, b) => b - a),
  );
});

test.each([1, 3, 4, 8])(
  "a run stopped at step %i and gone on with is the same run",
  async (stopAt) => {
    const { state: whole } = await train(start(), plan(), hooks());
    const abort = new AbortController();
    const first = hooks({
      signal: abort.signal,
      onStep: ({ step }) => {
        if (step === stopAt) abort.abort();
      },
    });
    expect(await train(start(), plan(), first)).toMatchObject({
      isDone: false,
      state: { step: stopAt },
    });
    const { state: resumed } = await train(first.saved.at(-1)!, plan(), hooks());
    expect(resumed).toEqual(whole);
  },
);

describe("patience", () => {
  const patient = (scores: number[], patience: number): Plan => {
    const own = plan();
    return plan({
      hyperparameters: { ...own.hyperparameters, epochs: scores.length, patience },
      evaluate: async () => scores[calls++]!,
    });
  };
  let calls = 0;
  beforeEach(() => void (calls = 0));

  test("ends a run that has not got better for so many epochs", async () => {
    const { state, isDone } = await train(
      start(),
      patient([0.1, 0.5, 0.4, 0.5, 0.9, 1], 2),
      hooks(),
    );
    expect(isDone).toBe(true);
    expect(state.history.map(({ score }) => score)).toEqual([0.1, 0.5, 0.4, 0.5]);
    expect(state.best).toMatchObject({ epoch: 2, score: 0.5 });
    expect(isStale(state, 2)).toBe(true);
    expect(isStale(state, 3)).toBe(false);
  });

  test("of 0 never ends a run early", async () => {
    const { state } = await train(start(), patient([0.9, 0.1, 0.1, 0.1], 0), hooks());
    expect(state.epoch).toBe(4);
  });

  test("is remembered by a run that goes on", async () => {
    const scores = [0.5, 0.4, 0.3, 0.9];
    const abort = new AbortController();
    const first = hooks({
      signal: abort.signal,
      onStep: ({ step }) => {
        if (step === 5) abort.abort();
      },
    });
    await train(start(), patient(scores, 2), first);
    // The first epoch has been measured; the run goes on in the second.
    const { state } = await train(first.saved.at(-1)!, patient(scores, 2), hooks());
    expect(state.history.map(({ score }) => score)).toEqual([0.5, 0.4, 0.3]);
  });
});

describe("the mean of several runs", () => {
  const begin = new Float32Array([0, 1]);
  const averaged = (changes: Partial<Plan> = {}): Plan =>
    plan({ average: { runs: 3, start: { w: begin } }, ...changes });

  test("is of the best parameters of each, which began alike and saw the rows in other orders", async () => {
    const orders: string[] = [];
    const begun: number[][] = [];
    const measured: number[][] = [];
    // The second epoch of three is the best of each run.
    const scores = [0.1, 0.3, 0.2, 0.1, 0.3, 0.2, 0.1, 0.3, 0.2, 0.6];
    const own = plan();
    const { state, isDone } = await train(
      start(),
      averaged({
        step: async (rows, params, key) => {
          if (orders.length % 9 === 0) begun.push([...params["w"]!]);
          orders.push(rows.join());
          const { loss, grads } = await own.step(rows, params, key);
          // What a batch teaches depends on its rows, so runs differ.
          return { loss, grads: { w: grads["w"]!.map((x) => x + rows[0]!) } };
        },
        evaluate: async ({ w }) => {
          measured.push([...w!]);
          return scores[measured.length - 1]!;
        },
      }),
      hooks(),
    );
    expect(isDone).toBe(true);
    expect(begun).toEqual([[...begin], [...begin], [...begin]]);
    expect(new Set([0, 9, 18].map((from) => orders.slice(from, from + 9).join(" "))).size).toBe(3);
    const best = [1, 4, 7].map((epoch) => measured[epoch]!);
    const mean = [0, 1].map((i) => (best[0]![i]! + best[1]![i]! + best[2]![i]!) / 3);
    expect([...state.best!.params["w"]!]).toEqual(mean.map((x) => expect.closeTo(x, 6)));
    expect(measured.at(-1)).toEqual([...state.best!.params["w"]!]);
    expect(state.best).toMatchObject({ epoch: 9, score: 0.6 });
    expect(state.history.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test.each([8, 9, 10, 20, 27])("is the same after a stop at step %i", async (stopAt) => {
    const { state: whole } = await train(start(), averaged(), hooks());
    const abort = new AbortController();
    const first = hooks({
      signal: abort.signal,
      onStep: ({ step }) => {
        if (step === stopAt) abort.abort();
      },
    });
    await train(start(), averaged(), first);
    const { state } = await train(first.saved.at(-1)!, averaged(), hooks());
    expect(state).toEqual(whole);
  });

  test("counts a run that patience ended", async () => {
    const scores = [0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.1, 0.7];
    const own = plan();
    const { state } = await train(
      start(),
      averaged({
        hyperparameters: { ...own.hyperparameters, patience: 1 },
        evaluate: async () => scores.shift()!,
      }),
      hooks(),
    );
    expect(state.history.map(({ epoch }) => epoch)).toEqual([1, 2, 4, 5, 6, 7, 8]);
    expect(state.averaged!.runs).toBe(3);
    expect(state.best!.score).toBe(0.7);
  });
});

test("a run stopped while it measures has saved the epoch and measures again", async () => {
  const { state: whole } = await train(start(), plan(), hooks());
  const abort = new AbortController();
  const first = hooks({ signal: abort.signal });
  const evaluate = async (): Promise<number> => {
    abort.abort();
    throw new Error("aborted");
  };
  const { isDone } = await train(start(), plan({ evaluate }), first);
  expect(isDone).toBe(false);
  expect(first.saved.at(-1)).toMatchObject({ step: 3, epoch: 0, batch: 3 });
  expect((await train(first.saved.at(-1)!, plan(), hooks())).state).toEqual(whole);
});

test("a state is saved after ten seconds, and then every two minutes", async () => {
  let now = 0;
  const own = hooks({ now: () => now, onStep: () => (now += 9_000) });
  await train(start(), plan(), own);
  expect(own.saved.map(({ step }) => step)).toEqual([2]);
  const slow = hooks({ now: () => now, onStep: () => (now += 50_000) });
  await train(start(), plan(), slow);
  expect(slow.saved.map(({ step }) => step)).toEqual([1, 4, 7]);
});

test("a loss that is not finite stops the run with a hint", async () => {
  const step = async (): Promise<{ loss: number; grads: { w: Float32Array } }> => ({
    loss: NaN,
    grads: { w: new Float32Array(2) },
  });
  await expect(train(start(), plan({ step }), hooks())).rejects.toMatchObject({
    code: "training-diverged",
    message: expect.stringContaining("smaller --lr"),
  });
});

test("rows of similar length share a batch, and the order of batches is random", () => {
  const lengths = Array.from({ length: 2000 }, (_, i) => 5 + ((i * 7919) % 60));
  const batches = epochBatches(lengths, 20, keyOf(1));
  const spans = batches.map((rows) => {
    const own = rows.map((row) => lengths[row]!);
    return Math.max(...own) - Math.min(...own);
  });
  expect(Math.max(...spans)).toBeLessThanOrEqual(3);
  const longest = batches.map((rows) => Math.max(...rows.map((row) => lengths[row]!)));
  expect(longest).not.toEqual(longest.toSorted((a, b) => a - b));
  expect(batches.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
  expect(sortedBatches([3, 9, 5], 2)).toEqual([[1, 2], [0]]);
});
