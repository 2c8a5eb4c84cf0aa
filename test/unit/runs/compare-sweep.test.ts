/** `compare` and `sweep` as commands, with real runs on the tiny base. */
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { differences, summarize } from "../../../scripts/runs/trial/compare.ts";
import type { Compared, Difference, MethodSummary } from "../../../scripts/runs/trial/compare.ts";
import type { SweepFacts } from "../../../src/report/facts.ts";
import type { TrialResult } from "../../../scripts/runs/trial/trial-run.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { asText, watchVerb } from "../../support/verb.ts";

const GOOD = ["good", "great", "fine", "funny", "best"];
const BAD = ["bad", "dull", "awful", "sad", "worst"];
const TOPICS = ["film", "movie", "plot", "story", "acting", "music"];
const table = (word: string): string =>
  `text\tlabel\n${[...GOOD, ...BAD]
    .flatMap((adjective) =>
      TOPICS.map(
        (topic) => `${word} ${topic} was ${adjective}\t${GOOD.includes(adjective) ? "up" : "down"}`,
      ),
    )
    .join("\n")}\n`;

const TASK = {
  description: "A mood, written by hand.",
  num_virtual_tokens: 4,
  hyperparameters: { epochs: 4, batch_size: 8, learning_rate: 0.03 },
  data: { train: "train.tsv", eval: "eval.tsv" },
  colour: "kept",
};

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "compare-"));
  await writeTinyBase(join(dir, "base"), { dtype: "int8", seed: 1 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A task folder of its own for a test. */
async function taskDir(name: string): Promise<string> {
  const path = join(dir, name);
  await mkdir(path);
  await writeFile(join(path, "train.tsv"), table("the"));
  await writeFile(join(path, "eval.tsv"), table("this"));
  await writeFile(join(path, "task.json"), JSON.stringify(TASK));
  return path;
}

const run = async (argv: readonly string[], onLine?: (line: string, abort: () => void) => void) =>
  asText(await watchVerb([...argv, `--base=${join(dir, "base")}`], onLine));

interface CompareJson {
  readonly methods: readonly MethodSummary[];
  readonly differences: readonly Difference[];
  readonly rows: TrialResult["rows"];
  readonly reported: string;
}

describe("compare", () => {
  test("trains every method from every seed and says what it came to", async () => {
    const task = await taskDir("methods");
    const argv = ["compare", task, "--methods=prefix,linear", "--seeds=2", "--epochs=1", "--json"];
    const { code, out, err } = await run(argv);
    expect(code).toBe(0);
    const result = JSON.parse(out) as CompareJson;
    expect(result).toMatchObject({
      reported: "eval.tsv",
      // A tenth of 60 training rows chooses the epoch.
      rows: { train: 54, selection: 6, reported: 60 },
      methods: [
        { method: "prefix", seeds: 2, scores: [expect.any(Number), expect.any(Number)] },
        // A head for 2 labels of 32 numbers, and its bias.
        { method: "linear", seeds: 2, parameters: 2 * 32 + 2 },
      ],
    });
    // 4 virtual tokens x 2 layers x keys and values of 32
    expect(result.methods[0]!.parameters).toBe(4 * 2 * 2 * 32 + 2 * 32 + 2);
    expect(result.differences).toHaveLength(1);
    expect(err).not.toContain("was there");

    const again = await run(argv);
    expect(again.err.match(/was there/g)).toHaveLength(4);
    expect(JSON.parse(again.out)).toEqual(result);
    // What was trained before is untouched: no run writes into the task's own files.
    expect(await readdir(task)).toEqual([".compare", "eval.tsv", "task.json", "train.tsv"]);
  });

  test("goes on where it was interrupted, and does not take results of other settings", async () => {
    const task = await taskDir("interrupted");
    const argv = ["compare", task, "--methods=linear", "--json"];
    const stopped = await run(argv, (line, abort) => {
      if (line.includes("epoch 2/")) abort();
    });
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("interrupted and saved");
    const resumed = await run(argv);
    expect(resumed.err).toContain("resuming after step");
    const other = await run([...argv, "--epochs=1"]);
    expect(other.err).not.toContain("was there");
    expect(other.err).toContain("epoch 1/1");
  });

  test("prints a table that tells what cannot be served", async () => {
    const task = await taskDir("table");
    const { out } = await run(["compare", task, "--methods=prompt,linear", "--epochs=1"]);
    const lines = out.split("\n");
    expect(lines[0]).toMatch(/^method +accuracy +95 % interval/);
    expect(lines.some((line) => line.startsWith("linear"))).toBe(true);
    expect(out).toContain("one seed");
    expect(out).toContain("for comparison only, cannot be served: prompt");
  });

  test("gives every method of a tag task the plain head that fine-tuning has", async () => {
    const task = join(dir, "tags");
    await mkdir(task);
    const sentences = (ending: string): string =>
      GOOD.map((word) => `the O\nfilm B-X\nwas O\n${word} O\n${ending} O\n`).join("\n");
    await writeFile(join(task, "train.conll"), sentences("too"));
    await writeFile(join(task, "eval.conll"), sentences("."));
    const data = { train: "train.conll", eval: "eval.conll" };
    await writeFile(join(task, "task.json"), JSON.stringify({ ...TASK, data }));
    const parametersOf = async (methods: string): Promise<number> => {
      const { out, err } = await run(["compare", task, methods, "--epochs=1", "--json"]);
      expect(err.includes("every method has a plain head here")).toBe(methods.includes("full"));
      return (JSON.parse(out) as CompareJson).methods[0]!.parameters;
    };
    // Labels O, B-X and I-X; of each, a number for each of six word shapes.
    expect(await parametersOf("--methods=linear")).toBe(3 * 32 + 3 + 3 * 6);
    expect(await parametersOf("--methods=linear,full")).toBe(3 * 32 + 3);
  });

  test("refuses a method that there is not", async () => {
    const { code, err } = await run(["compare", dir, "--methods=lora"]);
    expect(code).toBe(2);
    expect(err).toContain('--methods has "lora"');
  });

  test("measures differences seed by seed", () => {
    const trial = (method: "prefix" | "full", seed: number, score: number): Compared => ({
      method,
      seed,
      result: {
        metric: "accuracy",
        score,
        interval: [score - 0.1, score + 0.1],
        seconds: 10,
      } as unknown as TrialResult,
    });
    // The seeds differ by 0.2, the methods by 0.01 in each.
    const trials = [
      trial("prefix", 0, 0.7),
      trial("full", 0, 0.71),
      trial("prefix", 1, 0.9),
      trial("full", 1, 0.91),
      trial("prefix", 2, 0.8),
      trial("full", 2, 0.81),
    ];
    const [gap] = differences(trials);
    expect(gap).toMatchObject({ method: "prefix", reference: "full", seeds: 3 });
    expect(gap!.mean).toBeCloseTo(-0.01, 12);
    expect(gap!.interval![1]).toBeLessThan(0);
    expect(summarize(trials.slice(0, 2))[0]!.interval).toEqual([0.6, expect.closeTo(0.8)]);
    // Student's interval of two would be 80 % -+ 127 points.
    expect(summarize(trials.slice(0, 4))[0]!.interval).toBeNull();
  });
});

describe("sweep", () => {
  const argv = (task: string): string[] =>
    `sweep ${task} --json --lengths=2,4 --rates=0.001,0.03 --seeds=2`.split(" ");

  test("chooses, stores the choice, and shows the map in the next report", async () => {
    const task = await taskDir("sweep");
    const { code, out, err } = await run(argv(task));
    expect(code).toBe(0);
    expect(err).toContain(
      "4 settings x 2 seeds are 8 full runs; this takes the steps of 1.6 (20 %)",
    );
    const facts = JSON.parse(out) as SweepFacts & { compute: number; grid: number };
    expect(facts.compute).toBeLessThanOrEqual(0.2 * facts.grid + 1e-9);
    expect(facts.cells).toHaveLength(4);
    const { numVirtualTokens, learningRate } = facts.chosen;
    const source = JSON.parse(await readFile(join(task, "task.json"), "utf8")) as typeof TASK;
    expect(source).toEqual({
      ...TASK,
      method: "prefix",
      num_virtual_tokens: numVirtualTokens,
      hyperparameters: { ...TASK.hyperparameters, learning_rate: learningRate },
    });

    expect((await run(["train", task])).code).toBe(0);
    const report = await readFile(join(task, "report.html"), "utf8");
    expect(report).toContain(`${numVirtualTokens} virtual tokens, learning rate`);
    expect(report).toContain("came first of 4");
    // With other settings the map would tell of another task.
    expect((await run(["train", task, "--num-virtual-tokens=3"])).code).toBe(0);
    expect(await readFile(join(task, "report.html"), "utf8")).not.toContain("came first of 4");
  });

  test("that was interrupted goes on to the same choice", async () => {
    const short = (task: string): string[] =>
      `sweep ${task} --json --lengths=2,4 --rates=0.03 --seeds=2 --epochs=2`.split(" ");
    const task = await taskDir("stopped");
    const stopped = await run(short(task), (line, abort) => {
      if (line.startsWith("4 virtual tokens at 0.03, seed 0,")) abort();
    });
    expect(stopped.code).toBe(130);
    expect(JSON.parse(await readFile(join(task, "task.json"), "utf8"))).toEqual(TASK);
    const resumed = await run(short(task));
    const whole = await run(short(await taskDir("whole")));
    const found = ({ out }: { out: string }) => {
      const { cells, chosen, reason } = JSON.parse(out) as SweepFacts;
      return { cells, chosen, reason };
    };
    expect(found(resumed)).toEqual(found(whole));
  });

  test("of a bare data file writes a task.json that train takes", async () => {
    const source = await taskDir("source");
    const out = join(dir, "made");
    const files = [join(source, "train.tsv"), `--eval=${join(source, "eval.tsv")}`];
    const args = ["--method=bias", "--rates=0.003,0.01", "--seeds=1", "--epochs=2"];
    expect((await run(["sweep", ...files, ...args, `--out=${out}`])).code).toBe(0);
    const spec = JSON.parse(await readFile(join(out, "task.json"), "utf8")) as Record<
      string,
      unknown
    >;
    expect(spec).toMatchObject({
      method: "bias",
      data: { eval: [{ path: "../source/eval.tsv" }] },
    });
    const { code } = await run(["train", out]);
    expect(code).toBe(0);
  });

  test.each([
    [["--lengths=8", "--rates=0.01"], 1, "nothing to choose"],
    [["--rates=0.01,0.01"], 2, "names a value twice"],
    [["--share=0.5"], 2, "--share"],
  ])("with %o is refused", async (args, expected, message) => {
    const task = await taskDir(`refused-${args.join("")}`);
    const { code, err } = await run(["sweep", task, ...args]);
    expect([code, err]).toEqual([expected, expect.stringContaining(message)]);
  });
});
