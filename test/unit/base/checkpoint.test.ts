import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { architectureOf } from "../../../src/encoder/families/families.ts";
import { bert } from "../../../src/encoder/families/bert.ts";
import { readCheckpoint, selectTensors } from "../../../scripts/base/checkpoint.ts";
import type { Checkpoint } from "../../../scripts/base/checkpoint.ts";
import type { CheckpointFiles } from "../../../scripts/base/checkpoint-files.ts";
import { importCheckpoint } from "../../../scripts/base/convert.ts";
import { readSafetensors, writeSafetensors } from "../../../src/core/format/safetensors.ts";
import { sizeOf } from "../../../src/core/model/shapes.ts";
import { float32, toFloat16, toFloat32 } from "../../../src/core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../../src/core/model/tensor.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { tinyCheckpoint } from "../../support/tiny-base.ts";

const folder = temporaryFolder("checkpoint");
afterAll(folder.remove);

const tiny = tinyCheckpoint(1);
const config = bert.readConfig(JSON.parse(Buffer.from(tiny.config).toString()));
const specs = bert.tensors(config);
const select = (tensors: ReadonlyMap<string, Tensor>) =>
  selectTensors({ ...tiny, tensors }, bert, specs);
const changed = (change: (tensors: Map<string, Tensor>) => void): Map<string, Tensor> => {
  const tensors = new Map(tiny.tensors);
  change(tensors);
  return tensors;
};

/** A checkpoint's files in memory. */
const filesOf = (files: Record<string, Uint8Array>): CheckpointFiles => ({
  subject: "checkpoint x",
  read: (name) => Promise.resolve(files[name] ?? null),
});
const basics = { "config.json": tiny.config, "tokenizer.json": tiny.tokenizer };

describe("reading a checkpoint", () => {
  it("reads one safetensors file from a folder, with the licence of its model card", async () => {
    const dir = join(folder.path, "single");
    await mkdir(dir);
    const files = {
      ...basics,
      "model.safetensors": writeSafetensors(tiny.tensors),
      "README.md": encodeUtf8("---\ntags: [a]\nlicense: apache-2.0\n---\n# A model\nlicense: no\n"),
    };
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(dir, name), bytes);
    const found = await readCheckpoint(dir, "single");
    expect([...found.tensors.keys()].sort()).toEqual([...tiny.tensors.keys()].sort());
    expect(found.licence).toBe("apache-2.0");
  });

  it("reads shards by their index, and takes from each only what the index says", async () => {
    const names = [...tiny.tensors.keys()];
    const part = (from: number, to?: number) =>
      new Map(names.slice(from, to).map((name) => [name, tiny.tensors.get(name)!]));
    const index = Object.fromEntries(
      names.map((name, i) => [name, i < 5 ? "a-1.safetensors" : "a-2.safetensors"]),
    );
    const found = await readCheckpoint(
      filesOf({
        ...basics,
        "model.safetensors.index.json": encodeUtf8(JSON.stringify({ weight_map: index })),
        "a-1.safetensors": writeSafetensors(part(0, 5)),
        "a-2.safetensors": writeSafetensors(part(4)),
      }),
      "shards",
    );
    expect(found.tensors.size).toBe(names.length);
    expect(found.licence).toBeNull();
  });

  test.each<[string, Record<string, Uint8Array>, RegExp]>([
    ["no config.json", { "tokenizer.json": tiny.tokenizer }, /has no config.json; needed are/],
    ["no tokenizer.json", { "config.json": tiny.config }, /has no tokenizer.json/],
    ["no weights", basics, /neither model.safetensors nor model.safetensors.index.json/],
    [
      "an index without a map",
      { ...basics, "model.safetensors.index.json": encodeUtf8("{}") },
      /has no object "weight_map"/,
    ],
    [
      "an index that leaves the folder",
      {
        ...basics,
        "model.safetensors.index.json": encodeUtf8('{"weight_map":{"a":"../x.safetensors"}}'),
      },
      /"a" is in "..\/x.safetensors", expected the name of a .safetensors file/,
    ],
    [
      "an index that lies",
      {
        ...basics,
        "model.safetensors.index.json": encodeUtf8('{"weight_map":{"a":"s.safetensors"}}'),
        "s.safetensors": writeSafetensors(new Map([["b", float32([1], new Float32Array(1))]])),
      },
      /says that "a" is in s.safetensors, which holds b/,
    ],
    [
      "a truncated file",
      { ...basics, "model.safetensors": writeSafetensors(tiny.tensors).subarray(0, 9000) },
      /model.safetensors: /,
    ],
  ])("says what is wrong with %s", async (_, files, message) => {
    await expect(readCheckpoint(filesOf(files), "x")).rejects.toThrow(message);
  });
});

