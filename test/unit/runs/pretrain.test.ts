/** Pretraining on several tasks: how batches are dealt out, the verb, and tasks that start from it. */
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mixedBatches, sharesOf } from "../../../scripts/runs/pretrain/mixture.ts";
import { keyOf } from "../../../src/learn/random.ts";
import { readSafetensors } from "../../../src/core/format/safetensors.ts";
import { toFloat32 } from "../../../src/core/model/tensor.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { asText, watchVerb } from "../../support/verb.ts";

describe("shares of the steps", () => {
  test.each([
    [0, [0.5, 0.5]],
    [0.5, [0.75, 0.25]], // roots of 900 and 100: 30 and 10
    [1, [0.9, 0.1]],
  ])("with alpha %f, of tasks of 900 and 100 rows", (alpha, shares) => {
    for (const [i, share] of sharesOf([900, 100], alpha).entries()) {
      expect(share).toBeCloseTo(shares[i]!, 12);
    }
  });
});

describe("batches of two tasks", () => {
  const lengths = [Array<number>(18).fill(5), Array<number>(6).fill(5)];
  const plan = mixedBatches(lengths, { batchSize: 2, alpha: 0, key: keyOf(1) });
  const isFirst = (row: number): boolean => row < 18;

  test("are of one task each, as many in every epoch as all rows make", () => {
    expect(plan.perEpoch).toBe(12);
    for (const epoch of [0, 1, 2]) {
      const batches = plan.of(epoch);
      expect(batches).toHaveLength(12);
      for (const rows of batches) expect(new Set(rows.map(isFirst)).size).toBe(1);
      expect(batches.filter((rows) => isFirst(rows[0]!))).toHaveLength(6);
    }
  });

  test("use every row of a task once before any of them again, across epochs", () => {
    // Six batches an epoch: nine make a pass over the first task, three one over the second.
    const seen = [0, 1, 2].flatMap((epoch) => plan.of(epoch)).flat();
    const counts = Array.from({ length: 24 }, (_, row) => seen.filter((r) => r === row).length);
    expect(counts).toEqual([...Array<number>(18).fill(2), ...Array<number>(6).fill(6)]);
  });

  test("follow from the key and the epoch alone", () => {
    expect(plan.of(2)).toEqual(plan.of(2));
    expect(plan.of(1)).not.toEqual(plan.of(2));
    const other = mixedBatches(lengths, { batchSize: 2, alpha: 0, key: keyOf(2) });
    expect(other.of(0)).not.toEqual(plan.of(0));
  });

  test("come at least once an epoch from the smallest task", () => {
    const uneven = [Array<number>(1000).fill(5), [5]];
    const { of } = mixedBatches(uneven, { batchSize: 10, alpha: 1, key: keyOf(1) });
    expect(of(0).filter((rows) => rows[0] === 1000)).toHaveLength(1);
  });
});

let dir: string;
const at = (...path: readonly string[]): string => join(dir, ...path);
const TOPICS = ["film", "movie", "plot", "story"];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-pretrain-"));
  await writeTinyBase(at("base"), { dtype: "fp32", seed: 1 });
  await writeTinyBase(at("other"), { dtype: "fp32", seed: 2 });
  const moods = [
    ["good", "up"],
    ["great", "up"],
    ["bad", "down"],
    ["awful", "down"],
  ];
  await task("mood", {
    data: { train: "rows.csv", licence: "CC BY 4.0", source: "invented" },
    file: [
      "rows.csv",
      [
        "text,label",
        ...TOPICS.flatMap((topic) =>
          moods.map(([word, label]) => `the ${topic} was ${word},${label}`),
        ),
      ],
    ],
  });
  await task("places", {
    data: { train: "rows.conll", licence: "mit" },
    file: [
      "rows.conll",
      ["paris", "berlin", "london"].flatMap((city) =>
        ["visited", "in", "from"].flatMap((word) => [
          "he O",
          `${word} O`,
          `${city} B-LOC`,
          "last O",
          "july O",
          "",
        ]),
      ),
    ],
  });
  await task("few", {
    data: { train: "rows.csv" },
    file: [
      "rows.csv",
      [
        "text,label",
        ...["fine,up", "best,up", "funny,up", "dull,down", "sad,down", "worst,down"].flatMap(
          (row) => [`story was ${row}`, `music was ${row}`],
        ),
      ],
    ],
  });
});
afterAll(() => rm(dir, { recursive: true }));

