/**
 * The ladder: which rows a draw has, which cells there are, and whole cells on the tiny base, written as
 * SST-2 lies on disk. SetFit runs where EDGE_PREFIX_SETFIT_PYTHON names an
 * interpreter with the package setfit.
 */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { drawOf, writeDraw } from "../../../bench/ladder/draws.ts";
import { cellName, chosenCells } from "../../../bench/ladder/plan.ts";
import type { LadderResult } from "../../../bench/ladder/results.ts";
import { runSetFit } from "../../../bench/ladder/setfit.ts";
import { readSet } from "../../../bench/ladder/sets.ts";
import type { SetId, SetRows } from "../../../bench/ladder/sets.ts";
import { readDataFile } from "../../../scripts/runs/task/data-files.ts";
import type { Example } from "../../../src/learn/data/read.ts";
import { shared } from "../../support/shared.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { asText, watchVerb } from "../../support/verb.ts";

const PYTHON = process.env["EDGE_PREFIX_SETFIT_PYTHON"];
const DATA = shared("data");
const CHECKPOINT = shared("models", "all-MiniLM-L6-v2");

const GOOD = ["good", "great", "fine", "funny", "best"];
const BAD = ["bad", "dull", "awful", "sad", "worst"];
const TOPICS = ["film", "movie", "plot", "story", "acting", "music"];
const lines = (word: string): string =>
  [...GOOD, ...BAD]
    .flatMap((adjective) =>
      TOPICS.map((topic) => `${GOOD.includes(adjective) ? 1 : 0}\t${word} ${topic} ${adjective}`),
    )
    .join("\n");

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "ladder-"));
  await writeTinyBase(join(dir, "base"), { dtype: "int8", seed: 1 });
  await mkdir(join(dir, "sst2"));
  // A repeated text, and one of the test rows.
  const train = `label\tsentence\n0\tthe film good\n1\tthis plot fine\n${lines("the")}\n`;
  await writeFile(join(dir, "sst2", "train.tsv"), train);
  await writeFile(join(dir, "sst2", "test.tsv"), `label\tcontent\n${lines("this")}\n`);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const bench = async (args: readonly string[], onLine?: (line: string, abort: () => void) => void) =>
  asText(await watchVerb(["bench", "ladder", ...args], onLine));

describe("a draw", () => {
  const rows: SetRows = {
    // 300 rows of the class a, 100 of b, 3 of c
    train: Array.from({ length: 403 }, (_, i) => example(i < 300 ? "a" : i < 400 ? "b" : "c", i)),
    test: Array.from({ length: 900 }, (_, i) => example("a", 1_000 + i)),
  };
  const texts = (count: number, draw = 0, id: SetId = "agnews"): string[] =>
    drawOf(id, rows, count, draw).train.map(({ text }) => text);
  const count = (found: readonly Example[], label: string): number =>
    found.filter(({ labels }) => labels[0] === label).length;

  test("has n rows of each class, and all of a class that has fewer", () => {
    const { train } = drawOf("agnews", rows, 8, 0);
    expect(["a", "b", "c"].map((label) => count(train, label))).toEqual([8, 8, 3]);
    expect(texts(64)).toHaveLength(64 + 64 + 3);
  });

  test("of 16 rows contains the draw of 8 rows with the same number", () => {
    expect(texts(16)).toEqual(expect.arrayContaining(texts(8)));
  });

  test("of 1,000 and 5,000 rows counts them in all, so classes have their natural shares", () => {
    const many = { ...rows, train: [...rows.train, ...rows.train.map(doubled)] };
    const { train } = drawOf("agnews", many, 800, 0);
    expect(train).toHaveLength(800);
    // 600 of 806 rows are of the class a
    expect(count(train, "a")).toBeGreaterThan(590);
    expect(texts(1_000)).toHaveLength(403);
  });

  test("of no rows has the same test rows", () => {
    const { train, test: reported } = drawOf("agnews", rows, 0, 0);
    expect(train).toEqual([]);
    expect(reported).toEqual(drawOf("agnews", rows, 8, 0).test);
  });

  test("has other rows than the next draw, and the same rows each time", () => {
    expect(texts(8, 0)).toEqual(texts(8, 0));
    expect(texts(8, 1)).not.toEqual(texts(8, 0));
  });

  test("has the same 500 test rows whatever its number and size", () => {
    const { test: first } = drawOf("agnews", rows, 8, 0);
    expect(first).toHaveLength(500);
    expect(drawOf("agnews", rows, 64, 3).test).toEqual(first);
  });

  test("of a set with tags has n sentences, whatever their tags", () => {
    expect(texts(50, 0, "wnut17")).toHaveLength(50);
    expect(texts(200, 0, "wnut17")).toEqual(expect.arrayContaining(texts(50, 0, "wnut17")));
  });

  test("holds each text once, and none of the test rows", async () => {
    const { train, test: reported } = await readSet("sst2", dir);
    expect(train).toHaveLength(60);
    // The first row of a repeated text counts.
    expect(train[0]).toMatchObject({ text: "the film good", labels: ["0"] });
    expect(reported).toHaveLength(60);
  });

  test("is read back from its files as it was", async () => {
    const classes = drawOf("agnews", rows, 4, 0);
    const pair: Example = { ...example("1", 0), pair: "the same" };
    const tags: Example = {
      text: "in Rome",
      labels: ["O", "B-LOC"],
      words: [span(0, 2), span(3, 7)],
    };
    for (const [type, draw] of [
      ["sequence", classes],
      ["sequence", { train: [pair], test: [pair] }],
      ["token", { train: [tags], test: [tags] }],
    ] as const) {
      const files = await writeDraw(join(dir, type), draw, type);
      expect((await readDataFile(files.train)).examples).toEqual(draw.train);
      expect((await readDataFile(files.test)).examples).toEqual(draw.test);
    }
  });
});