describe("tensors of dtypes that are not computed with", () => {
  /** A file in which the dtype of one tensor is called something else of the same length. */
  const renamed = (tensors: ReadonlyMap<string, Tensor>, from: string, to: string): Uint8Array =>
    Buffer.from(
      Buffer.from(writeSafetensors(tensors)).toString("latin1").replace(`"${from}"`, `"${to}"`),
      "latin1",
    );
  const one: Record<string, Tensor> = {
    F64: { dtype: "float64", dims: [1], data: new Float64Array(1) },
    F16: { dtype: "float16", dims: [1], data: new Uint16Array(1) },
    U8: { dtype: "uint8", dims: [1], data: new Uint8Array(1) },
  };

  it.each([
    ["U64", "F64"],
    ["C64", "F64"],
    ["U16", "F16"],
    ["F4", "U8"],
  ])("%s: listed as unknown where the encoder does not need it", async (dtype, written) => {
    const tensors = changed((all) => all.set("teacher.scale", one[written]!));
    const files = { ...basics, "model.safetensors": renamed(tensors, written, dtype) };
    const found = await readCheckpoint(filesOf(files), "x");
    expect([...found.unread]).toEqual([["teacher.scale", dtype]]);
    expect(selectTensors(found, bert, specs).unknown).toEqual(["teacher.scale"]);
  });

  it("also in shards", async () => {
    const tensors = changed((all) => all.set("teacher.scale", one["F16"]!));
    const index = Object.fromEntries([...tensors.keys()].map((name) => [name, "a.safetensors"]));
    const files = {
      ...basics,
      "model.safetensors.index.json": encodeUtf8(JSON.stringify({ weight_map: index })),
      "a.safetensors": renamed(tensors, "F16", "U16"),
    };
    const found = await readCheckpoint(filesOf(files), "x");
    expect([...found.unread.keys()]).toEqual(["teacher.scale"]);
    expect(found.tensors.size).toBe(tiny.tensors.size);
  });

  it("refused where the encoder needs it, with the dtype and those that are read", async () => {
    const name = "embeddings.LayerNorm.bias";
    const tensors = changed((all) =>
      all.set(name, {
        dtype: "float16",
        dims: [config.hidden],
        data: new Uint16Array(config.hidden),
      }),
    );
    const files = { ...basics, "model.safetensors": renamed(tensors, "F16", "U16") };
    const found = await readCheckpoint(filesOf(files), "x");
    expect(() => selectTensors(found, bert, specs)).toThrow(
      /"embeddings.LayerNorm.bias": dtype is U16, supported are float32, float16/,
    );
  });
});

describe("choosing the tensors of an encoder", () => {
  it("takes names with and without the family's prefix, and TensorFlow's LayerNorm names", () => {
    const renamed = new Map(
      [...tiny.tensors].map(([name, tensor]) => [
        `bert.${name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")}`,
        tensor,
      ]),
    );
    expect(select(renamed).tensors).toEqual(select(tiny.tensors).tensors);
  });

  it("leaves known buffers and heads aside and says which", () => {
    const { ignored } = select(
      changed((tensors) => {
        tensors.set("embeddings.position_ids", float32([1], new Float32Array(1)));
        tensors.set("cls.predictions.bias", float32([1], new Float32Array(1)));
        tensors.set("classifier.weight", float32([1], new Float32Array(1)));
      }),
    );
    expect(ignored).toEqual([
      "embeddings.position_ids",
      "cls.predictions.bias",
      "classifier.weight",
    ]);
  });

  it("goes without a pooler when there is none at all", () => {
    const without = changed((tensors) => {
      tensors.delete("pooler.dense.weight");
      tensors.delete("pooler.dense.bias");
    });
    expect(select(without).hasPooler).toBe(false);
    const half = changed((tensors) => tensors.delete("pooler.dense.bias"));
    expect(() => select(half)).toThrow(/missing: pooler.dense.bias/);
  });

  it("lists everything missing, unknown and misshapen in one error, found and expected", () => {
    const broken = changed((tensors) => {
      tensors.delete("encoder.layer.1.output.dense.bias");
      tensors.set("encoder.layer.7.output.dense.bias", float32([32], new Float32Array(32)));
      tensors.set("embeddings.LayerNorm.bias", float32([31], new Float32Array(31)));
    });
    const attempt = () => select(broken);
    expect(attempt).toThrow(/missing: encoder.layer.1.output.dense.bias/);
    expect(attempt).toThrow(/unknown: encoder.layer.7.output.dense.bias/);
    expect(attempt).toThrow(/"embeddings.LayerNorm.bias" is \[31\], expected \[32\]/);
    expect(attempt).toThrow(/Found are 39 tensors .* expected 39/);
  });

  it("refuses two checkpoint names that mean the same tensor", () => {
    const twice = changed((tensors) =>
      tensors.set("bert.embeddings.LayerNorm.bias", float32([32], new Float32Array(32))),
    );
    expect(() => select(twice)).toThrow(/"embeddings.LayerNorm.bias" is there twice/);
  });

  it("refuses weights that are not numbers", () => {
    const bad = new Float32Array(32);
    bad[3] = NaN;
    expect(() =>
      select(changed((tensors) => tensors.set("embeddings.LayerNorm.bias", float32([32], bad)))),
    ).toThrow(/"embeddings.LayerNorm.bias": element 3 is NaN/);
    const ints: Tensor = { dtype: "int32", dims: [32], data: new Int32Array(32) };
    expect(() =>
      select(changed((tensors) => tensors.set("embeddings.LayerNorm.bias", ints))),
    ).toThrow(/dtype is int32, supported are float32, float16, bfloat16/);
  });

  test.each(["float16", "bfloat16", "float64"] as const)("widens %s to float32", (dtype) => {
    const tensor = tiny.tensors.get("pooler.dense.weight") as TensorOf<"float32">;
    const cast: Record<string, Tensor> = {
      float16: { dtype: "float16", dims: tensor.dims, data: toFloat16(tensor.data) },
      bfloat16: {
        dtype: "bfloat16",
        dims: tensor.dims,
        data: Uint16Array.from(new Uint32Array(tensor.data.buffer), (bits) => bits >>> 16),
      },
      float64: { dtype: "float64", dims: tensor.dims, data: Float64Array.from(tensor.data) },
    };
    const tensors = changed((map) => map.set("pooler.dense.weight", cast[dtype]!));
    // Through a file, as a checkpoint comes.
    const read = readSafetensors(writeSafetensors(tensors)).tensors;
    const found = select(read).tensors.get("pooler.dense.weight")!;
    expect(found.data).toEqual(toFloat32(cast[dtype]!));
    expect(Math.abs(found.data[0]! - tensor.data[0]!)).toBeLessThan(
      Math.abs(tensor.data[0]! / 100),
    );
  });
});