async function task(
  name: string,
  { data, file: [path, lines] }: { data: object; file: [string, readonly string[]] },
): Promise<void> {
  await mkdir(at(name));
  await writeFile(at(name, "task.json"), JSON.stringify({ name, data }));
  await writeFile(at(name, path), `${lines.join("\n")}\n`);
}

/** Runs a command line; `abortAt` aborts when a line on stderr matches. */
const run = async (args: readonly string[], abortAt?: RegExp) =>
  asText(await watchVerb(args, (line, abort) => abortAt?.test(line) && abort()));

const withOptions = (values: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);

const pretrain = (out: string, ...more: readonly string[]) => [
  "pretrain",
  at("mood"),
  at("places"),
  ...withOptions({ out: at(out), base: at("base"), "num-virtual-tokens": 3 }),
  ...withOptions({ epochs: 4, "batch-size": 4, lr: 0.03 }),
  ...more,
];
const tensorsIn = async (folder: string) =>
  readSafetensors(await readFile(at(folder, "prefix.safetensors"))).tensors;

/** One pretrained prefix for the tests that start from it. */
async function start(): Promise<string> {
  if (!existsSync(at("start", "manifest.json"))) {
    expect((await run(pretrain("start"))).code).toBe(0);
  }
  return at("start");
}

