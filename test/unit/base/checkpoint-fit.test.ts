/**
 * What a checkpoint may bring besides an encoder, and what must fit: names behind any prefix, tensors
 * of other parts, ids of the tokenizer, how vectors are pooled. Expected values by hand.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "../../support/properties.ts";
import { afterAll, describe, expect, it } from "vitest";
import { readCheckpoint, selectTensors } from "../../../scripts/base/checkpoint.ts";
import type { CheckpointFiles } from "../../../scripts/base/checkpoint-files.ts";
import { importCheckpoint } from "../../../scripts/base/convert.ts";
import { readPooling } from "../../../scripts/base/pooling.ts";
import { checkTokenizerFits } from "../../../scripts/base/tokenizer-fit.ts";
import { readSafetensors, writeSafetensors } from "../../../src/core/format/safetensors.ts";
import { float32 } from "../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import { bert } from "../../../src/encoder/families/bert.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { TINY_VOCAB, tinyCheckpoint, tinyTokenizerJson } from "../../support/tiny-base.ts";
import { runVerb } from "../../support/verb.ts";

const folder = temporaryFolder("fit");
afterAll(folder.remove);

const tiny = tinyCheckpoint(1);
const settings = JSON.parse(Buffer.from(tiny.config).toString()) as Record<string, unknown>;
const specs = bert.tensors(bert.readConfig(settings));
const select = (tensors: ReadonlyMap<string, Tensor>) =>
  selectTensors({ ...tiny, tensors }, bert, specs);
const some = (): Tensor => float32([1], new Float32Array(1));

/** The notes of an import. */
async function notesOf(changes: Partial<typeof tiny>): Promise<string[]> {
  const notes: string[] = [];
  const note = (line: string): void => void notes.push(line);
  const options = { name: "x", dtype: "fp32", created: new Date(0), note } as const;
  await importCheckpoint({ ...tiny, ...changes }, options);
  return notes;
}

describe("an encoder is found behind whatever stands before its names", () => {
  const wanted = select(tiny.tensors);

  it.each([
    "bert.",
    "module.",
    "module.bert.",
    "model.",
    "0.auto_model.",
    "0.",
    "_orig_mod.bert.",
    "encoder.",
    "embeddings.",
    "model.encoder.bert.",
    "bert.bert.",
  ])("%s", (prefix) => {
    const renamed = [...tiny.tensors].map(
      ([name, tensor]) => [`${prefix}${name}`, tensor] as const,
    );
    const heads = [`${prefix.split(".")[0]}.classifier.weight`, "cls.predictions.bias"];
    const found = select(new Map([...renamed, ...heads.map((name) => [name, some()] as const)]));
    expect(found.tensors).toEqual(wanted.tensors);
    expect(found.hasPooler).toBe(true);
    expect(found.unknown).toEqual([]);
    expect(found.ignored).toHaveLength(2);
  });

  it("any prefix does, and half an encoder under another one does not disturb", () => {
    const part = fc.stringMatching(/^[a-z0-9_]{1,8}$/);
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), part, fc.nat(36), (parts, other, count) => {
        const prefix = parts.map((name) => `${name}.`).join("");
        const whole = [...tiny.tensors].map(([name, tensor]) => [prefix + name, tensor] as const);
        const half = [...tiny.tensors.keys()].slice(0, count);
        const rest = half.map((name) => [`${other}.x.${name}`, some()] as const);
        const found = select(new Map([...rest, ...whole]));
        expect(found.tensors).toEqual(wanted.tensors);
        expect(found.unknown).toHaveLength(count);
      }),
      { seed: 12, numRuns: 60 },
    );
  });

  it("two whole encoders are refused, since nothing says which is meant", () => {
    const twice = ["query.", "document."].flatMap((prefix) =>
      [...tiny.tensors].map(([name, tensor]) => [prefix + name, tensor] as const),
    );
    expect(() => select(new Map(twice))).toThrow(/holds 2 encoders.*"query." and "document."/);
  });
});

describe("tensors that the encoder does not have", () => {
  it.each([
    ["ColBERT's projection", ["linear.weight"]],
    ["a CRF", ["crf.transitions", "crf.start_transitions"]],
    ["a head of its own", ["head.0.weight", "logit_scale"]],
  ])("%s is left out with a warning", async (_name, names) => {
    const tensors = new Map([...tiny.tensors, ...names.map((name) => [name, some()] as const)]);
    const notes = await notesOf({ tensors });
    expect(notes).toContain(`warning: unknown tensors are left out: ${names.join(", ")}`);
  });

  it("that look like a part of the encoder are doubted aloud", async () => {
    const name = "encoder.layer.2.output.dense.weight";
    const notes = await notesOf({ tensors: new Map([...tiny.tensors, [name, some()]]) });
    expect(notes.join("\n")).toMatch(
      /warning: unknown tensors .*may be part of the encoder.*does config.json belong/,
    );
  });

  it("do not hide one that is missing", () => {
    const tensors = new Map([...tiny.tensors, ["linear.weight", some()] as const]);
    tensors.delete("encoder.layer.0.output.dense.bias");
    expect(() => select(tensors)).toThrow(
      /missing: encoder.layer.0.output.dense.bias; unknown: linear.weight/,
    );
  });
});

