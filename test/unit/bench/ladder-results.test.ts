/** The ladder's finished cells: what they say together, as a table and as a picture. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ladderCurve } from "../../../bench/ladder/curve.ts";
import type { Contender } from "../../../bench/ladder/plan.ts";
import { writeResult } from "../../../bench/ladder/results.ts";
import type { LadderResult } from "../../../bench/ladder/results.ts";
import type { SetId } from "../../../bench/ladder/sets.ts";
import { summaryOf } from "../../../bench/ladder/summary.ts";
import { ladderRows, summaryLines } from "../../../bench/ladder/table.ts";
import { ladderBlocks, ladderPicture } from "../../../scripts/dev/docs/ladder.ts";
import { points, shapes } from "../../support/svg.ts";

const cell = (
  set: SetId,
  contender: Contender,
  draw: number,
  score: number,
  more: object = {},
): LadderResult =>
  ({
    set,
    rows: 8,
    train_rows: 16,
    contender,
    draw,
    score,
    interval: [score - 0.04, score + 0.04],
    reported: { score, interval: [score - 0.1, score + 0.1], rows: "all" },
    seconds: contender === "setfit" ? 90 : 30,
    bytes: 76_000,
    ...more,
  }) as unknown as LadderResult;

describe("finished cells together", () => {
  const near = (value: number) => expect.closeTo(value, 9);

  test("compare contenders by the draws that both have, and sets alike", () => {
    const { comparisons } = summaryOf([
      cell("sst2", "train", 0, 0.66),
      cell("sst2", "setfit", 0, 0.64),
      // No other contender has this draw.
      cell("sst2", "train", 1, 0.1),
      cell("agnews", "train", 0, 0.78, { seconds: 45 }),
      cell("agnews", "setfit", 0, 0.79),
    ]);
    expect(comparisons).toEqual([
      {
        type: "sequence",
        rows: 8,
        against: "setfit",
        difference: near((0.02 - 0.01) / 2),
        sets: [
          { set: "agnews", draws: 1, difference: near(-0.01), interval: null },
          { set: "sst2", draws: 1, difference: near(0.02), interval: null },
        ],
        // 30 and 45 s of 90
        seconds_ratio: { median: near((1 / 3 + 1 / 2) / 2), max: near(1 / 2) },
      },
    ]);
  });

  test("say how sure a difference is, and name the set where it is worst", () => {
    const results = [0.6, 0.62, 0.64].flatMap((score, draw) => [
      cell("sst2", "train", draw, score),
      // The differences are -1, -2 and -3 points.
      cell("sst2", "setfit", draw, score + 0.01 * (draw + 1)),
    ]);
    // Student's t of two degrees of freedom, 4.303, times 1 / sqrt(3)
    expect(summaryLines(results)).toContain(
      "8 rows a class, train beside SetFit: -2.0 points on average; SST-2 the worst with -2.0 (-4.5 to +0.5); 0.33 times as long, at most 0.33; 1 set, 3 draws",
    );
  });

  test("say where a curve goes down, by how much, and how sure that is", () => {
    const scores = [0.7, 0.72, 0.74];
    const results = scores.flatMap((score, draw) => [
      cell("sst2", "train", draw, score),
      cell("sst2", "train", draw, score - 0.05, { rows: 16, train_rows: 32 }),
    ]);
    const { steps } = summaryOf(results);
    // All draws lose the same, so the interval of the mean has no width.
    const difference = near(-0.05);
    expect(steps).toEqual([
      { set: "sst2", from: 8, to: 16, difference, interval: [difference, difference] },
    ]);
    expect(summaryLines(results)).toContain(
      "more rows make train worse, by more than the interval of the difference: SST-2 from 8 a class to 16 a class: -5.0 (-5.0 to -5.0)",
    );
  });

  test("take the interval of the test rows where there are too few draws", () => {
    const results = [
      cell("sst2", "train", 0, 0.7),
      cell("sst2", "train", 0, 0.69, { rows: 16, train_rows: 32 }),
    ];
    const half = Math.hypot(0.04, 0.04);
    expect(summaryOf(results).steps[0]!.interval).toEqual([near(-0.01 - half), near(-0.01 + half)]);
  });

  test("count the draws whose test score lies within what the task reports", () => {
    const surprise = { reported: { score: 1, interval: [1, 1], rows: "13 % of train.jsonl" } };
    const results = [cell("sst2", "train", 0, 0.7), cell("agnews", "train", 0, 0.7, surprise)];
    expect(summaryOf(results).reported).toEqual([
      { type: "sequence", rows: 8, draws: 2, inside: 1 },
    ]);
    expect(summaryLines(results)).toContain(
      "the test score is within the interval that the task itself reported: 1 of 2 draws of 8 rows a class",
    );
  });

  test("are a table of means with the lowest and highest draw", () => {
    const results = [
      cell("sst2", "train", 0, 0.6),
      cell("sst2", "train", 1, 0.7),
      cell("sst2", "setfit", 0, 0.64),
    ];
    expect(ladderRows(results)).toEqual([
      ["", "rows", "draws", "train", "SetFit", "train s", "SetFit s"],
      ["SST-2", "8 a class", "2", "65.0 (60.0-70.0)", "64.0", "30.0", "90.0"],
    ]);
  });
});

describe("the picture", () => {
  const at = (rows: number, contender: Contender, ...scores: number[]): LadderResult[] =>
    scores.map((score, draw) => {
      const train_rows = rows > 64 ? rows : 2 * rows;
      const cell: Partial<LadderResult> = { set: "sst2", rows, train_rows, contender, draw, score };
      return cell as LadderResult;
    });
  const chart = ladderCurve([
    ...at(0, "train", 0.55),
    ...at(4, "train", 0.6, 0.64),
    ...at(5_000, "train", 0.9),
    ...at(4, "head", 0.52),
  ]);
  const dots = (kind: string) => shapes(chart, "circle", kind).filter(({ title }) => title !== "");

  test("has a dot for the mean of the draws, with its numbers", () => {
    expect(dots("red").map(({ title }) => title)).toEqual([
      "train, names alone: 55.0 %",
      "train, 4 rows a class: 62.0 %",
      "train, 5,000 rows: 90.0 %",
    ]);
    expect(dots("blue")).toEqual([]);
  });

  test("sets a dot by the scale that the labels of the axis are on", () => {
    const label = (content: string): number =>
      Number(shapes(chart, "text", "note").find((text) => text.content === content)!["y"]) - 4;
    const [none, few, all] = dots("red");
    const unit = (label("60") - label("100")) / 40; // of a percent
    expect(few!["cy"]).toBeCloseTo(label("100") + 38 * unit);
    expect(all!["cy"]).toBeCloseTo(label("90"));
    expect(Number(few!["cx"])).toBeGreaterThan(Number(none!["cx"]));
    // Rows are on a logarithmic scale: from 8 to 5,000 nearly the whole of it.
    expect(Number(all!["cx"]) - Number(few!["cx"])).toBeGreaterThan(130);
  });

  test("has a whisker from the lowest to the highest draw", () => {
    const [, whisker] = shapes(chart, "line", "whisker").filter(
      ({ class: kind }) => kind === "whisker red",
    );
    const [, few] = dots("red");
    expect(whisker!["x1"]).toBe(few!["cx"]);
    expect((Number(whisker!["y1"]) + Number(whisker!["y2"])) / 2).toBeCloseTo(Number(few!["cy"]));
    expect(Number(whisker!["y1"])).toBeGreaterThan(Number(whisker!["y2"]));
  });

  test("draws a line from dot to dot", () => {
    const [curve] = shapes(chart, "path", "red").filter(({ d }) => d !== "");
    const places = dots("red").map(({ cx, cy }) => [cx, cy]);
    expect(points(curve!)).toEqual(places);
  });

  test("names each set of whole texts, and who was measured", () => {
    const names = shapes(chart, "text", "name").map(({ content }) => content);
    expect(names).toEqual(expect.arrayContaining(["banking77", "AG News", "SST-2"]));
    expect(names).not.toContain("WNUT-17");
    const notes = shapes(chart, "text", "note").map(({ content }) => content);
    expect(notes).toEqual(expect.arrayContaining(["train", "head only", "0", "5,000"]));
    expect(notes).not.toContain("SetFit");
  });
});

describe("the page", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ladder-results-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const save = (name: string, contender: Contender): Promise<void> => {
    const machine = { cpu: "EPYC", vectors: "avx2", cores: 2, node: "v24.9.0" };
    const made = { metric: "accuracy", commit: "abc1234", machine };
    const model = { name, identity: null };
    return writeResult(folder, cell("sst2", contender, 0, 0.7, { ...made, model }));
  };

  test("says how figures are made while there are none of a base itself", async () => {
    await save("setfit", "setfit");
    expect(ladderPicture(folder)).toBeNull();
    expect(ladderBlocks(folder)["ladder"]).toContain("bench ladder --help");
  });

  test("shows the base of SetFit's checkpoint beside SetFit, with the picture", async () => {
    await save("all-minilm-l6-v2", "train");
    const { ladder, bundled } = ladderBlocks(folder);
    expect(ladder).toContain("few-rows.svg");
    expect(ladder).toContain("8 rows a class, train beside SetFit: 0.0 points on average");
    expect(ladder).toContain("2 cores of an EPYC with avx2, Node 24.9.0, commit abc1234");
    expect(bundled).toContain("bench ladder --help");
    expect(ladderPicture(folder)).toMatch(/^<svg [^]*<\/svg>\n$/);
  });
});
