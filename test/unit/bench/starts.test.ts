/** `bench starts`: what its contenders ask of `train`, and the table of finished cells. */
import { expect, test } from "vitest";
import { specOf } from "../../../bench/starts/plan.ts";
import type { Cell } from "../../../bench/starts/plan.ts";
import { startRows } from "../../../bench/starts/results.ts";
import type { StartResult } from "../../../bench/starts/results.ts";

const cell: Cell = { task: "rte", rows: "all", by: "start", seed: 1 };

test("the start and random numbers are trained alike, and train is left to its defaults", () => {
  const started = specOf(cell, "pairs");
  const random = specOf({ ...cell, by: "random" }, "pairs");
  expect(started).toEqual({ ...random, init: "pairs" });
  expect(started).toMatchObject({ method: "prefix-bias", hyperparameters: { epochs: 6 } });
  expect(specOf({ ...cell, by: "train" }, "pairs")).toMatchObject({
    method: undefined,
    hyperparameters: {},
  });
});

test("the table has the mean of each contender, and the seeds behind it", () => {
  const result = (by: Cell["by"], seed: number, score: number): StartResult =>
    ({ ...cell, by, seed, score, start: "pairs", train_rows: 2490 }) as StartResult;
  const results = [result("start", 1, 0.6), result("start", 0, 0.62), result("random", 0, 0.55)];
  expect(startRows(results)).toEqual([
    ["", "rows", "train", "prefix-bias", "prefix-bias from pairs"],
    ["RTE", "2490", "-", "55.0", "61.0 (62.0, 60.0)"],
  ]);
});
