import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { baseWeights } from "../../../src/encoder/base.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { shrinkBase } from "../../../scripts/base/shrink.ts";
import { chooseIds, cutTokenizer } from "../../../scripts/base/cut-vocabulary.ts";
import { countIds } from "../../../scripts/base/vocabulary.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { hiddenStates, maxDifference, meanCosine, withSession } from "../../support/encode.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { makeGoldenBase, readGolden } from "../../support/golden-encoder.ts";
import { TINY_VOCAB, makeTinyBase, tinyTokenizerJson } from "../../support/tiny-base.ts";
import { tokenizerOf } from "../../support/tokenizer-file.ts";

const folder = temporaryFolder("shrink");
afterAll(folder.remove);

const json = tinyTokenizerJson();
const tokenizer = tokenizerOf(json);
const idOf = (token: string): number => TINY_VOCAB.indexOf(token);
const jsonOf = (base: Base, name: string): unknown =>
  JSON.parse(Buffer.from(base.files.get(name)!).toString());

/** Special tokens and single characters with their continuing forms. */
const CHARACTERS = TINY_VOCAB.filter((token) => /^(\[[A-Z]+\]|(##)?.)$/.test(token)).length;

describe("choosing words", () => {
  it("counts what the tokenizer makes of a corpus, plain or packed", async () => {
    const text = "The movie, the MOVIE!\n\nparis  xq\n";
    await writeFile(join(folder.path, "a.txt"), text);
    await writeFile(join(folder.path, "a.txt.gz"), gzipSync(text));
    const read = (name: string) =>
      countIds(tokenizer, { paths: [join(folder.path, name)], splitsAtSpaces: true });
    const counts = await read("a.txt");
    expect(counts[idOf("movie")]).toBe(2);
    expect(counts[idOf("the")]).toBe(2);
    expect(counts[idOf("##q")]).toBe(1);
    expect(await read("a.txt.gz")).toEqual(counts);
  });

  it("reports a corpus that cannot be read", async () => {
    const read = (name: string) =>
      countIds(tokenizer, { paths: [join(folder.path, name)], splitsAtSpaces: true });
    await expect(read("none.txt")).rejects.toThrow(/corpus .*none.txt: cannot be read \(ENOENT/);
    await writeFile(join(folder.path, "bad.gz"), gzipSync("half of it").subarray(0, 20));
    await expect(read("bad.gz")).rejects.toThrow(/bad.gz: is gzip, but cannot be unpacked/);
  });

  it("keeps special tokens, then characters, then the most frequent words", () => {
    const counts = new Float64Array(TINY_VOCAB.length);
    counts[idOf("movie")] = 5;
    counts[idOf("paris")] = 9;
    const ids = chooseIds(json, counts, CHARACTERS + 2);
    const words = Array.from(ids, (id) => TINY_VOCAB[id]!);
    expect(words.slice(0, 5)).toEqual(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
    expect(words).toEqual(expect.arrayContaining(["a", "##a", "9", "##9", "!", "movie", "paris"]));
    expect(ids.length).toBe(CHARACTERS + 2);
    expect([...ids]).toEqual([...ids].sort((a, b) => a - b));
  });

  it("breaks ties by the lower id and takes frequent characters first when room is short", () => {
    const counts = new Float64Array(TINY_VOCAB.length);
    counts[idOf("z")] = 3;
    const words = Array.from(chooseIds(json, counts, 7), (id) => TINY_VOCAB[id]!);
    expect(words.slice(5)).toEqual(["!", "z"]);
  });

  it("refuses a size that cannot be", () => {
    const counts = new Float64Array(TINY_VOCAB.length);
    expect(() => chooseIds(json, counts, 4)).toThrow(/is 4, allowed are 5 .* to 200/);
    expect(() => chooseIds(json, counts, 201)).toThrow(/is 201/);
    expect(() => chooseIds({ model: { type: "WordLevel" } }, counts, 9)).toThrow(
      /"WordLevel".*WordPiece, BPE, Unigram/,
    );
  });
});

describe("a cut tokenizer.json", () => {
  const counts = new Float64Array(TINY_VOCAB.length);
  counts[idOf("movie")] = 1;
  const ids = chooseIds(json, counts, CHARACTERS + 1);
  const cut = tokenizerOf(cutTokenizer(json, ids));
  const back = (found: Int32Array) => Array.from(found, (id) => TINY_VOCAB[ids[id]!]);

  it("gives known words their new ids and splits the others into characters", () => {
    expect(cut.vocabSize).toBe(CHARACTERS + 1);
    expect(back(cut.encode("movie plot").ids)).toEqual([
      "[CLS]", "movie", "p", "##l", "##o", "##t", "[SEP]",
    ]); // prettier-ignore
  });

  it("renumbers added tokens and both forms of post-processors", () => {
    const shifted = Int32Array.from(ids.filter((id) => TINY_VOCAB[id] !== "[MASK]"));
    const processed = cutTokenizer(
      {
        ...json,
        added_tokens: [{ id: idOf("[SEP]"), content: "[SEP]" }],
        post_processor: {
          type: "BertProcessing",
          sep: ["[SEP]", idOf("[SEP]")],
          cls: ["[CLS]", 2],
        },
        padding: { pad_id: 0, pad_token: "[PAD]" },
      },
      shifted.subarray(1),
    );
    expect(processed).toMatchObject({
      added_tokens: [{ id: idOf("[SEP]") - 1 }],
      post_processor: { sep: ["[SEP]", 2], cls: ["[CLS]", 1] },
      padding: { pad_id: 0 },
    });
  });
});

describe.each(["fp32", "int8"] as const)("a shrunk %s base", (dtype) => {
  let base: Base;
  beforeAll(async () => {
    base = await makeTinyBase({ dtype, seed: 8, config: { num_hidden_layers: 4 } });
  });
  const shrink = (layers: number[], ids: Int32Array | null, to: "fp32" | "int8" = dtype) =>
    shrinkBase(base, {
      name: "small",
      layers,
      ids,
      dtype: to,
      openSession: createNodeSession,
      created: new Date(0),
    });
  const states = (of: Base, ids: number[]) =>
    withSession(createNodeSession, of, async (session) => {
      const [found] = await hiddenStates(of, session, [{ ids }]);
      return found!;
    });

  it("with all its layers and words answers as before, bit for bit", async () => {
    const all = await shrink(
      [0, 1, 2, 3],
      Int32Array.from({ length: 200 }, (_, i) => i),
    );
    const ids = [2, 100, 150, 199, 3];
    expect(maxDifference(await states(all, ids), await states(base, ids))).toBe(0);
  });

  it("answers for words it kept as the same layers do with the whole vocabulary", async () => {
    const kept = Int32Array.from([0, 1, 2, 3, 4, 77, 120, 180]);
    const layersOnly = await shrink([0, 3], null);
    const both = await shrink([0, 3], kept);
    expect(both.manifest).toMatchObject({
      name: "small",
      configuration: { num_hidden_layers: 2, vocab_size: 8 },
    });
    const found = await states(both, [2, 5, 6, 7, 3]);
    const expected = await states(layersOnly, [2, 77, 120, 180, 3]);
    expect(maxDifference(found, expected)).toBe(0);
  });

  it("differs when other layers are kept", async () => {
    const [a, b] = await Promise.all([shrink([0, 1], null), shrink([0, 2], null)]);
    expect(maxDifference(await states(a, [2, 9, 3]), await states(b, [2, 9, 3]))).toBeGreaterThan(
      0.01,
    );
  });

  it("is deterministic, and knows its parent and choice", async () => {
    const [a, b, c] = await Promise.all([shrink([1], null), shrink([1], null), shrink([2], null)]);
    expect(a.files.get("manifest.json")).toEqual(b.files.get("manifest.json"));
    expect(a.manifest.checkpoint).toBe(b.manifest.checkpoint);
    expect(a.manifest.checkpoint).not.toBe(c.manifest.checkpoint);
    expect(a.manifest.checkpoint).not.toBe(base.manifest.checkpoint);
  });

  it("can change its dtype, and stays close", async () => {
    const other = dtype === "fp32" ? "int8" : "fp32";
    const ids = [2, 100, 150, 199, 30, 41, 3];
    const changed = await shrink([0, 3], null, other);
    const same = await shrink([0, 3], null);
    expect(changed.manifest.dtype).toBe(other);
    expect(meanCosine(await states(changed, ids), await states(same, ids), 32)).toBeGreaterThan(
      0.99,
    );
  });

  it("renumbers the special ids of config.json and says on the card what went", async () => {
    const kept = Int32Array.from([0, 2, 3, 100]);
    const small = await shrinkBase(
      { ...base, files: new Map([...base.files, ["config.json", withIds(base)]]) },
      {
        name: "small",
        layers: [2],
        ids: kept,
        dtype,
        openSession: createNodeSession,
        created: new Date(0),
      },
    );
    expect(jsonOf(small, "config.json")).toMatchObject({
      num_hidden_layers: 1,
      vocab_size: 4,
      pad_token_id: 0,
      sep_token_id: 2,
      mask_token_id: null,
    });
    const card = Buffer.from(small.files.get("CARD.md")!).toString();
    expect(card).toContain(`from tiny@${base.manifest.identity.slice(0, 12)}`);
    expect(card).toContain("layers 0, 1, 3 of 4: 2 remain");
    expect(card).toContain("196 of 200 words");
    expect(card).toContain("| weights | seed 8 |");
    expect(card.match(/## Sizes/g)).toHaveLength(1);
  });

  it("refuses layers that are not there", async () => {
    await expect(shrink([0, 4], null)).rejects.toThrow(
      /is 0,4, expected ascending numbers from 0 to 3/,
    );
    await expect(shrink([1, 0], null)).rejects.toThrow(/is 1,0/);
    await expect(shrink([], null)).rejects.toThrow(/is empty/);
  });
});

/** The base's config.json with ids of special tokens, as newer checkpoints have them. */
function withIds(base: Base): Uint8Array {
  const config = jsonOf(base, "config.json") as Record<string, unknown>;
  return Buffer.from(JSON.stringify({ ...config, sep_token_id: 3, mask_token_id: 4 }));
}

test("a shrunk base can be shrunk again", async () => {
  const options = {
    name: "s",
    dtype: "int8",
    openSession: createNodeSession,
    created: new Date(0),
  } as const;
  const base = await makeTinyBase({ dtype: "int8", seed: 8, config: { num_hidden_layers: 3 } });
  const once = await shrinkBase(base, { ...options, layers: [0, 2], ids: null });
  const twice = await shrinkBase(once, { ...options, layers: [1], ids: null });
  const direct = await shrinkBase(base, { ...options, layers: [2], ids: null });
  expect(twice.manifest.identity).toBe(direct.manifest.identity);
});

describe("compact tables", () => {
  const options = {
    name: "s",
    dtype: "int8",
    openSession: createNodeSession,
    created: new Date(0),
  } as const;
  const ids = [2, 100, 150, 199, 30, 41, 3];
  let base: Base;
  let compact: Base;
  beforeAll(async () => {
    base = await makeTinyBase({ dtype: "fp32", seed: 8 });
    compact = await shrinkBase(base, {
      ...options,
      layers: [0, 1],
      ids: null,
      tables: "compact",
    });
  });
  const states = (of: Base, tokens: number[]) =>
    withSession(createNodeSession, of, async (session) => {
      const [found] = await hiddenStates(of, session, [{ ids: tokens }]);
      return found!;
    });

  it("take half the bytes of int8 words, a fourth of float positions, and stay close", async () => {
    const plain = await shrinkBase(base, { ...options, layers: [0, 1], ids: null });
    const bytesOf = (of: Base, name: string) => baseWeights(of).get(name)!.data.byteLength;
    const [words, positions] = ["word", "position"].map(
      (kind) => `embeddings.${kind}_embeddings.weight`,
    ) as [string, string];
    expect(bytesOf(compact, words)).toBe(bytesOf(plain, words) / 2);
    expect(bytesOf(compact, positions)).toBe(bytesOf(plain, positions) / 4);
    const cosine = meanCosine(await states(compact, ids), await states(plain, ids), 32);
    expect(cosine).toBeGreaterThan(0.99);
    expect(Buffer.from(compact.files.get("CARD.md")!).toString()).toContain(
      "words have 4 each, positions 8",
    );
  });

  it("are cut to fewer words as they are", async () => {
    const kept = Int32Array.from([0, 1, 2, 3, 4, 77, 120, 180]);
    const cut = await shrinkBase(compact, { ...options, layers: [0, 1], ids: kept });
    const expected = await states(compact, [2, 77, 120, 180, 3]);
    expect(maxDifference(await states(cut, [2, 5, 6, 7, 3]), expected)).toBe(0);
  });

  it("become float32 again with the values that they had", async () => {
    const floats = await shrinkBase(compact, {
      ...options,
      layers: [0, 1],
      ids: null,
      dtype: "fp32",
    });
    const again = await shrinkBase(floats, {
      ...options,
      layers: [0, 1],
      ids: null,
      tables: "compact",
    });
    const table = "embeddings.word_embeddings.weight";
    expect(baseWeights(again).get(table)!.data).toEqual(baseWeights(compact).get(table)!.data);
  });
});

describe("layers of different kinds", () => {
  // ModernBERT's tiny checkpoint: global, local, local, global.
  const golden = readGolden("modernbert");
  const shrink = async (layers: number[]): Promise<Base> =>
    shrinkBase(await makeGoldenBase(golden, "fp32"), {
      name: "smaller",
      layers,
      ids: null,
      dtype: "fp32",
      openSession: createNodeSession,
      created: new Date(0),
    });

  it("are kept where they keep their kind", async () => {
    const { manifest } = await shrink([0, 2]);
    expect(manifest.configuration).toMatchObject({ num_hidden_layers: 2, local_attention: 16 });
  });

  it.each([
    [[1, 2, 3], "layer_types is sliding_attention"],
    [[0, 3], "layer_types is full_attention, full_attention"],
  ])("%j are refused, since one would become another kind", async (layers, message) => {
    await expect(shrink(layers)).rejects.toThrow(message);
  });

  it("are refused where only the numbers of the layers tell the kind", async () => {
    const { layer_types: _, ...config } = golden.config;
    const base = await makeGoldenBase({ ...golden, config }, "fp32");
    const options = { name: "smaller", ids: null, dtype: "fp32" as const, created: new Date(0) };
    await expect(
      shrinkBase(base, { ...options, layers: [0, 3], openSession: createNodeSession }),
    ).rejects.toThrow(
      /layer 3 is global, angles of 160000, but layer 1 of a smaller modernbert is local within 8 tokens/,
    );
  });
});