describe("config.json", () => {
  const settings = JSON.parse(Buffer.from(tiny.config).toString()) as Record<string, unknown>;

  test.each<[Record<string, unknown>, string, RegExp]>([
    [
      { model_type: "roberta2" },
      "architecture-unsupported",
      /model_type is "roberta2"; supported are bert/,
    ],
    [{ model_type: undefined }, "architecture-unsupported", /model_type is missing/],
    [
      { position_embedding_type: "relative_key" },
      "architecture-unsupported",
      /"relative_key"; supported is "absolute"/,
    ],
    [{ is_decoder: true }, "architecture-unsupported", /is_decoder is true/],
    [{ add_cross_attention: true }, "architecture-unsupported", /add_cross_attention is true/],
    [
      { hidden_act: "mish" },
      "activation-unsupported",
      /hidden_act is "mish"; supported are gelu, gelu_new/,
    ],
    [{ hidden_act: "toString" }, "activation-unsupported", /hidden_act is "toString"/],
    [{ num_attention_heads: 5 }, "config-invalid", /hidden_size 32 does not divide/],
    [
      { num_hidden_layers: 0 },
      "config-invalid",
      /"num_hidden_layers" is 0, expected an integer from 1/,
    ],
    [{ hidden_size: "32" }, "config-invalid", /"hidden_size" is "32"/],
    [{ vocab_size: undefined }, "config-invalid", /"vocab_size" is missing/],
    [
      { pad_token_id: 200 },
      "config-invalid",
      /"pad_token_id" is 200, expected an integer from 0 to 199/,
    ],
  ])("with %j is refused as %s", (change, code, message) => {
    const json: unknown = JSON.parse(JSON.stringify({ ...settings, ...change }));
    const attempt = () => architectureOf(json).readConfig(json);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code }));
  });

  it("that is no object is refused", () => {
    expect(() => architectureOf(null)).toThrow(/model_type is missing/);
    expect(() => architectureOf("bert")).toThrow(/model_type is missing/);
  });

  it("takes Hugging Face's defaults for what it leaves out", () => {
    const { hidden_act: _a, layer_norm_eps: _e, pad_token_id: _p, ...rest } = settings;
    expect(bert.readConfig(rest)).toMatchObject({
      activation: "gelu",
      epsilon: 1e-12,
      padTokenId: 0,
    });
  });

  it("that belongs to other weights is refused with the shapes", async () => {
    const other: Checkpoint = {
      ...tiny,
      config: encodeUtf8(JSON.stringify({ ...settings, intermediate_size: 48 })),
    };
    const options = { name: "x", dtype: "fp32", created: new Date(0) } as const;
    await expect(importCheckpoint(other, options)).rejects.toThrow(
      /"encoder.layer.0.intermediate.dense.weight" is \[64, 32\], expected \[48, 32\]/,
    );
  });
});

test("every tensor of the table is used by the graph, and the graph uses no other", async () => {
  const options = { name: "x", dtype: "fp32", created: new Date(0) } as const;
  const base = await importCheckpoint(tiny, options);
  const shard = readSafetensors(base.files.get("weights-0.safetensors")!).tensors;
  const expected = specs.filter(({ kind }) => kind !== "pooler");
  expect([...shard.keys()].sort()).toEqual(expected.map(({ name }) => name).sort());
  for (const { name, dims } of expected) {
    expect(sizeOf(shard.get(name)!.dims)).toBe(sizeOf(dims));
  }
});