describe("pretrain", () => {
  test("leaves a prefix without a head, and says which tasks it has seen", async () => {
    const { code, out, err } = await run(pretrain("whole", "--json"));
    expect(code).toBe(0);
    expect([...(await tensorsIn("whole"))].map(([name, { dims }]) => [name, dims])).toEqual([
      ["prompt_embeddings", [3, 2 * 2 * 32]],
    ]);
    const about = {
      method: "prefix",
      num_virtual_tokens: 3,
      tasks: [
        {
          name: "mood",
          type: "sequence",
          metric: "accuracy",
          licence: "CC BY 4.0",
          source: "invented",
        },
        { name: "places", type: "token", metric: "f1", licence: "mit", source: null },
      ],
    };
    const manifest = JSON.parse(await readFile(at("whole", "manifest.json"), "utf8")) as object;
    expect(manifest).toMatchObject({ kind: "pretrained-prefix", name: "whole", ...about });
    const result = JSON.parse(out) as { history: { loss: number }[] };
    expect(result).toMatchObject({ ...about, alpha: 0.5, best_epoch: expect.any(Number) });
    expect(result.history.at(-1)!.loss).toBeLessThan(0.85 * result.history[0]!.loss);
    expect(err).toMatch(/epoch 4\/4 · loss \S+ · mean score \S+/);
    expect(err).toMatch(/ {2}mood: loss \S+ · accuracy \S+\n {2}places: loss \S+ · f1 \S+/);
    const card = await readFile(at("whole", "CARD.md"), "utf8");
    expect(card).toContain("| places | token    | 8 ");
    expect(card).toContain("CC BY 4.0");
    expect(card).not.toContain("paris");
    // It does not lie in prefixes/starts, where a name is looked for.
    expect(card).toContain(`train TASK_DIR --init ${at("whole")}\n`);
  });

  test("writes a start.json, by which its folder alone makes the same start again", async () => {
    await start();
    await mkdir(at("again"));
    const source = JSON.parse(await readFile(at("start", "start.json"), "utf8")) as object;
    expect(source).toMatchObject({ tasks: ["../mood", "../places"], num_virtual_tokens: 3 });
    // An absolute path stands for itself, as in task.json.
    const edited = { ...source, tasks: ["../mood", at("places")] };
    await writeFile(at("again", "start.json"), JSON.stringify(edited));
    expect((await run(["pretrain", at("again"), "--base", at("base")])).code).toBe(0);
    const bytes = await readFile(at("again", "prefix.safetensors"));
    expect(bytes).toEqual(await readFile(at("start", "prefix.safetensors")));
  });

  test.each([
    [{ tasks: [] }, /"tasks" is empty, expected a task folder/],
    [{ tasks: ["mood"], alpha: 2 }, /"alpha" is 2, expected/],
    [{ tasks: ["mood"], hyperparameters: { average: 3 } }, /holds "average", .* for train/],
  ])("refuses the start.json %j", async (source, message) => {
    await mkdir(at("wrong"), { recursive: true });
    await writeFile(at("wrong", "start.json"), JSON.stringify(source));
    const { code, err } = await run(["pretrain", at("wrong")]);
    expect([code, err]).toEqual([1, expect.stringMatching(message)]);
  });

  test("goes on from a start, with its method and its length", async () => {
    const init = await start();
    const options = { base: at("base"), out: at("on"), init, epochs: 1, lr: "1e-8" };
    const { code, err } = await run(["pretrain", at("mood"), ...withOptions(options)]);
    expect([code, err]).toEqual([
      0,
      expect.stringContaining("goes on from start, pretrained on mood, places"),
    ]);
    // At a vanishing learning rate, what comes out is what it started from.
    expect((await tensorsIn("on")).get("prompt_embeddings")).toEqual(
      (await tensorsIn("start")).get("prompt_embeddings"),
    );
    const read = async (file: string) =>
      JSON.parse(await readFile(at("on", file), "utf8")) as object;
    expect(await read("manifest.json")).toMatchObject({
      training: { init: { name: "start", tasks: ["mood", "places"] } },
    });
    expect(await read("start.json")).toMatchObject({ init: "../start" });
  });

  test("saves when interrupted and goes on, by the line that it prints, to the same bytes", async () => {
    const stopped = await run(pretrain("stopped"), /epoch 2/);
    expect(stopped.code).toBe(130);
    expect(existsSync(at("stopped", "manifest.json"))).toBe(false);
    const line = stopped.err.split("\n").at(-1)!.trim();
    expect(line).toMatch(/^npx edge-prefix pretrain .* --resume$/);
    const resumed = await run(line.split(" ").slice(2));
    expect(resumed.err).toContain("resuming after step");
    expect(resumed.code).toBe(0);
    await start();
    const bytes = await readFile(at("stopped", "prefix.safetensors"));
    expect(bytes).toEqual(await readFile(at("start", "prefix.safetensors")));
  });

  test("takes a single task, such as a large set like the one that is to come", async () => {
    const one = ["pretrain", at("mood"), "--base", at("base"), "--epochs", "1", "--out", at("one")];
    expect(await run(one)).toMatchObject({
      code: 0,
      err: expect.stringContaining("mood: sequence"),
    });
    expect([...(await tensorsIn("one")).keys()]).toEqual(["prompt_embeddings"]);
  });

  test("shares deltas of biases, too, with prefix-bias", async () => {
    expect((await run(pretrain("deltas", "--method", "prefix-bias"))).code).toBe(0);
    const tensors = await tensorsIn("deltas");
    expect([...tensors.keys()].toSorted()).toEqual([
      "bias_deltas",
      "layer_weights",
      "prompt_embeddings",
    ]);
    expect(toFloat32(tensors.get("bias_deltas")!).some((x) => x !== 0)).toBe(true);
    // A task takes the method from it where it names none; without deltas, half would be lost.
    const few = [
      "train",
      at("few"),
      "--base",
      at("base"),
      "--epochs",
      "1",
      "--out",
      at("few-deltas"),
    ];
    expect((await run([...few, "--init", at("deltas")])).code).toBe(0);
    expect([...(await tensorsIn("few-deltas")).keys()]).toContain("bias_deltas");
    const half = await run([...few, "--init", at("deltas"), "--method", "prefix"]);
    expect([half.code, half.err]).toEqual([1, expect.stringContaining("use --method prefix-bias")]);
  });

  test.each([
    [[], 2, /expected a TASK_DIR, or several/],
    [["mood", "base"], 2, /is a folder without a task.json/],
    [["mood", "mood"], 1, /its task is called "mood" like that of .*mood; give each a name/],
    [["mood", "places", "--alpha", "2"], 2, /--alpha is "2", expected a number from 0 to 1/],
    [["mood", "places", "--method", "linear"], 2, /allowed are prefix, prefix-bias/],
  ])("refuses %j", async (args, code, message) => {
    const paths = args.map((arg) => (existsSync(at(arg)) ? at(arg) : arg));
    const found = await run(["pretrain", ...paths, "--out", at("bad"), "--base", at("base")]);
    expect([found.code, found.err]).toEqual([code, expect.stringMatching(message)]);
  });
});

