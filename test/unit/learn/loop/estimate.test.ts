/**
 * The estimate of a run's time, with a clock that only steps and answers move. Expected seconds are
 * worked out by hand from the times that the script gives to them.
 */
import { describe, expect, test } from "vitest";
import { eachRowOnce } from "../../../../src/learn/loop/batch-plan.ts";
import { estimateTime } from "../../../../src/learn/loop/estimate.ts";
import type { Plan } from "../../../../src/learn/loop/trainer.ts";
import type { Hyperparameters } from "../../../../src/learn/methods.ts";
import { keyOf } from "../../../../src/learn/random.ts";

const ROWS = 80;
const TOKENS = 10;
const BATCH = 8;
const EVALUATION_ROWS = 40;
const EPOCHS = 5;

/** Estimates a run whose trial number i takes `stepMs(i)` a step and `answerMs(i)` an evaluation row. */
async function estimate({
  stepMs,
  answerMs,
  evaluationRows = EVALUATION_ROWS,
  epochs = EPOCHS,
}: {
  stepMs: (i: number) => number;
  answerMs: (i: number) => number;
  evaluationRows?: number;
  epochs?: number;
}) {
  let time = 0;
  let [steps, answers] = [0, 0];
  const lengths = Array<number>(ROWS).fill(TOKENS);
  const plan = {
    hyperparameters: { batch_size: BATCH } as Hyperparameters,
    key: keyOf(1),
    lengths,
    batches: eachRowOnce(lengths, BATCH, keyOf(1)),
    step: () => {
      time += stepMs(steps++);
      return Promise.resolve({ loss: 1, grads: {} });
    },
    evaluate: () => Promise.resolve(0),
  } satisfies Plan;
  const result = await estimateTime({
    plan,
    params: {},
    epochsLeft: epochs,
    answer: (rows) => {
      time += rows * answerMs(answers++);
      return Promise.resolve();
    },
    evaluationRows,
    now: () => time,
  });
  return { result, steps, seconds: time / 1000 };
}

/** Ten batches of 80 ms an epoch, and 40 rows of 2 ms: once an epoch, and five times as long at the end. */
const EXPECTED = (EPOCHS * 10 * 80 + (EPOCHS + 5) * EVALUATION_ROWS * 2) / 1000;

describe("the estimate of a run", () => {
  test("is exact where all steps and answers take the same time", async () => {
    const { result } = await estimate({ stepMs: () => 80, answerMs: () => 2 });
    expect(result).toEqual({ seconds: EXPECTED, tokensPerSecond: 1000 });
  });

  test("does not count first steps and answers that are slow", async () => {
    const { result } = await estimate({
      stepMs: (i) => (i < 5 ? 240 : 80),
      answerMs: (i) => (i < 1 ? 20 : 2),
    });
    expect(result?.seconds).toBe(EXPECTED);
  });

  test("is not moved by a pause of the machine", async () => {
    const { result } = await estimate({
      stepMs: (i) => (i === 8 ? 700 : 80),
      answerMs: (i) => (i === 3 ? 30 : 2),
    });
    expect(result?.seconds).toBe(EXPECTED);
  });

  test("takes four steps, one of them untimed, where a step takes seconds", async () => {
    const { result, steps } = await estimate({ stepMs: () => 4_000, answerMs: () => 2 });
    expect(steps).toBe(4);
    expect(result?.tokensPerSecond).toBe(20);
  });

  test("takes two steps of a run that has no more than twenty", async () => {
    const { result, steps } = await estimate({ stepMs: () => 80, answerMs: () => 2, epochs: 2 });
    expect(steps).toBe(2);
    expect(result?.tokensPerSecond).toBe(1000);
  });

  test("takes a few seconds at most where steps are fast", async () => {
    const { seconds } = await estimate({ stepMs: () => 80, answerMs: () => 2 });
    expect(seconds).toBeLessThan(4);
  });

  test("needs no evaluation rows", async () => {
    const { result } = await estimate({ stepMs: () => 80, answerMs: () => 2, evaluationRows: 0 });
    expect(result?.seconds).toBe(4);
  });

  test("is none where the clock stands still", async () => {
    const { result } = await estimate({ stepMs: () => 0, answerMs: () => 0 });
    expect(result).toBeNull();
  });
});