describe("ids of the tokenizer and rows of the tables", () => {
  const size = TINY_VOCAB.length;
  const tokenizer = (change: (json: Record<string, unknown>) => void): Uint8Array => {
    const json = tinyTokenizerJson();
    change(json);
    return encodeUtf8(JSON.stringify(json));
  };
  const withAdded = (...contents: string[]): Uint8Array =>
    tokenizer((json) => {
      const added = json["added_tokens"] as Record<string, unknown>[];
      for (const [i, content] of contents.entries()) {
        added.push({ ...added[0]!, id: size + i, content, special: false });
      }
    });

  it("an added token without a row is refused with its name and the way out", async () => {
    const attempt = importCheckpoint(
      { ...tiny, tokenizer: withAdded("<new>") },
      { name: "x", dtype: "fp32", created: new Date(0) },
    );
    await expect(attempt).rejects.toThrow(
      `its highest id is ${size} ("<new>"), the word table has ${size} rows, so ids up to ${size - 1}`,
    );
    await expect(attempt).rejects.toMatchObject({ code: "tokenizer-mismatch" });
  });

  it("so is a word of the vocabulary", () => {
    const bytes = tokenizer((json) => {
      (json["model"] as { vocab: Record<string, number> }).vocab["beyond"] = size + 5;
    });
    expect(() => checkTokenizerFits(bytes, { vocab: size, typeVocab: 2 })).toThrow(
      `its highest id is ${size + 5} ("beyond")`,
    );
  });

  it("a table with more rows than the tokenizer has ids is usual", () => {
    for (const more of [0, 1, 64])
      checkTokenizerFits(tiny.tokenizer, { vocab: size + more, typeVocab: 2 });
    checkTokenizerFits(withAdded("<a>", "<b>"), { vocab: size + 2, typeVocab: 2 });
    expect(() =>
      checkTokenizerFits(withAdded("<a>", "<b>"), { vocab: size + 1, typeVocab: 2 }),
    ).toThrow(/highest id/);
  });

  it("a type id of the template without a row is refused, of one text and of pairs", () => {
    expect(() => checkTokenizerFits(tiny.tokenizer, { vocab: size, typeVocab: 1 })).toThrow(
      /gives a pair of texts the type id 1, config.json's type_vocab_size is 1.*set "type_id" to 0/,
    );
    const odd = Buffer.from(tiny.tokenizer).toString().replaceAll('"type_id":0', '"type_id":2');
    expect(() => checkTokenizerFits(encodeUtf8(odd), { vocab: size, typeVocab: 2 })).toThrow(
      /gives one text the type id 2/,
    );
  });

  it("one type is enough for a template that uses one, and types are free where none are read", async () => {
    const flat = encodeUtf8(
      Buffer.from(tiny.tokenizer).toString().replaceAll('"type_id":1', '"type_id":0'),
    );
    checkTokenizerFits(flat, { vocab: size, typeVocab: 1 });
    checkTokenizerFits(tiny.tokenizer, { vocab: size, typeVocab: 0 });
    const one = { ...tinyCheckpoint(1, { type_vocab_size: 1 }), tokenizer: flat };
    const { manifest } = await importCheckpoint(one, {
      name: "x",
      dtype: "fp32",
      created: new Date(0),
    });
    expect(manifest.configuration.type_vocab_size).toBe(1);
  });
});

