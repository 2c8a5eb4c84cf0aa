import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { sha256 } from "../../../scripts/node/hash.ts";
import { readBaseFolder, writeBaseFolder } from "../../../scripts/base/base-folder.ts";
import { readBaseManifest } from "../../../src/core/format/manifest.ts";
import { readSafetensors } from "../../../src/core/format/safetensors.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { makeTinyBase, writeTinyBase } from "../../support/tiny-base.ts";

const folder = temporaryFolder("base");
afterAll(folder.remove);
const at = (...path: string[]): string => join(folder.path, ...path);

describe("a base folder", () => {
  it("comes back as it was written, files and graph", async () => {
    const base = await writeTinyBase(at("round-trip"), { dtype: "int8", seed: 1 });
    const back = await readBaseFolder(at("round-trip"));
    expect(back.manifest).toEqual(base.manifest);
    expect([...back.files.keys()].sort()).toEqual([...base.files.keys()].sort());
    expect(Buffer.from(back.graphFiles.graph).equals(base.graphFiles.graph)).toBe(true);
  });

  it("leaves nothing beside it, also when it replaces an older base", async () => {
    await mkdir(at("alone"));
    await writeTinyBase(at("alone", "base"), { dtype: "fp32", seed: 1 });
    const second = await writeTinyBase(at("alone", "base"), { dtype: "int8", seed: 2 });
    expect(await readdir(at("alone"))).toEqual(["base"]);
    expect((await readBaseFolder(at("alone", "base"))).manifest.identity).toBe(
      second.manifest.identity,
    );
  });

  it("never replaces a folder that holds anything else", async () => {
    await mkdir(at("task"));
    await writeFile(at("task", "manifest.json"), "{}");
    await writeFile(at("task", "prefix.safetensors"), "");
    const base = await makeTinyBase({ dtype: "fp32", seed: 1 });
    await expect(writeBaseFolder(at("task"), base)).rejects.toThrow(
      /holds "prefix.safetensors", which is no part of a base/,
    );
    await writeFile(at("file"), "x");
    await expect(writeBaseFolder(at("file"), base)).rejects.toThrow(/is not a folder/);
    expect((await readdir(at("task"))).length).toBe(2);
  });

  it("keeps the old base whole when writing the new one fails half way", async () => {
    const old = await writeTinyBase(at("whole"), { dtype: "fp32", seed: 1 });
    const next = await makeTinyBase({ dtype: "fp32", seed: 2 });
    // A file that cannot be written stands for a full disk.
    const broken = {
      ...next,
      files: new Map([...next.files, ["manifest.json/no-folder", new Uint8Array(1)]]),
    };
    await expect(writeBaseFolder(at("whole"), broken)).rejects.toThrow(/EEXIST|ENOTDIR/);
    expect((await readBaseFolder(at("whole"))).manifest.identity).toBe(old.manifest.identity);
    expect((await readdir(folder.path)).filter((name) => name.includes("whole"))).toEqual([
      "whole",
    ]);
  });

  it("is refused when a file was changed, cut or removed", async () => {
    await writeTinyBase(at("changed"), { dtype: "fp32", seed: 1 });
    const path = at("changed", "weights-0.safetensors");
    const bytes = await readFile(path);
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 1]! ^= 1;
    await writeFile(path, flipped);
    await expect(readBaseFolder(at("changed"))).rejects.toThrow(
      /weights-0.safetensors: SHA-256 is/,
    );
    await writeFile(path, bytes.subarray(0, 1000));
    await expect(readBaseFolder(at("changed"))).rejects.toThrow(/is 1000 bytes long, its manifest/);
    await writeTinyBase(at("removed"), { dtype: "fp32", seed: 1 });
    const { rm } = await import("node:fs/promises");
    await rm(at("removed", "tokenizer.json"));
    await expect(readBaseFolder(at("removed"))).rejects.toThrow(/has no tokenizer.json/);
    await expect(readBaseFolder(at("nowhere"))).rejects.toThrow(
      /has no manifest.json; make one with/,
    );
  });
});

describe("the manifest", () => {
  it("has one identity for one content, whenever it was made", async () => {
    const [a, b, c] = await Promise.all([
      makeTinyBase({ dtype: "int8", seed: 3 }),
      makeTinyBase({ dtype: "int8", seed: 3 }),
      makeTinyBase({ dtype: "int8", seed: 4 }),
    ]);
    expect(a.manifest.identity).toBe(b.manifest.identity);
    expect(a.manifest.identity).not.toBe(c.manifest.identity);
  });

  it("shares the checkpoint's hash between an fp32 and an int8 import", async () => {
    const [fp32, int8] = await Promise.all([
      makeTinyBase({ dtype: "fp32", seed: 3 }),
      makeTinyBase({ dtype: "int8", seed: 3 }),
    ]);
    expect(fp32.manifest.checkpoint).toBe(int8.manifest.checkpoint);
    expect(fp32.manifest.identity).not.toBe(int8.manifest.identity);
  });

  it("describes the base and lists every file that serving needs", async () => {
    const { manifest, files } = await makeTinyBase({ dtype: "int8", seed: 3 });
    expect(await readBaseManifest(files.get("manifest.json")!, sha256)).toEqual(manifest);
    expect(manifest).toMatchObject({
      kind: "base",
      name: "tiny",
      dtype: "int8",
      configuration: {
        model_type: "bert",
        num_hidden_layers: 2,
        hidden_size: 32,
        num_key_value_heads: 4,
        head_dim: 8,
        vocab_size: 200,
        max_position_embeddings: 128,
        hidden_act: "gelu",
        layer_norm_eps: 1e-12,
      },
      builds: { "ort/int8": "model.onnx" },
      weights: ["weights-0.safetensors"],
      pooler: "pooler.safetensors",
    });
    expect(Object.keys(manifest.files).sort()).toEqual(
      [...files.keys()].filter((name) => name !== "manifest.json" && name !== "CARD.md").sort(),
    );
  });
});

test("the pooler keeps Hugging Face's layout, out x in", async () => {
  const { files } = await makeTinyBase({ dtype: "int8", seed: 3 });
  const { tensors } = readSafetensors(files.get("pooler.safetensors")!);
  expect([...tensors.keys()].sort()).toEqual(["pooler.dense.bias", "pooler.dense.weight"]);
  expect(tensors.get("pooler.dense.weight")!.dims).toEqual([32, 32]);
});

test("the card says where the weights come from, their licence and the sizes", async () => {
  const { files } = await makeTinyBase({ dtype: "int8", seed: 3 });
  const card = Buffer.from(files.get("CARD.md")!).toString();
  expect(card).toContain("| weights | seed 3 |");
  expect(card).toContain("| licence of the weights | apache-2.0 |");
  expect(card).toMatch(/\| weights-0.safetensors \| [\d,]+ \|/);
});
