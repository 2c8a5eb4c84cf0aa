/** The verbs import, shrink and embed, end to end on the tiny base. */
import { RUNTIMES, namedRuntime } from "../../../scripts/base/runtimes.ts";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { readBaseFolder } from "../../../scripts/base/base-folder.ts";
import type { Forecast } from "../../../scripts/base/forecast.ts";
import type { Fidelity } from "../../../src/core/format/manifest.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { nameFrom } from "../../../scripts/base/names.ts";
import { readSafetensors, writeSafetensors } from "../../../src/core/format/safetensors.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import { maxDifference } from "../../support/encode.ts";
import { temporaryFolder, writeTaskFolder } from "../../support/folders.ts";
import { tinyCheckpoint, writeTinyBase } from "../../support/tiny-base.ts";
import { runVerb } from "../../support/verb.ts";

const folder = temporaryFolder("verbs");
afterAll(folder.remove);
const at = (...path: string[]): string => join(folder.path, ...path);

const TEXTS = [
  "a good film",
  { text: "bad plot", text_pair: "sad music" },
  ["paris", "london"],
  "x",
];
let base: Base;

beforeAll(async () => {
  base = await writeTinyBase(at("base"), { dtype: "int8", seed: 1 });
  await mkdir(at("checkpoint"));
  const { config, tokenizer, tensors } = tinyCheckpoint(1);
  await writeFile(at("checkpoint", "config.json"), config);
  await writeFile(at("checkpoint", "tokenizer.json"), tokenizer);
  await writeFile(at("checkpoint", "model.safetensors"), writeSafetensors(tensors));
  await writeFile(at("texts.jsonl"), `${TEXTS.map((text) => JSON.stringify(text)).join("\n")}\n\n`);
}, 60_000);

const tensorsAt = async (name: string): Promise<ReadonlyMap<string, Tensor>> =>
  readSafetensors(new Uint8Array(await readFile(at(name)))).tensors;

/** What `import --json` prints, as far as it is looked at. */
interface Summary {
  readonly identity: string;
  readonly fidelity: Fidelity;
  readonly forecast: Forecast;
}

describe("import", () => {
  it("makes the base of a folder and prints one JSON document with its accuracy", async () => {
    const { code, out } = await runVerb(
      "import", at("checkpoint"), "--out", at("imported"), "--name", "tiny", "--json", "--licence", "mit",
    ); // prettier-ignore
    expect(code).toBe(0);
    const summary = JSON.parse(out.join("\n")) as Summary;
    expect(out).toHaveLength(1);
    expect(summary.identity).toBe(base.manifest.identity);
    expect(summary.fidelity.cosine).toBeGreaterThan(0.99);
    expect(summary.fidelity.same_neighbours).toBeGreaterThan(0.9);
    expect(summary.forecast).toMatchObject({ fits: true });
    const written = await readBaseFolder(at("imported"));
    expect(written.manifest.identity).toBe(summary.identity);
    expect(Buffer.from(written.files.get("CARD.md")!).toString()).toContain("| mit |");
  });

  it("names a base after its folder and prints text for people", async () => {
    const { code, out } = await runVerb(
      "import",
      at("checkpoint"),
      "--out",
      at("fp32"),
      "--dtype",
      "fp32",
    );
    expect(code).toBe(0);
    expect(out.join("\n")).toMatch(/^base checkpoint@[0-9a-f]{12} in .*fp32: fp32, 0.\d MB/);
  });

  test.each([
    [[], 2, /expected one folder or hub id, found 0/],
    [["x"], 2, /--out is missing/],
    [["x", "--out", "y", "--dtype", "int4"], 2, /--dtype is "int4", allowed are int8, fp32/],
    [["nowhere", "--out", "y"], 1, /\[checkpoint-not-found\].*there is no such folder/],
    [["x", "--out", "y", "--name", "Bad Name"], 1, /\[name-invalid\]/],
  ] as [string[], number, RegExp][])("%j ends with %i", async (args, code, message) => {
    const result = await runVerb("import", ...args);
    expect(result.code).toBe(code);
    expect(result.err.join("\n")).toMatch(message);
  });
});

