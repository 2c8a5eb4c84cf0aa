/** What `bench pocket` concludes from its numbers. */
import { describe, expect, it } from "vitest";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { findingsOf } from "../../../bench/pocket/findings.ts";
import { meanRatio, ratioOf, scoreOf, shippedScore } from "../../../bench/pocket/tasks.ts";
import type { Score } from "../../../bench/pocket/tasks.ts";

const trial = (score: number): Score => ({
  metric: "accuracy",
  score,
  interval: [score - 0.01, score + 0.01],
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

describe("the score of a shipped task", () => {
  it("is read from its manifest", () => {
    const metrics = { metric: "f1", f1: 0.7, precision: 0.6, interval: { low: 0.68, high: 0.72 } };
    expect(scoreOf({ metrics })).toEqual({ metric: "f1", score: 0.7, interval: [0.68, 0.72] });
  });

  it("is not taken from a task of another base", async () => {
    const dir = `${import.meta.dirname}/../../../prefixes/intent`;
    const other = { identity: "0".repeat(64) } as BaseManifest;
    await expect(shippedScore(dir, other)).rejects.toThrow(
      /was trained for base .* train it again/,
    );
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
