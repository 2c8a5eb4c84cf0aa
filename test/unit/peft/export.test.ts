/**
 * Tasks as adapters: what is exported comes back with every bit by import-peft, and what PEFT has no
 * place for is refused by name. test/golden/peft/round_trip.py holds the logits against PEFT's own.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { sha256 } from "../../../scripts/node/hash.ts";
import { readPeftAdapter } from "../../../scripts/peft/adapter.ts";
import { exportAdapter } from "../../../scripts/peft/export.ts";
import { packAdapter } from "../../../scripts/peft/pack-adapter.ts";
import { readSafetensors } from "../../../src/core/format/safetensors.ts";
import type { TaskSettings } from "../../../src/core/model/task.ts";
import { prefixWidth } from "../../../src/core/model/prefix.ts";
import { loraA, loraB } from "../../../src/core/model/low-rank.ts";
import { float32, toFloat32 } from "../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import { baseConfig } from "../../../src/encoder/base.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { lowRankLinears } from "../../../src/encoder/forms/low-rank.ts";
import { UNMEASURED, packTask } from "../../../src/learn/task/packed-task.ts";
import type { PackedTask } from "../../../src/learn/task/packed-task.ts";
import { derive, keyOf, normals } from "../../../src/learn/random.ts";
import { FAMILY_CONFIGS } from "../../support/family-bases.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

const P = 3;
const drawn = (name: string, dims: readonly number[]): Tensor =>
  float32(
    dims,
    normals(
      derive(keyOf(5), name),
      dims.reduce((a, b) => a * b, 1),
      0.5,
    ),
  );

const headOf = ({ manifest }: Base): [string, Tensor][] => [
  ["classifier.weight", drawn("weight", [2, manifest.configuration.hidden_size])],
  ["classifier.bias", drawn("bias", [2])],
];
const prefixOf = ({ manifest }: Base): [string, Tensor] => [
  "prompt_embeddings",
  drawn("prefix", [P, prefixWidth(manifest.configuration)]),
];
const loraOf = (base: Base): [string, Tensor][] =>
  lowRankLinears(baseConfig(base).config).flatMap(({ name, inputs, outputs }, i) => [
    [loraA(name), drawn(loraA(name), [1 + (i % 2), inputs])],
    [loraB(name), drawn(loraB(name), [outputs, 1 + (i % 2)])],
  ]);

function taskOf(
  base: Base,
  tensors: readonly [string, Tensor][],
  settings: Partial<TaskSettings> = {},
): Promise<PackedTask> {
  const isPrefix = tensors.some(([name]) => name === "prompt_embeddings");
  return packTask(
    {
      task: "mood",
      type: "sequence",
      problem_type: "single_label_classification",
      labels: ["down", "up"],
      num_virtual_tokens: isPrefix ? P : 0,
      position_offset: 0,
      pooling: "pooler",
      max_length: 64,
      ...UNMEASURED,
      created: "2026-01-01T00:00:00Z",
      ...settings,
    },
    base.manifest,
    new Map([...tensors, ...headOf(base)]),
    "float32",
    sha256,
  );
}

const exported = ({ task, prefixBytes }: PackedTask, base: Base, features = false) =>
  exportAdapter(task, prefixBytes, base, { model: "hub/tiny", features });

/** The adapter of a task, read as import-peft reads it. */
async function there(packed: PackedTask, base: Base, features = false): Promise<PackedTask> {
  const dir = await mkdtemp(join(tmpdir(), "edge-prefix-export-"));
  const { files } = exported(packed, base, features);
  for (const [name, bytes] of files) await writeFile(join(dir, name), bytes);
  return packAdapter(await readPeftAdapter(dir), base, { task: "mood" });
}

let bert: Base;
beforeAll(async () => {
  bert = await makeTinyBase({ dtype: "fp32", seed: 1 });
});

describe("a task with a prefix", () => {
  test("is prefix tuning, and comes back with every bit and where its texts begin", async () => {
    const packed = await taskOf(bert, [prefixOf(bert)]);
    expect(exported(packed, bert)).toMatchObject({ kind: "PREFIX_TUNING", taskType: "SEQ_CLS" });
    const { task, prefixBytes } = await there(packed, bert);
    expect(prefixBytes).toEqual(packed.prefixBytes);
    expect(task.manifest).toMatchObject({
      labels: ["down", "up"],
      position_offset: 0,
      pooling: "pooler",
    });
  });

  test("brings its positions: row P of the exported table is row 0 of the base's", async () => {
    const { files } = exported(await taskOf(bert, [prefixOf(bert)]), bert);
    const { tensors } = readSafetensors(files.get("adapter_model.safetensors")!);
    const name = "embeddings.position_embeddings.weight";
    const moved = toFloat32(tensors.get(`base_model.bert.${name}`)!);
    const shard = bert.files.get(bert.manifest.weights[0]!)!;
    const own = toFloat32(readSafetensors(shard).tensors.get(name)!);
    expect(moved.subarray(P * 32)).toEqual(own.subarray(0, own.length - P * 32));
    const config = JSON.parse(
      new TextDecoder().decode(files.get("adapter_config.json")),
    ) as unknown;
    expect(config).toMatchObject({
      modules_to_save: ["classifier", "bert.embeddings.position_embeddings"],
      base_model_name_or_path: "hub/tiny",
    });
  });

  test("that counts positions as PEFT does brings no table", async () => {
    const packed = await taskOf(bert, [prefixOf(bert)], { position_offset: P });
    const { tensors } = readSafetensors(
      exported(packed, bert).files.get("adapter_model.safetensors")!,
    );
    expect([...tensors.keys()].toSorted()).toEqual([
      "base_model.classifier.bias",
      "base_model.classifier.weight",
      "prompt_embeddings",
    ]);
    expect((await there(packed, bert)).task.manifest.position_offset).toBe(P);
  });

  test("has the width of key heads where several query heads share one", async () => {
    const config = FAMILY_CONFIGS["eurobert"]!;
    const base = await makeTinyBase({ dtype: "fp32", seed: 1, config });
    const packed = await taskOf(base, [prefixOf(base)], { pooling: "mean" });
    const { files } = exported(packed, base, true);
    // 2 key heads of 10: PEFT multiplies token_dim by 2 * num_layers.
    expect(JSON.parse(new TextDecoder().decode(files.get("adapter_config.json")))).toMatchObject({
      num_attention_heads: 2,
      token_dim: 20,
      task_type: "FEATURE_EXTRACTION",
    });
    const again = await there(packed, base, true);
    expect(again.prefixBytes).toEqual(packed.prefixBytes);
    expect(again.task.manifest).toMatchObject({ pooling: "mean", position_offset: 0 });
  });
});