const doubled = (row: Example): Example => ({ ...row, text: `${row.text} again` });
const span = (start: number, end: number) => ({ start, end });
function example(label: string, i: number): Example {
  return { text: `${label} ${i}`, labels: [label], words: [] };
}

describe.skipIf(DATA === undefined)("a public data set", () => {
  // Numbers of classes as their authors give them.
  test.each([
    ["banking77", 77],
    ["agnews", 4],
    ["sst2", 2],
    ["snips", 7],
  ] as const)(
    "%s has 8 rows of each of its %i classes, and 500 to test with",
    async (id, classes) => {
      const { train, test: reported } = drawOf(id, await readSet(id, DATA!), 8, 0);
      expect(new Set(train.map(({ labels }) => labels[0])).size).toBe(classes);
      expect(train).toHaveLength(8 * classes);
      expect(reported).toHaveLength(500);
    },
  );

  test.each(["snips-slots", "wnut17"] as const)("%s has 1,000 sentences", async (id) => {
    const { train, test: reported } = drawOf(id, await readSet(id, DATA!), 1_000, 0);
    expect([train.length, reported.length]).toEqual([1_000, 500]);
    expect(train.some(({ labels }) => labels.some((tag) => tag.startsWith("B-")))).toBe(true);
  });
});

describe("the plan", () => {
  const names = (choice: Parameters<typeof chosenCells>[0]) => chosenCells(choice).map(cellName);

  test("lets contenders follow each other on the rows of a draw", () => {
    const cells = names({ sets: ["sst2"], rows: ["8"], contenders: ["train", "setfit"], draws: 2 });
    expect(cells).toEqual([
      "sst2.8.train.0",
      "sst2.8.setfit.0",
      "sst2.8.train.1",
      "sst2.8.setfit.1",
    ]);
  });

  test("has five draws of few rows, three of banking77 and of many rows, one of 5,000 and of none", () => {
    const draws = (set: SetId, rows: string): number =>
      names({ sets: [set], rows: [rows], contenders: ["train"] }).length;
    expect([draws("sst2", "8"), draws("banking77", "8")]).toEqual([5, 3]);
    expect(["0", "1000", "5000"].map((rows) => draws("sst2", rows))).toEqual([1, 3, 1]);
    expect([draws("wnut17", "200"), draws("wnut17", "1000")]).toEqual([5, 3]);
  });

  test("has no cell of SetFit with tags, and none of rows that a set does not have", () => {
    expect(names({ sets: ["wnut17"], contenders: ["setfit"] })).toEqual([]);
    expect(names({ sets: ["wnut17"], rows: ["8"], contenders: ["train"] })).toEqual([]);
  });

  test("asks names alone of sets whose labels have names, and a start of pairs of texts", () => {
    expect(names({ rows: ["0"], contenders: ["train", "head"] })).toEqual([
      "banking77.0.train.0",
      "agnews.0.train.0",
      "sst2.0.train.0",
      "snips.0.train.0",
    ]);
    expect(names({ contenders: ["start"], draws: 1 })).toEqual([
      "rte.1000.start.0",
      "rte.5000.start.0",
    ]);
  });
});

