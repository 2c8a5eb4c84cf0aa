/** PEFT adapters: what save_pretrained writes is read bit for bit, and anything else is refused by name. */
import { writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import type { BaseConfiguration } from "../../../src/core/format/configuration.ts";
import { importCheckpoint } from "../../../scripts/base/convert.ts";
import { readCheckpoint } from "../../../scripts/base/checkpoint.ts";
import { openBase } from "../../../scripts/base/open-base.ts";
import {
  adapterTensors,
  defaultPositionOffset,
  poolingOf,
  readPeftAdapter,
} from "../../../scripts/peft/adapter.ts";
import { packAdapter } from "../../../scripts/peft/pack-adapter.ts";
import { answerTexts } from "../../../src/learn/measure/answers.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { readSafetensors } from "../../../src/core/format/safetensors.ts";
import { float32, toFloat32 } from "../../../src/core/model/tensor.ts";
import { shared } from "../../support/shared.ts";
import { adapterDir } from "../../support/peft-adapter.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

describe("an adapter folder", () => {
  test("is read with its values, its labels and what it was trained on", async () => {
    const adapter = await readPeftAdapter(await adapterDir());
    expect(adapter).toMatchObject({
      type: "sequence",
      numVirtualTokens: 3,
      labels: ["LABEL_0", "LABEL_1"],
      trainedOn: "tiny",
    });
    expect(adapter.weight.values[0]).toBe(Math.fround(1 / 3));
    expect([...adapter.bias]).toEqual([1, 2]);
  });

  test("may name its labels, and may call its head score and leave out the bias", async () => {
    const dir = await adapterDir(
      { task_type: "TOKEN_CLS", id2label: { 0: "O", 1: "B-X" } },
      {
        "base_model.classifier.weight": null,
        "base_model.classifier.bias": null,
        "base_model.score.weight": float32([2, 32], new Float32Array(64)),
      },
    );
    const adapter = await readPeftAdapter(dir);
    expect(adapter).toMatchObject({ type: "token", labels: ["O", "B-X"] });
    expect([...adapter.bias]).toEqual([0, 0]);
  });

  const three = {
    "base_model.classifier.weight": float32([3, 32], new Float32Array(96)),
    "base_model.classifier.bias": float32([3], new Float32Array(3)),
  };
  const one = {
    "base_model.classifier.weight": float32([1, 32], new Float32Array(32)),
    "base_model.classifier.bias": float32([1], new Float32Array(1)),
  };
  const beside = async (dir: string, config: unknown): Promise<string> => {
    await writeFile(join(dir, "config.json"), JSON.stringify(config));
    return dir;
  };

  test.each([
    ["multi_label_classification", three],
    ["single_label_classification", three],
    ["regression", one],
  ] as const)("is %s when the config.json beside it says so", async (problem_type, tensors) => {
    const dir = await beside(await adapterDir({}, tensors), { problem_type });
    expect(await readPeftAdapter(dir)).toMatchObject({ problemType: problem_type });
    const own = await adapterDir({ problem_type }, tensors);
    const contrary = await beside(own, { problem_type: "single_label_classification" });
    expect(await readPeftAdapter(contrary)).toMatchObject({ problemType: problem_type });
  });

  test("is a number with one output and no word about it, as transformers takes it", async () => {
    const unsaid = await beside(await adapterDir({}, one), { problem_type: null });
    expect(await readPeftAdapter(unsaid)).toMatchObject({ problemType: "regression" });
    const two = { problemType: "single_label_classification" };
    expect(await readPeftAdapter(await adapterDir())).toMatchObject(two);
  });

  test.each([
    ["an unknown kind", {}, { problem_type: "ranking" }, /"problem_type" is "ranking"/],
    ["a number of three outputs", three, { problem_type: "regression" }, /3 outputs, expected 1/],
    ["two labels of one name", {}, { id2label: { 0: "a", 1: "a" } }, /"a" names two labels/],
  ])("with %s beside it is refused", async (_, tensors, config, message) => {
    const dir = await beside(await adapterDir({}, tensors), config);
    await expect(readPeftAdapter(dir)).rejects.toThrow(message);
  });

  test("a token adapter with several labels a text is refused", async () => {
    const dir = await beside(await adapterDir({ task_type: "TOKEN_CLS" }), {
      problem_type: "multi_label_classification",
    });
    await expect(readPeftAdapter(dir)).rejects.toThrow(/tags words \(TOKEN_CLS\)/);
  });

  test("has the names of label2id where there is no id2label", async () => {
    const dir = await beside(await adapterDir(), { label2id: { no: 0, yes: 1 } });
    expect((await readPeftAdapter(dir)).labels).toEqual(["no", "yes"]);
  });

  test.each([
    ["no,yes", ["no", "yes"]],
    ["0=no,1=yes", ["no", "yes"]],
    ["LABEL_1=yes", ["LABEL_0", "yes"]],
    ["0=a=b", ["a=b", "LABEL_1"]],
  ])("has the names of --label-names %s", async (text, labels) => {
    expect((await readPeftAdapter(await adapterDir(), text)).labels).toEqual(labels);
  });

  test("takes a list of names in the place of broken ones", async () => {
    const dir = await beside(await adapterDir(), { id2label: { 0: "only" } });
    await expect(readPeftAdapter(dir)).rejects.toThrow(/--label-names a,b,\.\. names them/);
    expect((await readPeftAdapter(dir, "no,yes")).labels).toEqual(["no", "yes"]);
  });

  test.each([
    ["a,b,c", /has 3 names, the adapter has 2 labels/],
    ["LABEL_2=x", /no label "LABEL_2"; it has LABEL_0, LABEL_1/],
    ["0=", /would drop a label/],
    ["a,a", /"a" names two labels/],
  ])("refuses --label-names %s", async (text, message) => {
    await expect(readPeftAdapter(await adapterDir(), text)).rejects.toThrow(message);
  });

  test.each([
    ["another method", { peft_type: "IA3" }, {}, /"peft_type" is "IA3"; served are prefix tuning/],
    [
      "another kind of task",
      { task_type: "CAUSAL_LM" },
      {},
      /expected one of "SEQ_CLS", "TOKEN_CLS"/,
    ],
    [
      "another length than it says",
      { num_virtual_tokens: 4 },
      {},
      /prompt_embeddings is \[3, 128\].*num_virtual_tokens 4/,
    ],
    [
      "no prefix",
      {},
      { prompt_embeddings: null },
      /found base_model.classifier.bias \[2\].*expected prompt_embeddings/,
    ],
    [
      "an unknown tensor",
      {},
      { "base_model.classifier.dense.weight": float32([1], new Float32Array(1)) },
      /classifier.dense.weight \[1\].*and nothing else/,
    ],
    [
      "a bias of another size",
      {},
      { "base_model.classifier.bias": float32([3], new Float32Array(3)) },
      /bias \[3\]/,
    ],
    ["half a label list", { id2label: { 0: "a" } }, {}, /names 1 labels/],
  ] as const)("with %s is refused", async (_, config, tensors, message) => {
    await expect(readPeftAdapter(await adapterDir(config, tensors))).rejects.toThrow(message);
  });

  test("that is not there says which files it looked for", async () => {
    await expect(readPeftAdapter("/nonexistent")).rejects.toMatchObject({ code: "peft-not-found" });
  });

  test("for another base is refused with both shapes", async () => {
    const base = await makeTinyBase({ dtype: "fp32", seed: 1 });
    const { manifest } = base;
    const adapter = await readPeftAdapter(await adapterDir());
    expect(adapterTensors(adapter, base).size).toBe(3);
    const other = (changes: Partial<BaseConfiguration>): BaseManifest => ({
      ...manifest,
      configuration: { ...manifest.configuration, ...changes } as BaseConfiguration,
    });
    const deeper = { ...base, manifest: other({ num_hidden_layers: 3 }) };
    expect(() => adapterTensors(adapter, deeper)).toThrow(
      /prompt_embeddings is \[3, 128\].*needs \[3, 192\]/,
    );
    expect(defaultPositionOffset(adapter, base)).toBe(3);
    const rotary = { ...base, manifest: other({ model_type: "modernbert" }) };
    expect(defaultPositionOffset(adapter, rotary)).toBe(0);
    expect(poolingOf(adapter, { ...manifest, pooler: null })).toBe("cls");
  });
});

const checkpoint = shared("models", "all-MiniLM-L6-v2");
const golden = shared("golden", "minilm");

// Logits that PEFT 0.21.2 (torch 2.15.0, transformers 5.23.0) returns for 8 texts, float32, CPU.
describe.skipIf(checkpoint === undefined || golden === undefined)("PEFT's own logits", () => {
  let imported: Base;
  let base: LoadedBase;
  let texts: string[];
  beforeAll(async () => {
    imported = await importCheckpoint(
      await readCheckpoint(checkpoint!, "sentence-transformers/all-MiniLM-L6-v2"),
      {
        name: "minilm",
        dtype: "fp32",
        created: new Date(0),
      },
    );
    base = await openBase(imported, "node");
    ({ texts } = JSON.parse(readFileSync(join(golden!, "hidden.json"), "utf8")) as {
      texts: string[];
    });
  });

  /** Largest difference of logits over all texts (and all pieces of them). */
  async function differenceTo(name: string, offset?: number): Promise<number> {
    const dir = join(golden!, name);
    const adapter = await readPeftAdapter(dir);
    const packed = await packAdapter(adapter, imported, { task: "golden", positionOffset: offset });
    const { task } = packed;
    const expected = readSafetensors(readFileSync(join(dir, "expected.safetensors"))).tensors.get(
      "logits",
    )!;
    const values = toFloat32(expected);
    const classes = expected.dims.at(-1)!;
    const rowSize = values.length / expected.dims[0]!;
    const answers = await answerTexts(
      base,
      task,
      texts.map((text) => ({ text })),
      { batchSize: 8 },
    );
    let worst = 0;
    for (const [b, { logits }] of answers.entries()) {
      // Token logits are those of the pieces, after [CLS].
      const first = b * rowSize + (task.manifest.type === "token" ? classes : 0);
      for (const [row, own] of logits.entries()) {
        own.forEach((value, c) => {
          worst = Math.max(worst, Math.abs(value - values[first + row * classes + c]!));
        });
      }
    }
    return worst;
  }

  test.each([
    "peft-seq",
    "peft-seq-projection",
    "peft-token",
    "peft-token-projection",
    "peft-lora-seq-qv",
    "peft-lora-seq-all-rslora",
    "peft-lora-seq-ranks",
    "peft-lora-token-all",
    "peft-lora-token-bias",
  ])("are reproduced from %s to 1e-4", async (name) => {
    expect(await differenceTo(name)).toBeLessThan(1e-4);
  });

  test("need the position offset: without it they are far off", async () => {
    expect(await differenceTo("peft-seq", 0)).toBeGreaterThan(1e-3);
  });
});
