/** The verbs train, eval, predict and import-peft as a user types them, on the tiny base. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { writeSafetensors } from "../../../src/core/format/safetensors.ts";
import { float32 } from "../../../src/core/model/tensor.ts";
import { writeTinyBase } from "../../support/tiny-base.ts";
import { watchVerb } from "../../support/verb.ts";

let dir: string;
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "edge-prefix-verbs-"));
  await writeTinyBase(at("base"), { dtype: "int8", seed: 1 });
  await writeTinyBase(at("base-fp32"), { dtype: "fp32", seed: 1 });
  await writeTinyBase(at("base-other"), { dtype: "fp32", seed: 2 });
  const rows = ["film", "movie", "plot", "story", "acting", "music"].flatMap((topic) =>
    ["good up", "great up", "bad down", "awful down"].map((pair) => {
      const [word, label] = pair.split(" ");
      return `"the ${topic}, ${word}",${label}`;
    }),
  );
  await writeFile(at("mood.csv"), `text,label\n${rows.join("\n")}\nbroken\n`);
  await writeFile(at("same.csv"), "text,label\nthe film,up\nthe film,down\n");
  await writeFile(
    at("texts.jsonl"),
    '"the film, great"\n{"text":"awful","text_pair":"plot"}\n\n["a","b"]\n',
  );
});
afterAll(() => rm(dir, { recursive: true }));

/** Runs a command line; `abortAt` aborts when a line on stderr matches. */
async function run(args: readonly string[], abortAt?: RegExp) {
  const { code, out, err } = await watchVerb(args, (line, abort) => abortAt?.test(line) && abort());
  return { code, out, err: err.join("\n") };
}

const SHORT = ["--num-virtual-tokens", "3", "--epochs", "3", "--batch-size", "4", "--lr", "0.03"];
const train = (...more: string[]) => [
  "train",
  at("mood.csv"),
  "--base",
  at("base"),
  ...SHORT,
  ...more,
];