describe("a cell", () => {
  const cellArgs = (name: string, ...more: string[]): string[] => [
    `--data=${dir}`,
    `--base=${join(dir, "base")}`,
    `--results=${join(dir, name)}`,
    "--sets=sst2",
    "--rows=8",
    "--draws=1",
    "--threads=1",
    "--json",
    ...more,
  ];
  interface Printed {
    readonly results: readonly LadderResult[];
  }

  test("says what train made of the rows, and what the task says of itself", async () => {
    const { code, out } = await bench(cellArgs("one"));
    expect(code).toBe(0);
    const { results } = JSON.parse(out) as Printed;
    expect(results.map(cellName)).toEqual(["sst2.8.head.0", "sst2.8.train.0"]);
    for (const { score, interval, ...cell } of results) {
      expect(cell).toMatchObject({ metric: "accuracy", train_rows: 16, test_rows: 60 });
      expect(interval[0]).toBeLessThanOrEqual(score);
      expect(interval[1]).toBeGreaterThanOrEqual(score);
      expect(cell.seconds).toBeGreaterThan(0);
      // At least a head of 2 labels x 32 and 2 biases in 16 bits.
      expect(cell.bytes).toBeGreaterThanOrEqual(2 * (2 * 32 + 2));
      expect(cell.command).not.toContain(dir);
    }
    const [head, own] = results.map(({ reported }) => reported);
    expect(head).toBeNull();
    expect(own!.interval[0]).toBeLessThanOrEqual(own!.score);
  });

  test("without a row is what the names of the labels answer", async () => {
    const args = [...cellArgs("names"), "--contenders=train"].map((arg) =>
      arg === "--rows=8" ? "--rows=0" : arg,
    );
    const { results } = JSON.parse((await bench(args)).out) as Printed;
    expect(results.map(cellName)).toEqual(["sst2.0.train.0"]);
    expect(results[0]).toMatchObject({ train_rows: 0, test_rows: 60, reported: null });
    expect(results[0]!.settings).toMatchObject({ labels: ["negative", "positive"] });
  });

  test("that is there is not made again, unless it is asked for", async () => {
    const args = cellArgs("one", "--contenders=head");
    await bench(args);
    const [model = ""] = await readdir(join(dir, "one"));
    const path = join(dir, "one", model, "sst2.8.head.0.json");
    const before = await readFile(path, "utf8");
    await writeFile(path, before.replace('"bench": "ladder"', '"bench": "kept"'));
    const { err } = await bench(args);
    expect(err).toContain("is there");
    expect(await readFile(path, "utf8")).toContain('"bench": "kept"');
    await bench([...args, "--redo"]);
    expect(await readFile(path, "utf8")).toContain('"bench": "ladder"');
  });

  test("that is interrupted leaves no file, and nothing of those that follow", async () => {
    // The line that says how long a cell takes does not need a clock of whole milliseconds that moves.
    const wholeMs = vi.spyOn(Date, "now").mockReturnValue(Date.now());
    const { code, err } = await bench(cellArgs("stopped"), (line, abort) => {
      if (line.includes("about")) abort();
    }).finally(() => wholeMs.mockRestore());
    expect(code).toBe(130);
    expect(err).toContain("interrupted");
    expect(await readdir(dir)).not.toContain("stopped");
  });

  test("that fails does not cost the others", async () => {
    const args = cellArgs("failing", "--contenders=setfit,head", "--checkpoint=none");
    const { code, err, out } = await bench([...args, `--python=${join(dir, "no-python")}`]);
    expect(code).toBe(1);
    expect(err).toMatch(/sst2\.8\.setfit\.0 .*failed: .*pip install setfit/);
    expect((JSON.parse(out) as Printed).results.map(cellName)).toEqual(["sst2.8.head.0"]);
  });

  test("of SetFit is left out where a draw has too many rows for it", async () => {
    const args = cellArgs("large", "--contenders=setfit", "--setfit-rows=15", "--checkpoint=none");
    const { code, err } = await bench([...args, `--python=${join(dir, "no-python")}`]);
    expect(code).toBe(0);
    expect(err).toContain("left out, 16 rows");
  });

  test("can be a pair of files for other programs instead", async () => {
    const { out } = await bench(cellArgs("none", `--write=${join(dir, "files")}`));
    expect(out).toBe(join(dir, "files", "sst2-8-0", "train.jsonl"));
    const rows = (await readFile(out, "utf8")).trimEnd().split("\n");
    expect(rows).toHaveLength(16);
    expect(JSON.parse(rows[0]!)).toEqual({ text: expect.any(String), label: expect.any(String) });
  });
});

test("SetFit that cannot be started is told with what to install", async () => {
  const missing = runSetFit({
    python: join(dir, "no-python"),
    checkpoint: dir,
    files: { train: "none", test: "none" },
    test: [],
    seed: 0,
    threads: 1,
    signal: new AbortController().signal,
  });
  await expect(missing).rejects.toMatchObject({ code: "python-failed" });
  await expect(missing).rejects.toThrow('pip install setfit "transformers<5"');
});

test.skipIf(PYTHON === undefined || CHECKPOINT === undefined)(
  "SetFit learns a draw and answers its test rows",
  async () => {
    const draw = drawOf("sst2", await readSet("sst2", dir), 4, 0);
    const files = await writeDraw(join(dir, "setfit-draw"), draw, "sequence");
    const outcome = await runSetFit({
      python: PYTHON!,
      checkpoint: CHECKPOINT!,
      files,
      test: draw.test,
      seed: 0,
      threads: 1,
      signal: new AbortController().signal,
    });
    // 8 rows, each in 20 pairs of one label and 20 of two
    expect(outcome).toMatchObject({ metric: "accuracy", reported: null, settings: { pairs: 320 } });
    expect(outcome!.score).toBeGreaterThan(0.5);
  },
);
