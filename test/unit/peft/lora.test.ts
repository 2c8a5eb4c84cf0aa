/** LoRA of PEFT as a task's tensors, and what is no plain LoRA refused by name. */
import { beforeAll, describe, expect, test } from "vitest";
import { adapterTensors, readPeftAdapter } from "../../../scripts/peft/adapter.ts";
import { float32, toFloat32 } from "../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import { baseWeights } from "../../../src/encoder/base.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { adapterDir } from "../../support/peft-adapter.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

describe("a LoRA adapter", () => {
  let base: Base;
  beforeAll(async () => {
    base = await makeTinyBase({ dtype: "int8", seed: 1 });
  });

  const LORA = {
    peft_type: "LORA",
    r: 2,
    lora_alpha: 8,
    base_model_name_or_path: "tiny",
  };
  const MODULE = "base_model.model.bert.encoder.layer.0.attention.self.query";
  const ramp = (dims: number[]): Tensor =>
    float32(
      dims,
      Float32Array.from({ length: dims[0]! * (dims[1] ?? 1) }, (_, i) => (i % 7) - 3),
    );
  const loraDir = (
    config: Record<string, unknown> = {},
    tensors: Record<string, Tensor | null> = {},
  ): Promise<string> =>
    adapterDir(
      { ...LORA, ...config },
      {
        prompt_embeddings: null,
        [`${MODULE}.lora_A.weight`]: ramp([2, 32]),
        [`${MODULE}.lora_B.weight`]: ramp([32, 2]),
        ...tensors,
      },
    );
  const B = "encoder.layer.0.attention.self.query.lora_B.weight";
  const tensorsOf = async (dir: string) => adapterTensors(await readPeftAdapter(dir), base);

  // PEFT's scaling: alpha / r, with rsLoRA alpha / sqrt(r), alpha by the first pattern that matches.
  test.each([
    ["alpha / r", {}, 4],
    ["alpha / sqrt(r) with rsLoRA", { use_rslora: true }, 8 / Math.SQRT2],
    ["alpha_pattern by a suffix", { alpha_pattern: { "self.query": 3 } }, 1.5],
    ["alpha_pattern by an expression", { alpha_pattern: { "layer.[0-3].*query": 1 } }, 0.5],
    ["lora_alpha where no pattern matches", { alpha_pattern: { key: 1 } }, 4],
  ])("has B times %s", async (_, config, scale) => {
    const tensors = await tensorsOf(await loraDir(config));
    const expected = toFloat32(ramp([32, 2])).map((value) => value * scale);
    expect(tensors.get(B)!.data).toEqual(expected);
  });

  test("with biases has their difference to the base's", async () => {
    const own = baseWeights(base).get("encoder.layer.0.attention.self.query.bias")!;
    const bias = float32(
      [32],
      toFloat32(own).map((value) => value + 2),
    );
    const dir = await loraDir({ bias: "lora_only" }, { [`${MODULE}.base_layer.bias`]: bias });
    const tensors = await tensorsOf(dir);
    const deltas = tensors.get("bias_deltas")!.data;
    expect(deltas).toHaveLength(base.manifest.configuration.num_bias_deltas);
    expect(deltas.filter((value) => value !== 0)).toHaveLength(32);
    expect(deltas.reduce((sum, value) => sum + value, 0)).toBeCloseTo(64, 4);
    expect([...tensors.get("layer_weights")!.data]).toEqual([0, 0, 1]);
  });

  // The names that PEFT 0.21.2 saves with bias="all": the head's bias three times.
  test("with all biases has its head in modules_to_save, and the untrained one beside it", async () => {
    const head = "base_model.model.classifier";
    const dir = await loraDir(
      { bias: "all" },
      {
        "base_model.classifier.weight": null,
        "base_model.classifier.bias": null,
        [`${head}.weight`]: ramp([2, 32]),
        [`${head}.bias`]: ramp([2]),
        [`${head}.modules_to_save.bias`]: ramp([2]),
        [`${head}.original_module.bias`]: float32([2], new Float32Array([9, 9])),
      },
    );
    expect((await tensorsOf(dir)).get("classifier.bias")!.data).toEqual(ramp([2]).data);
  });

  test.each<[string, Record<string, unknown>, Record<string, Tensor | null>, string, RegExp]>([
    ["DoRA", { use_dora: true }, {}, "peft-unsupported", /"use_dora" is true/],
    ["another use", { use_qalora: true }, {}, "peft-unsupported", /"use_qalora"/],
    ["biases in B", { lora_bias: true }, {}, "peft-unsupported", /"lora_bias" is true/],
    ["repeated layers", { layer_replication: [[0, 2]] }, {}, "peft-unsupported", /replication/],
    ["PiSSA", { init_lora_weights: "pissa_niter_4" }, {}, "peft-unsupported", /own weights/],
    ["half a pair", {}, { [`${MODULE}.lora_B.weight`]: null }, "peft-invalid", /only one of/],
    ["a magnitude", {}, { [`${MODULE}.m`]: ramp([32]) }, "peft-invalid", /no part of LoRA/],
    [
      "an embedding",
      {},
      {
        "base_model.model.bert.embeddings.word.lora_A.weight": ramp([2, 32]),
        "base_model.model.bert.embeddings.word.lora_B.weight": ramp([32, 2]),
      },
      "prefix-base-mismatch",
      /no such linear in its layers/,
    ],
    [
      "another width",
      {},
      { [`${MODULE}.lora_A.weight`]: ramp([2, 48]) },
      "prefix-base-mismatch",
      /of \[48, 32\] by rank 2.*has \[32, 32\]/,
    ],
    [
      "two ranks",
      {},
      { [`${MODULE}.lora_A.weight`]: ramp([3, 32]) },
      "tensor-shape-mismatch",
      /\[r, in\]/,
    ],
    [
      "a bias outside of the layers",
      { bias: "all" },
      { "base_model.model.bert.embeddings.LayerNorm.bias": ramp([32]) },
      "prefix-base-mismatch",
      /outside the layers/,
    ],
  ])("with %s is refused by name", async (_, config, tensors, code, message) => {
    const failure = expect.objectContaining({ code, message: expect.stringMatching(message) });
    await expect(tensorsOf(await loraDir(config, tensors))).rejects.toEqual(failure);
  });
});
