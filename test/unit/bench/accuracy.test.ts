/**
 * The accuracy benchmark: which cells there are, what a cell is measured on, and whole cells on the
 * tiny base, written as SST-2 lies on disk.
 */
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allCells, cellName, chosenCells } from "../../../bench/accuracy/plan.ts";
import type { CellResult } from "../../../bench/accuracy/results.ts";
import { methodOf, settingsOf } from "../../../bench/accuracy/settings.ts";
import { accuracyRows, closenessRows } from "../../../bench/accuracy/table.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { hasVirtualTokens } from "../../../src/learn/methods.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { asText, watchVerb } from "../../support/verb.ts";

const GOOD = ["good", "great", "fine", "funny", "best"];
const BAD = ["bad", "dull", "awful", "sad", "worst"];
const TOPICS = ["film", "movie", "plot", "story", "acting", "music"];
const rows = (word: string): string =>
  [...GOOD, ...BAD]
    .flatMap((adjective) =>
      TOPICS.map((topic) => `${GOOD.includes(adjective) ? 1 : 0}\t${word} ${topic} ${adjective}`),
    )
    .join("\n");

let dir: string;
let int8: Base;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "accuracy-"));
  int8 = await writeTinyBase(join(dir, "int8"), { dtype: "int8", seed: 1 });
  await writeTinyBase(join(dir, "fp32"), { dtype: "fp32", seed: 1 });
  await writeTinyBase(join(dir, "other"), { dtype: "fp32", seed: 2 });
  await mkdir(join(dir, "sst2"));
  await writeFile(join(dir, "sst2", "train.tsv"), `label\tsentence\n${rows("the")}\n`);
  // The first row is a training text, which must not be learned from.
  const dev = `label\tsentence\n1\tthe film good\n${rows("this")}\n`;
  await writeFile(join(dir, "sst2", "dev.tsv"), dev);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const bench = async (
  args: readonly string[],
  signal?: AbortSignal,
  onLine?: (line: string) => void,
) => asText(await watchVerb(["bench", "accuracy", ...args], onLine, signal));

const cellArgs = (name: string, ...more: string[]): string[] => [
  `--data=${dir}`,
  `--base=${join(dir, "int8")}`,
  `--fp32=${join(dir, "fp32")}`,
  `--work=${join(dir, name, "work")}`,
  `--results=${join(dir, name, "results")}`,
  "--only=sst2",
  "--json",
  ...more,
];

describe("the plan", () => {
  test("has every method on every data set, and two more seeds of what is closest to full", () => {
    const names = allCells().map(cellName);
    // 6 tasks x 6 methods, 2 projections, 2 recipes; 2 seeds of 2 methods on 6 tasks, and WNUT-17's prefix
    expect(names).toHaveLength(36 + 2 + 2 + 24 + 2);
    expect(new Set(names).size).toBe(names.length);
    expect(names.slice(0, 4)).toEqual(
      ["prefix", "bias", "prefix-bias", "full"].map((method) => `wnut17.${method}.0`),
    );
  });

  test("gives a single cell, and as many seeds of it as are asked for", () => {
    const one = { tasks: ["rte"], methods: ["bias"], seeds: undefined } as const;
    expect(chosenCells(one).map(cellName)).toEqual(["rte.bias.0"]);
    expect(chosenCells({ ...one, seeds: 2 }).map(cellName)).toEqual(["rte.bias.0", "rte.bias.1"]);
  });

  test("repeats a recipe that begins with what other pairs have taught", () => {
    const choice = { tasks: ["rte"], methods: ["prefix-bias-pairs"], seeds: undefined } as const;
    expect(chosenCells(choice).map(cellName)).toEqual(
      [0, 1, 2].map((seed) => `rte.prefix-bias-pairs.${seed}`),
    );
  });

  test("keeps the seeds of the table where none are asked for", () => {
    const choice = { tasks: ["wnut17"], methods: ["full"], seeds: undefined } as const;
    expect(chosenCells(choice).map(({ seed }) => seed)).toEqual([0, 1, 2]);
  });

  test("has settings for each cell, a prefix length just where there is a prefix", () => {
    for (const { task, method } of allCells()) {
      const { num_virtual_tokens, hyperparameters } = settingsOf(task, method);
      expect(num_virtual_tokens !== undefined).toBe(hasVirtualTokens(methodOf(method)));
      expect(hyperparameters).toMatchObject({ prefix_dropout: 0, patience: 0 });
    }
  });
});