describe("train", () => {
  test("makes a task folder of a data file, and says what it left out", async () => {
    const { code, out, err } = await run(train("--out", at("Mood Task"), "--json"));
    expect(code).toBe(0);
    expect(err).toContain("mood.csv:26: has 1 columns, expected 2");
    expect(err).toContain("cross-validation: training 2 of 2");
    const result = JSON.parse(out.join("")) as { task: string; metrics: { rows: number } };
    expect(result).toMatchObject({
      task: "mood-task",
      score: { name: "accuracy", low: expect.any(Number), high: expect.any(Number) },
      metrics: { type: "sequence", rows: 24 },
      cross_validation: { folds: 2, rows: 24 },
      calibration: { temperature: 1, thresholds: null, ece: expect.any(Number) },
      data: { balance: [{ label: "down" }, { label: "up" }] },
      hyperparameters: { epochs: 1, steps: 18, patience: 0 },
      reasons: { max_length: "100 % of the texts fit" },
    });
    // What is seen before the first step.
    expect(err).toContain(
      "24 rows to train on, 24 of them held out in turn to evaluate, in 2 folds; 2 labels",
    );
    expect(err).toMatch(/tokens a text: half have up to \d+/);
    expect(err).toContain("3 virtual tokens · pooling mean");
    expect(err).toContain("windows of 128 tokens (100 % of the texts fit)");
    expect(err).toMatch(/about \d+ (s|min) at [\d,]+ tokens\/s; Ctrl-C saves/);
    expect((await readdir(at("Mood Task"))).sort()).toEqual([
      "CARD.md",
      "manifest.json",
      "prefix.safetensors",
      "report.html",
      "task.json",
    ]);
    const json = JSON.parse(await readFile(join(at("Mood Task"), "task.json"), "utf8")) as object;
    expect(json).toMatchObject({
      name: "mood-task",
      base: "tiny",
      labels: ["down", "up"],
      num_virtual_tokens: 3,
      hyperparameters: { epochs: 1, steps: 18, learning_rate: 0.03, weight_decay: 0.01 },
      data: { train: [{ path: "../mood.csv" }] },
    });
  });

  test("ends with the report's path and the command that puts the task live", async () => {
    const out = at("last lines");
    const trained = await run(train("--out", out, "--epochs", "1"));
    expect(trained.out.slice(-2)).toEqual([
      `report: ${join(out, "report.html")}`,
      `put it live: npx edge-prefix push --base ${at("base")} '${out}' --local`,
    ]);
    const silent = await run(train("--out", out, "--epochs", "1", "--report", "none"));
    expect(silent.out.join("\n")).not.toContain("report");
  });

  test("trains the folder again from its task.json, to the same bytes, and leaves task.json alone", async () => {
    await run(train("--out", at("again")));
    const before = await readFile(join(at("again"), "prefix.safetensors"));
    const edited = JSON.parse(await readFile(join(at("again"), "task.json"), "utf8")) as object;
    const text = JSON.stringify({
      ...edited,
      description: "How is it?",
      examples: ["the film, good"],
    });
    await writeFile(join(at("again"), "task.json"), text);
    expect((await run(["train", at("again"), "--base", at("base")])).code).toBe(0);
    expect(await readFile(join(at("again"), "prefix.safetensors"))).toEqual(before);
    expect(await readFile(join(at("again"), "task.json"), "utf8")).toBe(text);
    const manifest = await readFile(join(at("again"), "manifest.json"), "utf8");
    expect(JSON.parse(manifest)).toMatchObject({ examples: [{ text: "the film, good" }] });
    // From the data file once more: what a person wrote stays.
    expect((await run(train("--out", at("again"), "--seed", "4"))).code).toBe(0);
    const json = JSON.parse(await readFile(join(at("again"), "task.json"), "utf8")) as object;
    expect(json).toMatchObject({
      description: "How is it?",
      examples: [{ text: "the film, good" }],
      seed: 4,
    });
  });

  test("says how long it takes where a step takes no whole millisecond", async () => {
    // A machine so fast that the clock of whole milliseconds does not move within a step.
    const wholeMs = vi.spyOn(Date, "now").mockReturnValue(Date.now());
    try {
      const { err } = await run(train("--out", at("fast"), "--epochs", "1"));
      expect(err).toMatch(/about \d+ (s|min) at [\d,]+ tokens\/s; Ctrl-C saves/);
    } finally {
      wholeMs.mockRestore();
    }
  });

  test("saves when interrupted, prints the line that goes on, and goes on to the same bytes", async () => {
    await run(train("--out", at("whole")));
    const stopped = await run(train("--out", at("stopped")), /Ctrl-C saves/);
    expect(stopped.code).toBe(130);
    expect(existsSync(join(at("stopped"), "manifest.json"))).toBe(false);
    const line = stopped.err.split("\n").at(-1)!.trim();
    expect(line).toMatch(/^npx edge-prefix train .*--epochs 3.* --resume$/);
    const resumed = await run(line.replaceAll("'", "").split(" ").slice(2));
    expect(resumed.err).toContain("resuming after step");
    expect(resumed.code).toBe(0);
    expect(await readFile(join(at("stopped"), "prefix.safetensors"))).toEqual(
      await readFile(join(at("whole"), "prefix.safetensors")),
    );
  });

  test.each([
    [["train"], 2, /^error: TASK_DIR or DATA_FILE is missing/],
    [["train", "base"], 2, /is a folder without a task.json/],
    [["train", "mood.csv", "--method", "lora"], 2, /allowed are prefix, .*linear/],
    [["train", "mood.csv", "--lr", "fast"], 2, /--lr is "fast", expected a number/],
    [["train", "mood.csv", "--problem-type", "ranking"], 2, /allowed are single_label.*regression/],
    [
      ["train", "mood.csv", "--base", "base", "--problem-type", "regression"],
      1,
      /line 2: the label "up" is no number/,
    ],
    [["train", "nowhere.csv", "--base", "base"], 1, /data-unreadable.*no such file/],
    [
      ["train", "same.csv", "--base", "base"],
      1,
      /data-too-few.*no label has two different texts.*--eval/,
    ],
    [
      ["train", "mood.csv", "--base", "base", "--init", "nowhere"],
      1,
      /neither a folder that "pretrain" wrote nor a start's name/,
    ],
    [["train", "mood.csv", "--base", "base", "--strict"], 1, /mood.csv:26: has 1 columns/],
    [
      ["train", "mood.csv", "--base", "base", "--max-length", "4000"],
      1,
      /reads at most 128 tokens/,
    ],
    [["train", "mood.csv", "--base", "nowhere"], 1, /base-not-found/],
  ])("%j fails with %i and says why", async (args, code, message) => {
    const names = ["base", "mood.csv", "same.csv", "nowhere", "nowhere.csv"];
    const result = await run(args.map((arg) => (names.includes(arg) ? at(arg) : arg)));
    expect(result.err).toMatch(message);
    expect(result.code).toBe(code);
  });
});

