/** Minutes to the score: when it is measured, when a run is near its best, and a whole cell on the tiny base. */
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { marksOf } from "../../../bench/minutes/plan.ts";
import { reachedOf } from "../../../bench/minutes/results.ts";
import type { MinutesResult } from "../../../bench/minutes/results.ts";
import { minutesRows } from "../../../bench/minutes/table.ts";
import { startWatch } from "../../../bench/minutes/watch.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { asText, runVerb } from "../../support/verb.ts";

const folder = temporaryFolder("minutes");
const at = (...path: string[]): string => join(folder.path, ...path);
afterAll(() => folder.remove());

test("the score is measured four times in an epoch, and at its end", () => {
  expect(marksOf(157, 2)).toEqual([40, 80, 120, 157, 197, 237, 277, 314]);
  expect(marksOf(2, 2)).toEqual([1, 2, 3, 4]);
});

describe("a run is near its score", () => {
  const point = (step: number, score: number) => {
    return { step, seconds: 2 * step, cpu_seconds: step, score };
  };

  test("from the first measurement that is at most half a point below the best", () => {
    const curve = [point(40, 0.9), point(80, 0.905), point(120, 0.91), point(157, 0.907)];
    expect(reachedOf(curve)).toEqual({ best: 0.91, reached: point(80, 0.905) });
  });

  test("in a table with the ratio of CPU time, and of wall time in brackets", () => {
    const cell = (contender: string, best: number, reached: object): MinutesResult => {
      const own = { set: "sst2", title: "SST-2", seed: 0, contender, best, reached };
      return { ...own, curve: [point(200, best)] } as unknown as MinutesResult;
    };
    const results = [cell("ours", 0.85, point(40, 0.85)), cell("peft", 0.84, point(160, 0.84))];
    expect(minutesRows(results)[1]).toEqual([
      "SST-2",
      "0",
      "85.0",
      "84.0",
      "40 of 200",
      "160 of 200",
      "0.25 (0.25)",
    ]);
    expect(minutesRows(results.slice(1))[1]!.at(-1)).toBe("-");
  });
});

test("what is held does not count", async () => {
  let seconds = 10;
  const watch = startWatch(() => ({ seconds, cpu_seconds: 2 * seconds }));
  seconds += 3;
  await watch.hold(async () => {
    seconds += 100;
  });
  seconds += 1;
  expect(watch.read()).toEqual({ seconds: 4, cpu_seconds: 8 });
});

describe("a cell", () => {
  const words = ["good", "great", "fine", "bad", "dull", "sad"];
  const lines = (first: string): string =>
    words
      .flatMap((word, i) =>
        ["film", "plot", "music", "story"].map(
          (noun) => `${i < 3 ? 1 : 0}\t${first} ${noun} ${word}`,
        ),
      )
      .join("\n");
  beforeAll(async () => {
    await mkdir(at("sst2"), { recursive: true });
    await writeTinyBase(at("base"), { dtype: "int8", seed: 1 });
    await writeFile(at("sst2", "train.tsv"), `label\tsentence\n${lines("the")}\n`);
    await writeFile(at("sst2", "dev.tsv"), `label\tsentence\n${lines("this")}\n`);
  });
  const bench = async (...more: string[]) => {
    const own = [`--data=${folder.path}`, `--base=${at("base")}`, "--sets=sst2", "--threads=1"];
    return asText(await runVerb("bench", "minutes", ...own, "--json", ...more));
  };
  const trial = ['--settings={"epochs":2}', `--results=${at("results")}`];

  test("follows the score of train's own run, and is not made again", async () => {
    const { code, out } = await bench(...trial);
    expect(code).toBe(0);
    const { results } = JSON.parse(out) as { results: MinutesResult[] };
    expect(results).toHaveLength(1);
    const [{ curve, best, rows, settings, command }] = results as [MinutesResult];
    // 24 rows in batches of 8, measured after every step
    expect(curve.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(best).toBe(Math.max(...curve.map(({ score }) => score)));
    expect(rows).toEqual({ train: 24, evaluation: 24 });
    expect(settings).toMatchObject({ method: "prefix", num_virtual_tokens: 16, epochs: 2 });
    expect(command).not.toContain(folder.path);
    const [file = ""] = await readdir(at("results"));
    const before = await readFile(at("results", file), "utf8");
    expect((await bench(...trial)).err).toContain("is there");
    expect(await readFile(at("results", file), "utf8")).toBe(before);
  });

  test("of other settings does not go among the results of the defaults", async () => {
    const { code, err } = await bench('--settings={"epochs":2}');
    expect(code).not.toBe(0);
    expect(err).toContain("--results");
  });
});