describe("embed", () => {
  const embed = (output: string, ...more: string[]) =>
    runVerb(
      "embed",
      "--base",
      at("base"),
      "--input",
      at("texts.jsonl"),
      "--output",
      at(output),
      ...more,
    );

  it("writes hidden states in the order of the file, right-padded, whatever the batches", async () => {
    for (const size of ["1", "3"]) {
      const { code } = await embed(`states-${size}`, "--pool", "none", "--batch-size", size);
      expect(code).toBe(0);
    }
    const [one, three] = await Promise.all(["states-1", "states-3"].map(tensorsAt));
    expect(one!.get("last_hidden_state")!.dims).toEqual([4, 7, 32]);
    expect(Array.from(one!.get("attention_mask")!.data, Number)).toEqual([
      1, 1, 1, 1, 1, 0, 0,
      1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 0, 0,
      1, 1, 1, 0, 0, 0, 0,
    ]); // prettier-ignore
    expect(three).toEqual(one);
  });

  it("pools by mean unless told otherwise, over the text's own tokens", async () => {
    await embed("states", "--pool", "none");
    await embed("mean");
    await embed("cls", "--pool", "cls");
    const states = (await tensorsAt("states")).get("last_hidden_state")!.data as Float32Array;
    const mean = (await tensorsAt("mean")).get("embeddings")!;
    const cls = (await tensorsAt("cls")).get("embeddings")!;
    expect(mean.dims).toEqual([4, 32]);
    expect(maxDifference(cls.data as Float32Array, rowsOf(states, 1))).toBeLessThan(1e-6);
    const last = states.subarray(3 * 7 * 32);
    const expected = Float32Array.from(
      { length: 32 },
      (_, h) => (last[h]! + last[32 + h]! + last[64 + h]!) / 3,
    );
    expect(maxDifference((mean.data as Float32Array).subarray(96), expected)).toBeLessThan(1e-6);
  });

  it("reads a task's prefix, by every runtime", async () => {
    writeTaskFolder(at("task"), base.manifest);
    for (const runtime of RUNTIMES) {
      const { code } = await embed(runtime, "--task", at("task"), "--runtime", runtime);
      expect(code).toBe(0);
    }
    await embed("serving", "--task", at("task"));
    await embed("plain");
    const embeddings = async (name: string): Promise<Float32Array> =>
      (await tensorsAt(name)).get("embeddings")!.data as Float32Array;
    const web = await embeddings("web");
    expect(maxDifference(web, await embeddings("node"))).toBeLessThan(0.1);
    expect(maxDifference(web, await embeddings("simd"))).toBeLessThan(0.1);
    expect(maxDifference(web, await embeddings("plain"))).toBeGreaterThan(0.1);
    const serving = await embeddings(namedRuntime("serving", base.manifest));
    expect(await embeddings("serving")).toEqual(serving);
  });

  it("refuses a text that is too long, naming its line, and cuts it when told to", async () => {
    await writeFile(at("long.jsonl.gz"), gzipSync(`"x"\n${JSON.stringify("good ".repeat(200))}\n`));
    const args = [
      "--base",
      at("base"),
      "--input",
      at("long.jsonl.gz"),
      "--output",
      at("long"),
      "--pool",
      "none",
    ];
    const refused = await runVerb("embed", ...args);
    expect(refused.code).toBe(1);
    expect(refused.err.join("\n")).toMatch(
      /\[text-too-long\]: input line 2: has 202 tokens, the base reads 128; --max-length 128/,
    );
    const cut = await runVerb("embed", ...args, "--max-length", "50");
    expect(cut.code).toBe(0);
    expect((await tensorsAt("long")).get("last_hidden_state")!.dims).toEqual([2, 50, 32]);
  });

  it("makes empty tensors of an empty file", async () => {
    await writeFile(at("empty.jsonl"), "\n");
    const { code, out } = await runVerb(
      "embed", "--base", at("base"), "--input", at("empty.jsonl"), "--output", at("empty"), "--json",
    ); // prettier-ignore
    expect(code).toBe(0);
    expect(JSON.parse(out[0]!)).toMatchObject({ texts: 0, tensors: { embeddings: [0, 32] } });
  });

  test.each([
    ["no JSON", "{", /line 1: is not JSON; expected "text"/],
    ["a number", "\n7", /line 2: is 7/],
    ["a text that is none", '{"text": 1}', /line 1: "text" is 1/],
    ["a pair that is none", '{"text": "a", "text_pair": 1}', /"text_pair" is 1/],
    ["three texts", '["a","b","c"]', /line 1: is an array of 3/],
    ["half a surrogate pair", '"\\ud800"', /the text has half of a surrogate pair/],
  ])("refuses a line with %s", async (_, text, message) => {
    await writeFile(at("bad.jsonl"), text);
    const result = await runVerb(
      "embed",
      "--base",
      at("base"),
      "--input",
      at("bad.jsonl"),
      "--output",
      at("bad"),
    );
    expect(result.code).toBe(1);
    expect(result.err.join("\n")).toMatch(message);
  });

  test.each([
    [["extra"], /takes options only, found "extra"/],
    [["--pool", "max"], /--pool is "max", allowed are none, mean, cls/],
    [["--runtime", "gpu"], /--runtime is "gpu"/],
    [["--batch-size", "0"], /--batch-size is "0", expected an integer/],
    [["--max-length", "999"], /--max-length is "999", expected an integer from 3 to 128/],
  ])("%j is a wrong command line", async (args, message) => {
    const result = await embed("never", ...args);
    expect(result.code).toBe(2);
    expect(result.err.join("\n")).toMatch(message);
  });

  it("makes the folder of its output", async () => {
    const { code } = await runVerb(
      "embed", "--base", at("base"), "--input", at("texts.jsonl"), "--output", at("new", "x.st"),
    ); // prettier-ignore
    expect(code).toBe(0);
    expect(await tensorsAt("new/x.st")).toBeInstanceOf(Map);
  });

  it("says which file it cannot read", async () => {
    const result = await runVerb(
      "embed",
      "--base",
      at("base"),
      "--input",
      at("none"),
      "--output",
      at("x"),
    );
    expect(result.err.join("\n")).toMatch(/\[input-unreadable\].*none: cannot be read/);
    const noBase = await runVerb(
      "embed",
      "--base",
      at("none"),
      "--input",
      at("texts.jsonl"),
      "--output",
      at("x"),
    );
    expect(noBase.err.join("\n")).toMatch(/\[base-not-found\]/);
  });
});