describe("eval and predict", () => {
  beforeAll(() => run(train("--out", at("task"))));

  test("measures on the graph that serves", async () => {
    const args = ["eval", at("task"), "--data", at("mood.csv"), "--base", at("base"), "--json"];
    const { code, out } = await run(args);
    expect(code).toBe(0);
    expect(JSON.parse(out.join(""))).toMatchObject({
      task: "task",
      dtype: "int8",
      runtime: "simd",
      data: "mood.csv",
      n: 24,
      bad_rows: 1,
      metric: "accuracy",
      interval: [expect.any(Number), expect.any(Number)],
      ece: expect.any(Number),
      metrics: { type: "sequence", rows: 24 },
    });
    const { out: lines } = await run(args.slice(0, -1));
    expect(lines[1]).toMatch(
      /accuracy [01]\.\d+ \(95 %: [01]\.\d+ to [01]\.\d+\) .* judged by accuracy$/,
    );
    expect(lines[2]).toMatch(/^expected calibration error 0\.\d+ · temperature 1$/);
    expect(lines[3]).toMatch(/^label +precision +recall +f1 +support$/);
  });

  test("allows another import of the same checkpoint with a note, and no other base", async () => {
    const args = ["eval", at("task"), "--data", at("mood.csv"), "--task-base", at("base")];
    const other = await run([...args, "--base", at("base-fp32"), "--runtime", "node"]);
    expect(other.err).toMatch(/another import of the same checkpoint \(fp32\)/);
    expect(other.code).toBe(0);
    const wrong = await run([...args, "--base", at("base-other")]);
    expect(wrong.err).toMatch(/prefix-base-mismatch.*not another dtype of it/);
    expect(wrong.code).toBe(1);
  });

  test("without data measures on the evaluation files of task.json, if there are any", async () => {
    const { code, err } = await run(["eval", at("task"), "--base", at("base")]);
    expect(err).toMatch(/names no evaluation data; name a file with --data/);
    expect(code).toBe(1);
  });

  test("predicts one line an input, in order", async () => {
    const args = ["predict", at("task"), "--base", at("base"), "--input", at("texts.jsonl")];
    const { code, out } = await run(args);
    expect(code).toBe(0);
    const lines = out.map((line) => JSON.parse(line) as { index: number; result: object[] });
    expect(lines.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(lines[0]!.result).toEqual([
      { label: expect.any(String), score: expect.any(Number) },
      { label: expect.any(String), score: expect.any(Number) },
    ]);
    const best = await run([...args, "--top-k", "1", "--function-to-apply", "none"]);
    expect(JSON.parse(best.out[0]!)).toMatchObject({ index: 0, result: [{}] });
  });

  test("predicts texts of the command line and of standard input alike", async () => {
    const args = ["predict", at("task"), "--base", at("base")];
    const texts = ["the film, great", "awful plot"];
    const written = await run([...args, ...texts]);
    expect(written).toMatchObject({ code: 0, out: [expect.any(String), expect.any(String)] });
    const lines = texts.map((text) => JSON.stringify(text));
    const piped = [
      `${texts.join("\n")}\n`,
      `\uFEFF${texts.join("\r\n\r\n")}`,
      `${lines.join("\n")}\n`,
      gzipSync(texts.join("\n")),
      Buffer.from(`\uFEFF${lines.join("\n")}`, "utf16le"),
    ];
    for (const stdin of piped) {
      expect(await watchVerb(args, undefined, undefined, stdin)).toMatchObject({
        code: 0,
        out: written.out,
      });
    }
  });

  test("reads a first line that only looks like JSON as a text", async () => {
    const args = ["predict", at("task"), "--base", at("base"), "--top-k", "1"];
    for (const stdin of ["[sic] the film\n", '"great" film, they say\n', "{film}\n"]) {
      expect(await watchVerb(args, undefined, undefined, stdin)).toMatchObject({ code: 0 });
    }
    const mixed = await watchVerb(args, undefined, undefined, '"one"\ntwo\n');
    expect(mixed.err.join("\n")).toMatch(/line-invalid.*stdin line 2: is not JSON/);
  });

  test("says what is missing without a text, and that a file's name is read as a text", async () => {
    const args = ["predict", at("task"), "--base", at("base")];
    expect(await run(args)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no text; write/),
    });
    const named = await run([...args, at("texts.jsonl")]);
    expect(named.err).toMatch(/texts.jsonl" is read as a text; --input/);
    expect(await run([...args, "a", "--input", at("texts.jsonl")])).toMatchObject({ code: 2 });
  });

  test.each([
    ["train", "folder.csv", /folder\.csv: is a folder/],
    ["eval", "folder", /folder: is a folder/],
    ["train", "book.csv", /is not text; it is a zip or Excel file/],
    ["eval", "book.csv", /is not text; it is a zip or Excel file/],
    ["predict", "book.csv", /is not text; it is a zip or Excel file/],
    ["predict", "folder.csv", /folder\.csv: is a folder/],
    ["embed", "folder.csv", /folder\.csv: is a folder/],
    ["embed", "book.csv", /is not text; it is a zip or Excel file/],
  ])("%s says what %s is", async (verb, name, message) => {
    for (const folder of ["folder.csv", "folder"]) await mkdir(at(folder), { recursive: true });
    await writeFile(at("book.csv"), "PK\u0003\u0004\u0000\u0000");
    const args = {
      train: ["--data", at(name), "--out", at("none")],
      eval: [at("task"), "--data", at(name)],
      predict: [at("task"), "--input", at(name)],
      embed: ["--input", at(name), "--output", at("none.safetensors")],
    }[verb]!;
    const { code, err } = await run([verb, ...args, "--base", at("base")]);
    expect(err).toMatch(message);
    expect(code).toBe(1);
  });

  test("answers a text without words as the endpoint does: with an error on its line", async () => {
    await writeFile(at("empty.jsonl"), '"the film"\n" "\n["a",""]\n');
    const args = ["predict", at("task"), "--base", at("base"), "--input", at("empty.jsonl")];
    const { code, out } = await run(args);
    expect(code).toBe(1);
    expect(out.map((line) => JSON.parse(line) as object)).toEqual([
      { index: 0, result: expect.any(Array) },
      { index: 1, error: { code: "text-empty", detail: expect.stringMatching(/^text: has no/) } },
      { index: 2, error: { code: "text-empty", detail: expect.stringMatching(/^text_pair: has/) } },
    ]);
  });

  test.each([
    [["--top-k", "0"], /--top-k is "0", expected an integer of at least 1/],
    [["--top-k", "1.5"], /--top-k is "1.5", expected an integer/],
    [["--stride", "-1"], /--stride/],
    [["--max-length", "no"], /--max-length is "no"/],
    [["--function-to-apply", "tanh"], /--function-to-apply is "tanh", allowed are softmax/],
    [["--aggregation-strategy", "x"], /--aggregation-strategy is "x", allowed are none, simple/],
    [["--offset-unit", "byte"], /--offset-unit is "byte", allowed are codepoint, utf16/],
  ])("%j is a wrong command line", async (flags, message) => {
    const { code, err } = await run(["predict", at("task"), "--input", at("x"), ...flags]);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});

test("import-peft follows problem_type and --label-names to the answers", async () => {
  const adapter = await mkdtemp(join(dir, "adapter-"));
  const config = { peft_type: "PREFIX_TUNING", task_type: "SEQ_CLS", num_virtual_tokens: 2 };
  await writeFile(join(adapter, "adapter_config.json"), JSON.stringify(config));
  const problem = { problem_type: "multi_label_classification" };
  await writeFile(join(adapter, "config.json"), JSON.stringify(problem));
  const tensors = new Map([
    ["prompt_embeddings", float32([2, 128], new Float32Array(256).fill(0.1))],
    ["base_model.classifier.weight", float32([2, 32], new Float32Array(64))],
    ["base_model.classifier.bias", float32([2], new Float32Array([0, 2]))],
  ]);
  await writeFile(join(adapter, "adapter_model.safetensors"), writeSafetensors(tensors));
  const to = ["--base", at("base"), "--out", at("peft-multi"), "--label-names", "dull,sharp"];
  const { out } = await run(["import-peft", adapter, ...to, "--json"]);
  expect(JSON.parse(out[0]!)).toMatchObject({ ...problem, labels: ["dull", "sharp"] });
  const answer = await run(["predict", at("peft-multi"), "the film", "--base", at("base")]);
  // With weights of zero the logits are the biases: a sigmoid of each, not a softmax of both.
  expect(JSON.parse(answer.out[0]!)).toEqual({
    index: 0,
    result: [
      { label: "sharp", score: expect.closeTo(1 / (1 + Math.exp(-2)), 5) },
      { label: "dull", score: expect.closeTo(0.5, 5) },
    ],
  });
});

test("import-peft makes a task folder that answers", async () => {
  const adapter = await mkdtemp(join(dir, "adapter-"));
  const config = { peft_type: "PREFIX_TUNING", task_type: "TOKEN_CLS", num_virtual_tokens: 2 };
  await writeFile(join(adapter, "adapter_config.json"), JSON.stringify(config));
  const tensors = new Map([
    ["prompt_embeddings", float32([2, 128], new Float32Array(256).fill(0.1))],
    ["base_model.classifier.weight", float32([3, 32], new Float32Array(96).fill(0.2))],
    ["base_model.classifier.bias", float32([3], new Float32Array([0, 1, 0]))],
  ]);
  await writeFile(join(adapter, "adapter_model.safetensors"), writeSafetensors(tensors));
  const { code, out } = await run([
    "import-peft",
    adapter,
    "--base",
    at("base"),
    "--out",
    at("peft"),
  ]);
  expect(code).toBe(0);
  expect(out[0]).toMatch(/token, 3 labels, P 2, position_offset 2, pooling none$/);
  const answer = await run([
    "predict",
    at("peft"),
    "--base",
    at("base"),
    "--input",
    at("texts.jsonl"),
  ]);
  // A pair is no input for a token task; the rest is answered.
  expect(answer.code).toBe(1);
  expect(JSON.parse(answer.out[0]!)).toMatchObject({ result: [{ entity_group: "LABEL_1" }] });
  expect(JSON.parse(answer.out[1]!)).toMatchObject({ error: { code: "pair-not-supported" } });
});
