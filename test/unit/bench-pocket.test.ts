/** What `bench pocket` concludes from its numbers. */
import { describe, expect, it } from "vitest";
import { findingsOf } from "../../bench/pocket/findings.ts";
import { meanRatio, ratioOf } from "../../bench/pocket/tasks.ts";
import type { TrialResult } from "../../scripts/training/trial/run.ts";

const trial = (score: number): TrialResult => ({
  metric: "accuracy",
  score,
  interval: [score - 0.01, score + 0.01],
  fp32_score: null,
  selection: { rows: "dev.tsv", score },
  best_epoch: 1,
  history: [],
  parameters: 1,
  bytes: 1,
  seconds: 1,
  rows: { train: 1, selection: 1, reported: 1 },
  settings: {},
});

describe("the tasks", () => {
  const tasks = [ratioOf("a", trial(0.8), trial(0.8)), ratioOf("b", trial(0.6), trial(0.625))];

  it("are compared by the ratio of their scores", () => {
    expect(tasks.map(({ ratio }) => ratio)).toEqual([1, 0.96]);
    expect(meanRatio(tasks)).toBeCloseTo(0.98, 12);
  });

  it("hold when their mean is at least .97 and none is below .94", () => {
    const hold = (list: typeof tasks) =>
      findingsOf({ tasks: { mean_ratio: meanRatio(list), tasks: list } }).map(({ ok }) => ok);
    expect(hold(tasks)).toEqual([true, true]);
    const weak = ratioOf("c", trial(0.465), trial(0.5));
    expect(hold([...tasks, ...tasks, weak])).toEqual([true, false]);
    expect(hold([weak])).toEqual([false, false]);
  });
});

it("time and memory hold up to their limits, and what was not measured says nothing", () => {
  const ok = (results: Parameters<typeof findingsOf>[0]) =>
    findingsOf(results).map((finding) => finding.ok);
  expect(ok({})).toEqual([]);
  expect(ok({ latency: { ratio: 0.55 }, cold: { ratio: 0.5 } })).toEqual([true, true]);
  expect(ok({ latency: { ratio: 0.56 }, cold: { ratio: 0.51 } })).toEqual([false, false]);
  expect(ok({ memory: { after_1x512_bytes: 50_000_001 } })).toEqual([false]);
});