describe("shrink", () => {
  it("keeps layers and words, and the result embeds", async () => {
    await writeFile(at("corpus.txt"), "good film good plot\n");
    const { code, out } = await runVerb(
      "shrink", at("base"), "--out", at("small"), "--layers", "1",
      "--corpus", at("corpus.txt"), "--vocab-size", "104", "--json",
    ); // prettier-ignore
    expect(code).toBe(0);
    expect(JSON.parse(out[0]!)).toMatchObject({
      name: "small",
      layers: 1,
      vocab_size: 104,
      from: base.manifest.identity,
      coverage: 0.75,
    });
    const embedded = await runVerb(
      "embed", "--base", at("small"), "--input", at("texts.jsonl"), "--output", at("small-vectors"),
    ); // prettier-ignore
    expect(embedded.code).toBe(0);
  });

  it("does not replace the base that it reads", async () => {
    const before = await readFile(at("base", "manifest.json"));
    const { code, err } = await runVerb("shrink", at("base"), "--out", `${at("base")}/`, "--layers", "0"); // prettier-ignore
    expect(code).toBe(2);
    expect(err.join("\n")).toMatch(/--out is the base itself/);
    expect(await readFile(at("base", "manifest.json"))).toEqual(before);
  });

  test.each([
    [[], 2, /expected one base folder, found 0/],
    [["b", "--out", "y"], 2, /expected --layers, or --corpus with --vocab-size/],
    [["b", "--out", "y", "--vocab-size", "9"], 2, /--corpus and --vocab-size belong together/],
    [["b", "--out", "y", "--layers", "a"], 2, /--layers is "a", expected an integer/],
    [["nowhere", "--out", "y", "--layers", "0"], 1, /\[base-not-found\]/],
  ] as [string[], number, RegExp][])("%j ends with %i", async (args, code, message) => {
    const result = await runVerb("shrink", ...args);
    expect(result.code).toBe(code);
    expect(result.err.join("\n")).toMatch(message);
  });
});

test.each([
  ["../models/all-MiniLM-L6-v2/", "all-minilm-l6-v2"],
  ["google/bert_uncased_L-2", "bert_uncased_l-2"],
  ["/a/_Über modell_", "ber-modell"],
])("a base from %s is called %s", (path, name) => {
  expect(nameFrom(path)).toBe(name);
});

/** The first `count` rows [H] of each text's states [7, H]. */
function rowsOf(states: Float32Array, count: number): Float32Array {
  const width = 32;
  return Float32Array.from(
    Array.from({ length: 4 }, (_, b) => [
      ...states.subarray(b * 7 * width, (b * 7 + count) * width),
    ]).flat(),
  );
}