describe("train --init", () => {
  const train = (out: string, ...more: readonly string[]) => [
    "train",
    at("few"),
    ...withOptions({ base: at("base"), out: at(out), epochs: 1 }),
    ...more,
  ];

  test("starts from the pretrained values, and from as many virtual tokens", async () => {
    const init = await start();
    // At a vanishing learning rate, what comes out is what it started from.
    const still = await run(train("still", "--init", init, "--lr", "1e-8"));
    expect(still.err).toContain("starts from start, pretrained on mood, places");
    // What it knew before training, on the 12 rows, each held out in a fold.
    const known =
      /a head alone scores accuracy [01]\.\d+ on it, [01]\.\d+ on the base as it is \(fitted to \d+ rows, measured on 12 others\)/;
    expect(still.err).toMatch(known);
    expect(await readFile(at("still", "CARD.md"), "utf8")).toMatch(known);
    expect((await tensorsIn("still")).get("prompt_embeddings")).toEqual(
      (await tensorsIn("start")).get("prompt_embeddings"),
    );
  });

  test("is written into task.json, from which the folder trains to the same bytes", async () => {
    const noted = await run(train("noted", "--init", await start(), "--skip-start-score"));
    expect(noted).toMatchObject({ code: 0, err: expect.not.stringContaining("a head alone") });
    const json = JSON.parse(await readFile(at("noted", "task.json"), "utf8")) as object;
    expect(json).toMatchObject({ init: "../start", num_virtual_tokens: 3 });
    await cp(at("few", "rows.csv"), at("noted", "rows.csv"));
    const before = await readFile(at("noted", "prefix.safetensors"));
    expect((await run(["train", at("noted"), "--base", at("base")])).code).toBe(0);
    expect(await readFile(at("noted", "prefix.safetensors"))).toEqual(before);
  });

  test.each([
    [["--base", "other"], /was trained for base tiny@\w+, this is base tiny@\w+/],
    [["--num-virtual-tokens", "5"], /has 3 virtual tokens, the task asks for 5; leave/],
    [
      ["--method", "linear"],
      /method "linear" cannot start from it; allowed are prefix, prefix-bias/,
    ],
    [["--init", "base"], /"kind" is "base", expected "pretrained-prefix"/],
    [["--init", "nowhere"], /nowhere": is neither a folder that "pretrain" wrote/],
  ])("refuses %j", async (options, message) => {
    const init = await start();
    const paths = options.map((arg) => (/^(other|base|nowhere)$/.test(arg) ? at(arg) : arg));
    const { code, err } = await run([...train("refused", "--init", init), ...paths]);
    expect([code, err]).toEqual([1, expect.stringMatching(message)]);
    expect(existsSync(at("refused"))).toBe(false);
  });

  test("refuses a file that is not the one that its manifest names", async () => {
    await cp(await start(), at("damaged"), { recursive: true });
    const bytes = await readFile(at("damaged", "prefix.safetensors"));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(at("damaged", "prefix.safetensors"), bytes);
    const { code, err } = await run(train("refused", "--init", at("damaged")));
    expect([code, err]).toEqual([1, expect.stringContaining("prefix.safetensors")]);
  });
});
