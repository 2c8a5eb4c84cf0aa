/** What the views of training compute before they draw. */
import { describe, expect, it } from "vitest";
import { lossLine, scoreDots } from "../../../../../src/browser/page/train/course.ts";
import { pushCommand, taskName, timeLeft } from "../../../../../src/browser/page/train/names.ts";
import { isName } from "../../../../../src/core/format/keys.ts";

describe("the name of a task", () => {
  it.each([
    ["reviews.csv", "reviews"],
    ["My Tickets (2).csv.gz", "my-tickets-2"],
    ["Größe.jsonl", "gro-e"],
    ["文.csv", "my-task"],
    [`${"long ".repeat(30)}.csv`, "long-long-long-long-long-long-long-long"],
  ])("of %s is %s", (file, name) => {
    expect(taskName(file)).toBe(name);
    expect(isName(name)).toBe(true);
  });
});

describe("the course of a run", () => {
  it("is drawn over all steps that there will be, with the highest loss at the top", () => {
    const course = { losses: [2, 1], totalSteps: 4, scores: [{ step: 2, score: 0.75 }] };
    expect(lossLine(course)).toEqual([
      [0.25, 1],
      [0.5, 0.5],
    ]);
    expect(scoreDots(course)).toEqual([[0.5, 0.75]]);
  });

  it("is drawn by means where there are thousands of steps", () => {
    const losses = Array.from({ length: 4_000 }, () => 1);
    const line = lossLine({ losses, totalSteps: 4_000, scores: [] });
    expect(line.length).toBeLessThanOrEqual(160);
    expect(line.at(-1)).toEqual([1, 1]);
  });
});

it("says how long a run still takes", () => {
  expect([0.2, 40, 600, 9_000].map(timeLeft)).toEqual([
    "about 1 s",
    "about 40 s",
    "about 10 minutes",
    "about 2.5 hours",
  ]);
});

it("names the base to push where it is not the bundled one", () => {
  expect(pushCommand("reviews", null)).toBe("npx edge-prefix push reviews --remote");
  expect(pushCommand("reviews", "minilm")).toContain("--base models/minilm reviews");
});