test.each(Object.keys(FAMILY_CONFIGS))("LoRA on %s comes back with every bit", async (family) => {
  const config = FAMILY_CONFIGS[family]!;
  const base = await makeTinyBase({ dtype: "fp32", seed: 1, config });
  const packed = await taskOf(base, loraOf(base), { type: "token", pooling: "none" });
  const hasHead = family !== "modernbert";
  const again = await there(packed, base, !hasHead);
  expect(again.prefixBytes).toEqual(packed.prefixBytes);
  expect(again.task.manifest).toMatchObject({ type: "token", labels: ["down", "up"] });
});

test("LoRA with a changed bias comes back, and one with a changed norm is refused", async () => {
  const { num_bias_deltas: count } = bert.manifest.configuration;
  const change = (at: number): [string, Tensor][] => [
    ["bias_deltas", float32([count], new Float32Array(count).fill(0.5, at, at + 32))],
    ["layer_weights", float32([3], new Float32Array([0, 0, 1]))],
  ];
  const packed = await taskOf(bert, [...loraOf(bert), ...change(0)]);
  const { prefix } = (await there(packed, bert)).task;
  expect(prefix.deltas!.biasDeltas[0]).toBeCloseTo(0.5, 6);
  expect(prefix.deltas!.biasDeltas[32]).toBe(0);
  // Query, key, value and output have 32 biases each; then the norm's weights stand.
  const normed = await taskOf(bert, [...loraOf(bert), ...change(4 * 32)]);
  expect(() => exported(normed, bert)).toThrow(/LayerNorm\.weight/);
});

describe("what PEFT has no place for is refused by name:", () => {
  const transitions: [string, Tensor][] = [
    ["transitions", float32([2, 2], new Float32Array(4))],
    ["start_transitions", float32([2], new Float32Array(2))],
  ];
  const tags = { type: "token", pooling: "none" } as const;
  const mixed: [string, Tensor][] = [["layer_weights", float32([3], new Float32Array([0, 1, 0]))]];
  const deltas = (count: number): [string, Tensor][] => [
    ["bias_deltas", float32([count], new Float32Array(count))],
    ...mixed,
  ];
  test.each<[string, (base: Base) => [string, Tensor][], Partial<TaskSettings>, RegExp]>([
    ["a head alone", () => [], {}, /a head alone/],
    ["deltas", (b) => deltas(b.manifest.configuration.num_bias_deltas), {}, /bias_deltas/],
    ["a prefix beside LoRA", (b) => [prefixOf(b), ...loraOf(b)], {}, /at once/],
    ["tag transitions", (b) => [prefixOf(b), ...transitions], tags, /transitions .*--plain-head/],
    ["a mean", (b) => [prefixOf(b)], { pooling: "mean" }, /"mean".*--features/],
    ["LoRA that begins later", loraOf, { position_offset: 2 }, /position_offset 2/],
    [
      "mixed layers",
      (b) => [...loraOf(b), ...deltas(b.manifest.configuration.num_bias_deltas)],
      {},
      /layer_weights/,
    ],
  ])("%s", async (_, tensors, settings, message) => {
    const packed = await taskOf(bert, tensors(bert), settings);
    const attempt = () => exported(packed, bert);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: "peft-export-unsupported" }));
  });

  test.each([
    ["distilbert", /takes no past keys and values/],
    ["roberta", /more layers in its classifier/],
  ])("%s, whose model differs", async (family, message) => {
    const base = await makeTinyBase({ dtype: "fp32", seed: 1, config: FAMILY_CONFIGS[family]! });
    const isTags = family === "distilbert";
    const packed = await taskOf(base, [prefixOf(base)], isTags ? tags : { pooling: "cls" });
    expect(() => exported(packed, base)).toThrow(message);
  });
});

test("a position table of another model is refused", async () => {
  const other = await makeTinyBase({ dtype: "fp32", seed: 2 });
  const packed = await taskOf(other, [prefixOf(other)]);
  const dir = await mkdtemp(join(tmpdir(), "edge-prefix-export-"));
  for (const [name, bytes] of exported(packed, other).files)
    await writeFile(join(dir, name), bytes);
  const adapter = await readPeftAdapter(dir);
  await expect(packAdapter(adapter, bert, { task: "mood" })).rejects.toMatchObject({
    code: "prefix-base-mismatch",
  });
});