describe("a cell", () => {
  test("is measured on rows that chose nothing, on the served graph and in float32", async () => {
    const { code, out } = await bench(cellArgs("one", "--methods", "bias"));
    expect(code).toBe(0);
    const [cell] = JSON.parse(out) as CellResult[];
    expect(cell).toMatchObject({
      task: "sst2",
      method: "bias",
      seed: 0,
      metric: "accuracy",
      split: "dev",
      // 60 rows without the one that is reported, a tenth of them to choose the epoch
      rows: { train: 53, selection: 6, reported: 61 },
      settings: { learning_rate: 3e-3, epochs: 6, batch_size: 32, train_graph: "int16" },
      base: { dtype: "int8" },
    });
    const { score, interval, fp32_score: fp32, history, best_epoch: best } = cell!;
    expect(interval[0]).toBeLessThanOrEqual(score);
    expect(interval[1]).toBeGreaterThanOrEqual(score);
    expect(Math.abs(score - fp32!)).toBeLessThan(0.1);
    expect(history).toHaveLength(6);
    expect(cell!.selection.score).toBe(Math.max(...history.map((epoch) => epoch.score)));
    expect(history[best - 1]!.score).toBe(cell!.selection.score);
    // Deltas, the shares of the 2 layers and the embeddings, a head of 2 labels x 32 and its bias.
    expect(cell!.parameters).toBe(int8.manifest.configuration.num_bias_deltas + 3 + 2 * 32 + 2);
    expect(cell!.command).toContain("--only sst2 --methods bias --seeds 1");
    expect(cell!.command).not.toContain(dir);
  });

  test("that is there is not made again, unless it is asked for", async () => {
    const path = join(dir, "one", "results", "sst2.bias.0.json");
    await bench(cellArgs("one", "--methods", "bias"));
    const before = await readFile(path, "utf8");
    await writeFile(path, before.replace('"title": "SST-2"', '"title": "kept"'));
    const { err } = await bench(cellArgs("one", "--methods", "bias"));
    expect(err).toContain("is there");
    expect(await readFile(path, "utf8")).toContain('"title": "kept"');
    await bench(cellArgs("one", "--methods", "bias", "--redo"));
    expect(await readFile(path, "utf8")).toContain('"title": "SST-2"');
  });

  test("that was interrupted goes on to the very same numbers", async () => {
    const numbers = ({ score, fp32_score, history }: CellResult) => [score, fp32_score, history];
    const whole = await bench(cellArgs("whole", "--methods", "prefix"));
    const abort = new AbortController();
    const stopped = await bench(cellArgs("parts", "--methods", "prefix"), abort.signal, (line) => {
      if (line.includes("epoch 3/")) abort.abort();
    });
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("interrupted and saved");
    expect(await readdir(join(dir, "parts"))).toEqual(["work"]);
    const resumed = await bench(cellArgs("parts", "--methods", "prefix"));
    expect(resumed.err).toContain("resuming after step");
    expect((JSON.parse(resumed.out) as CellResult[]).map(numbers)).toEqual(
      (JSON.parse(whole.out) as CellResult[]).map(numbers),
    );
  });

  test("of fine-tuning is made on the float base, and of prompts without a served file", async () => {
    const { out } = await bench(cellArgs("yardsticks", "--methods", "full,prompt"));
    const [full, prompt] = JSON.parse(out) as CellResult[];
    expect(full).toMatchObject({ base: { dtype: "fp32" }, fp32_score: null });
    expect(full!.bytes).toBeGreaterThan(4 * full!.parameters);
    expect(prompt).toMatchObject({ base: { dtype: "int8" }, fp32_score: null, bytes: null });
  });

  test("that fails does not cost the others", async () => {
    const args = cellArgs("failing", "--methods", "linear");
    const { code, err, out } = await bench(
      args.map((arg) => (arg === "--only=sst2" ? "--only=rte,sst2" : arg)),
    );
    expect(code).toBe(1);
    expect(err).toMatch(/rte\.linear\.0 .*failed: .*glue_train\.tsv/);
    expect((JSON.parse(out) as CellResult[]).map(cellName)).toEqual(["sst2.linear.0"]);
  });
});

test("two bases that are not of one checkpoint are refused", async () => {
  const args = cellArgs("bases", `--fp32=${join(dir, "other")}`);
  const { code, err } = await bench(args);
  expect(code).toBe(1);
  expect(err).toContain("bases-differ");
});

test("a recipe without the start that it needs is refused with a hint", async () => {
  const args = cellArgs("startless", "--methods", "prefix-bias-pairs");
  const { code, err } = await bench(args);
  expect(code).toBe(1);
  expect(err).toContain("prefix-bias-pairs needs --pairs-start");
});

describe("the table", () => {
  const cell = (method: string, score: number, more: object = {}): CellResult =>
    ({
      bench: "accuracy",
      task: "wnut17",
      method,
      seed: 0,
      score,
      interval: [score - 0.01, score + 0.01],
      fp32_score: null,
      ...more,
    }) as unknown as CellResult;
  const results = [
    cell("prefix", 0.371, { fp32_score: 0.372 }),
    cell("bias", 0.401, { fp32_score: 0.4 }),
    cell("full", 0.431),
    cell("full", 0.433, { seed: 1 }),
    cell("prompt", 0.5, { task: "rte" }),
  ];
  const row = (name: string): string | undefined =>
    accuracyRows(results).find(([method]) => method === name)?.[1];

  test("says percent with an interval, and a dash for what is missing", () => {
    expect(row("prefix")).toBe("37.1 (36.1-38.1)");
    expect(row("prompt")).toBe("-");
    expect(row("linear")).toBeUndefined();
  });

  test("compares the served graph with float32", () => {
    expect(row("served int8 - fp32")).toBe("-0.10 to +0.10");
  });

  test("says how close the best task is to fine-tuning, of each data set and in the mean", () => {
    const of = (task: string, seed: number) => ({ task, seed });
    const pairs = [
      cell("prefix-bias-pairs", 0.66, of("rte", 1)),
      cell("prefix-bias-pairs", 0.64, of("rte", 0)),
      cell("bias", 0.6, of("rte", 0)),
      cell("full", 0.63, of("rte", 0)),
      cell("bias", 0.8, of("sst2", 0)),
    ];
    // Each score has an interval of 1 to both sides, so the difference has the root of two.
    expect(closenessRows([...results, ...pairs])).toEqual([
      ["", "best task", "its scores", "full", "difference"],
      ["WNUT-17 test", "bias", "40.1", "43.2 (43.1, 43.3)", "-3.10 ± 1.4"],
      ["RTE dev", "prefix-bias-pairs", "65.0 (64.0, 66.0)", "63.0", "+2.00 ± 1.4"],
      ["mean", "", "", "", "-0.55"],
    ]);
  });

  test("is printed without any data or base", async () => {
    const { code, out } = await bench(["--table", "--results", join(dir, "none")]);
    expect(code).toBe(0);
    expect(out).toContain("WNUT-17 test");
  });
});