describe("how a checkpoint pools", () => {
  const json = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value));
  const filesOf = (files: Record<string, unknown>): CheckpointFiles => ({
    subject: "checkpoint x",
    read: (name) => Promise.resolve(Object.hasOwn(files, name) ? json(files[name]) : null),
  });
  const module = (type: string, path: string) => ({
    idx: 0,
    name: "0",
    path,
    type: `sentence_transformers.models.${type}`,
  });
  const modes = (mode: string) => ({
    word_embedding_dimension: 32,
    ...Object.fromEntries(
      ["cls_token", "mean_tokens", "max_tokens", "lasttoken"].map((name) => [
        `pooling_mode_${name}`,
        name === mode,
      ]),
    ),
  });

  it.each([
    ["1_Pooling, by the first token", { "1_Pooling/config.json": modes("cls_token") }, "cls"],
    ["1_Pooling, by the mean", { "1_Pooling/config.json": modes("mean_tokens") }, "mean"],
    ["one name", { "1_Pooling/config.json": { pooling_mode: "cls" } }, "cls"],
    [
      "the folder that modules.json names",
      {
        "modules.json": [
          module("Transformer", ""),
          module("Pooling", "2_Pool"),
          module("Normalize", "3"),
        ],
        "2_Pool/config.json": modes("cls_token"),
        "1_Pooling/config.json": modes("mean_tokens"),
      },
      "cls",
    ],
    ["sentence_bert_config.json", { "sentence_bert_config.json": modes("cls_token") }, "cls"],
    ["a file without pooling", { "sentence_bert_config.json": { max_seq_length: 128 } }, null],
    ["nothing", {}, null],
  ])("is read from %s", async (_name, files, pooling) => {
    expect(await readPooling(filesOf(files))).toMatchObject({ pooling });
  });

  it.each([
    ["the maximum", modes("max_tokens"), /asks for pooling max_tokens, which is not offered/],
    ["the last token", modes("lasttoken"), /lasttoken/],
    [
      "two ways at once",
      { pooling_mode_cls_token: true, pooling_mode_mean_tokens: true },
      /cls_token and mean_tokens/,
    ],
    ["a word like a property of every object", { pooling_mode: "constructor" }, /constructor/],
  ])("by %s is said to be left out", async (_name, config, message) => {
    const found = await readPooling(filesOf({ "1_Pooling/config.json": config }));
    expect(found.pooling).toBeNull();
    expect(found.notes.join()).toMatch(message);
  });

  it("says that a projection behind it is left out, and refuses paths out of the folder", async () => {
    const dense = { "modules.json": [module("Transformer", ""), module("Dense", "2_Dense")] };
    expect((await readPooling(filesOf(dense))).notes.join()).toMatch(/modules Dense .* left out/);
    for (const path of ["../x", "/etc", "a/../b", "a//b"]) {
      const files = filesOf({ "modules.json": [module("Pooling", path)] });
      await expect(readPooling(files)).rejects.toMatchObject({
        code: "checkpoint-pooling-invalid",
      });
    }
  });

  it("any JSON in these files is read or refused by name", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (modules, pooling) => {
        const files = filesOf({ "modules.json": modules, "1_Pooling/config.json": pooling });
        await readPooling(files).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "checkpoint-pooling-invalid" });
        });
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it("is followed by import, embed and train, which say so", async () => {
    const at = (...path: string[]): string => join(folder.path, ...path);
    const files: Record<string, Uint8Array> = {
      "config.json": tiny.config,
      "tokenizer.json": tiny.tokenizer,
      "model.safetensors": writeSafetensors(tiny.tensors),
      "1_Pooling/config.json": json(modes("cls_token")),
    };
    for (const [name, bytes] of Object.entries(files)) {
      await mkdir(dirname(at("checkpoint", name)), { recursive: true });
      await writeFile(at("checkpoint", name), bytes);
    }
    expect((await readCheckpoint(at("checkpoint"), "x")).pooling.pooling).toBe("cls");
    const imported = await runVerb("import", at("checkpoint"), "--out", at("base"), "--dtype", "fp32", "--json"); // prettier-ignore
    expect(JSON.parse(imported.out[0]!)).toMatchObject({ pooling: "cls" });
    expect(imported.err.join("\n")).toMatch(/note: pooling cls, as 1_Pooling\/config.json says/);

    await writeFile(at("texts.jsonl"), '"a good film"\n');
    const vectors = async (...more: string[]) => {
      const args = ["--input", at("texts.jsonl"), "--output", at("v"), "--runtime", "node"];
      const { err } = await runVerb("embed", "--base", at("base"), ...args, ...more);
      const { tensors } = readSafetensors(new Uint8Array(await readFile(at("v"))));
      return { err: err.join("\n"), data: tensors.get("embeddings")!.data };
    };
    const own = await vectors();
    expect(own.err).toContain("note: pooling cls, as the checkpoint of checkpoint says");
    expect(own.data).toEqual((await vectors("--pool", "cls")).data);
    expect(own.data).not.toEqual((await vectors("--pool", "mean")).data);

    await writeFile(at("d.csv"), "text,label\ngood film,x\nbad plot,y\nfine film,x\nsad plot,y\n");
    const short = ["--num-virtual-tokens", "2", "--epochs", "1", "--out", at("task")];
    const trained = await runVerb("train", at("d.csv"), "--base", at("base"), ...short);
    expect(trained.err.join("\n")).toContain("pooling cls (as the checkpoint of checkpoint says)");
    const manifest = JSON.parse(await readFile(at("task", "manifest.json"), "utf8")) as object;
    expect(manifest).toMatchObject({ pooling: "cls" });
  }, 60_000);
});
