/** openTask, the gate: whatever is wrong with a task's file is found here, by name, or nowhere. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../../../src/core/errors.ts";
import { readBaseManifest, readTaskManifest } from "../../../../src/core/format/manifest.ts";
import { writeSafetensors } from "../../../../src/core/format/safetensors.ts";
import { openPooler, openTask } from "../../../../src/core/format/task.ts";
import { float32, toFloat16 } from "../../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import { damagedBytes, formatError } from "../../../support/hostile.ts";
import { baseJson, hex, sha256, taskJson, toBytes } from "../../../support/manifests.ts";

const base = await readBaseManifest(toBytes(baseJson()), sha256); // L 2, N 2, D 4, H 8: a row of 32
const ramp = (dims: number[]) => {
  const size = dims.reduce((a, b) => a * b, 1);
  return float32(
    dims,
    Float32Array.from({ length: size }, (_, i) => i / 8),
  );
};
const whole = (...dims: number[]): Tensor => ({
  dtype: "int8",
  dims,
  data: new Int8Array(dims.reduce((a, b) => a * b, 1)).fill(1),
});
const [prototypes, narrow, empty] = [whole(2, 8), whole(2, 4), whole(0, 8)];
const other = { label: "other", similarity: 0.5, spread: 0.1 };
const good: Record<string, Tensor> = {
  prompt_embeddings: ramp([3, 32]),
  "classifier.weight": ramp([2, 8]),
  "classifier.bias": ramp([2]),
};

/** Opens a task with these tensors under a manifest that names the file truthfully. */
async function open(
  tensors: Record<string, Tensor | undefined>,
  changes: Record<string, unknown> = {},
  options = {},
) {
  const present = Object.entries(tensors).filter(
    (item): item is [string, Tensor] => item[1] !== undefined,
  );
  return openBytes(writeSafetensors(new Map(present)), changes, options);
}

async function openBytes(bytes: Uint8Array, changes: Record<string, unknown> = {}, options = {}) {
  const prefix = { sha256: await sha256(bytes), bytes: bytes.length };
  const manifest = readTaskManifest(toBytes(taskJson({ prefix, ...changes })));
  return openTask(manifest, "0123456789ab", bytes, base, sha256, options);
}

describe("openTask", () => {
  test("a good task opens", async () => {
    const task = await open(good);
    expect(task.version).toBe("0123456789ab");
    expect(task.manifest.task).toBe("sentiment");
    expect(task.prefix.numVirtualTokens).toBe(3);
    expect(task.prefix.layers).toHaveLength(2);
    expect([...task.prefix.layers[0]!.key.subarray(0, 4)]).toEqual([0, 1 / 8, 2 / 8, 3 / 8]);
    expect(task.head.weight).toEqual(good["classifier.weight"]!.data);
    expect(task.head.bias).toEqual(good["classifier.bias"]!.data);
  });

  test("a task that knows texts which fit no label has its prototypes", async () => {
    const { manifest, head } = await open({ ...good, prototypes }, { other });
    expect(manifest.other).toEqual(other);
    expect(head.prototypes!.directions).toHaveLength(16);
    expect((await open(good)).head.prototypes).toBeNull();
  });

  test("float16 as training writes it is widened", async () => {
    const half = Object.fromEntries(
      Object.entries(good).map(([name, { dims, data }]) => [
        name,
        { dtype: "float16", dims, data: toFloat16(data as Float32Array) } satisfies Tensor,
      ]),
    );
    expect((await open(half)).prefix).toEqual((await open(good)).prefix);
  });

  test("a task without virtual tokens needs no prefix, and may have an empty one", async () => {
    const none = { num_virtual_tokens: 0 };
    expect(
      (await open({ ...good, prompt_embeddings: undefined }, none)).prefix.numVirtualTokens,
    ).toBe(0);
    expect(
      (await open({ ...good, prompt_embeddings: ramp([0, 32]) }, none)).prefix.numVirtualTokens,
    ).toBe(0);
  });

  test("low-rank changes are read by the linear's name, B with its ranks as rows", async () => {
    const [a, b] = [ramp([2, 8]), ramp([4, 2])];
    const { lowRank } = (await open({ ...good, "x.lora_A.weight": a, "x.lora_B.weight": b }))
      .prefix;
    expect([...lowRank!.keys()]).toEqual(["x"]);
    expect(lowRank!.get("x")).toEqual({
      rank: 2,
      a: a.data,
      b: Float32Array.of(0, 2, 4, 6, 1, 3, 5, 7).map((value) => value / 8),
    });
    expect((await open(good)).prefix.lowRank).toBeNull();
  });

  const withNaN = (name: string): Tensor => {
    const tensor = good[name] as Tensor & { data: Float32Array };
    const data = tensor.data.slice();
    data[1] = NaN;
    return float32(tensor.dims, data);
  };
  const integers: Tensor = { dtype: "int32", dims: [2], data: Int32Array.of(1, 2) };
  const huge: Tensor = { dtype: "float64", dims: [2], data: Float64Array.of(0, 1e300) };
  test.each<[string, string, Record<string, Tensor | undefined>, Record<string, unknown>]>([
    ["no prefix", "tensor-missing", { prompt_embeddings: undefined }, {}],
    ["no head", "tensor-missing", { "classifier.weight": undefined }, {}],
    ["no bias", "tensor-missing", { "classifier.bias": undefined }, {}],
    [
      "a prefix for another width",
      "tensor-shape-mismatch",
      { prompt_embeddings: ramp([3, 64]) },
      {},
    ],
    ["a prefix of rank 3", "tensor-shape-mismatch", { prompt_embeddings: ramp([3, 4, 8]) }, {}],
    ["a prefix of another length", "tensor-shape-mismatch", {}, { num_virtual_tokens: 4 }],
    ["a prefix where none is promised", "tensor-shape-mismatch", {}, { num_virtual_tokens: 0 }],
    ["a transposed head", "tensor-shape-mismatch", { "classifier.weight": ramp([8, 2]) }, {}],
    ["a head for other labels", "tensor-shape-mismatch", {}, { labels: ["a", "b", "c"] }],
    ["a bias of another size", "tensor-shape-mismatch", { "classifier.bias": ramp([3]) }, {}],
    ["half a low-rank change", "tensor-missing", { "x.lora_A.weight": ramp([2, 8]) }, {}],
    [
      "a low-rank change of two ranks",
      "tensor-shape-mismatch",
      { "x.lora_A.weight": ramp([2, 8]), "x.lora_B.weight": ramp([8, 3]) },
      {},
    ],
    [
      "NaN in the prefix",
      "prefix-not-finite",
      { prompt_embeddings: withNaN("prompt_embeddings") },
      {},
    ],
    [
      "NaN in the head",
      "prefix-not-finite",
      { "classifier.weight": withNaN("classifier.weight") },
      {},
    ],
    ["NaN in the bias", "prefix-not-finite", { "classifier.bias": withNaN("classifier.bias") }, {}],
    ["a double beyond float32", "prefix-not-finite", { "classifier.bias": huge }, {}],
    ["integers", "tensor-dtype-mismatch", { "classifier.bias": integers }, {}],
    [
      "a base of another identity",
      "prefix-base-mismatch",
      {},
      { base: { name: "tiny", identity: hex("9") } },
    ],
    ["windows longer than the base's", "prefix-base-mismatch", {}, { max_length: 65 }],
    ["pooling by a pooler that the base lacks", "prefix-base-mismatch", {}, { pooling: "pooler" }],
    ["a label for texts that fit none, without prototypes", "tensor-missing", {}, { other }],
    ["prototypes without such a label", "tensor-unexpected", { prototypes }, {}],
    ["prototypes of another width", "tensor-shape-mismatch", { prototypes: narrow }, { other }],
    ["no prototype at all", "tensor-shape-mismatch", { prototypes: empty }, { other }],
    ["prototypes as floats", "tensor-dtype-mismatch", { prototypes: ramp([2, 8]) }, { other }],
    [
      "such a label beside labels of which several may be true",
      "task-manifest-invalid",
      { prototypes },
      { other, problem_type: "multi_label_classification" },
    ],
    [
      "a prefix file of another size",
      "file-hash-mismatch",
      {},
      { prefix: { sha256: hex("1"), bytes: 1 } },
    ],
  ])("refuses %s as %s, naming the task", async (_, code, tensors, changes) => {
    await expect(open({ ...good, ...tensors }, changes)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^task "sentiment": /) as string,
    });
  });

  describe("a token task", () => {
    const token = { type: "token", pooling: "none" };
    const words: Record<string, Tensor> = {
      "word_shapes.weight": ramp([2, 6]),
      transitions: ramp([2, 2]),
      start_transitions: ramp([2]),
    };

    test("may read word shapes and have transitions", async () => {
      const { head } = await open({ ...good, ...words }, token);
      expect(head.shapeWeight).toEqual(words["word_shapes.weight"]!.data);
      expect(head.transitions).toEqual({
        between: words["transitions"]!.data,
        start: words["start_transitions"]!.data,
      });
    });

    test("or neither", async () => {
      const none = { shapeWeight: null, transitions: null };
      expect((await open(good, token)).head).toMatchObject(none);
    });

    test.each(Object.keys(words))("alone may have %s", async (name) => {
      await expect(open({ ...good, [name]: words[name]! })).rejects.toMatchObject({
        code: "tensor-unexpected",
        message: expect.stringContaining(name) as string,
      });
    });

    test("has no more labels than can be chosen together", async () => {
      const labels = Array.from({ length: 129 }, (_, i) => `L${i}`);
      const [, hiddenSize] = good["classifier.weight"]!.dims;
      const tensors = {
        ...good,
        "classifier.weight": ramp([129, hiddenSize!]),
        "classifier.bias": ramp([129]),
      };
      await expect(open(tensors, { ...token, labels })).resolves.toBeDefined();
      const chained = { transitions: ramp([129, 129]), start_transitions: ramp([129]) };
      await expect(open({ ...tensors, ...chained }, { ...token, labels })).rejects.toMatchObject({
        code: "too-many-labels",
      });
    });

    test.each([
      ["shapes of another count", "tensor-shape-mismatch", { "word_shapes.weight": ramp([2, 5]) }],
      ["transitions between other labels", "tensor-shape-mismatch", { transitions: ramp([3, 3]) }],
      ["a start for other labels", "tensor-shape-mismatch", { start_transitions: ramp([3]) }],
      ["transitions without a start", "tensor-missing", { start_transitions: undefined }],
      ["a start without transitions", "tensor-missing", { transitions: undefined }],
      [
        "a transition that is no number",
        "prefix-not-finite",
        { transitions: float32([2, 2], Float32Array.of(0, NaN, 0, 0)) },
      ],
    ])("is refused with %s", async (_, code, tensors) => {
      await expect(open({ ...good, ...words, ...tensors }, token)).rejects.toMatchObject({ code });
    });
  });

  test("refuses bytes that are not what the manifest promised", async () => {
    const bytes = writeSafetensors(new Map(Object.entries(good)));
    const prefix = { sha256: await sha256(bytes), bytes: bytes.length };
    bytes[bytes.length - 1]! ^= 1;
    await expect(openBytes(bytes, { prefix })).rejects.toMatchObject({
      code: "file-hash-mismatch",
    });
    await expect(openBytes(bytes.subarray(0, -1), { prefix })).rejects.toMatchObject({
      code: "file-hash-mismatch",
    });
  });

  test("another import of the same checkpoint is allowed when the caller says so, its limits still hold", async () => {
    const other = { base: { name: "tiny-fp32", identity: hex("9") } };
    await expect(open(good, other, { anyImport: true })).resolves.toBeDefined();
    await expect(
      open(good, { ...other, max_length: 65 }, { anyImport: true }),
    ).rejects.toMatchObject({
      code: "prefix-base-mismatch",
    });
  });

  test("seeded fuzz: a damaged file under a truthful manifest is a task or a FormatError, nothing else", async () => {
    const bytes = writeSafetensors(new Map(Object.entries(good)));
    await fc.assert(
      fc.asyncProperty(damagedBytes(bytes), async (input) => {
        try {
          const { prefix, head } = await openBytes(input);
          for (const values of [
            head.weight,
            head.bias,
            ...prefix.layers.flatMap(({ key, value }) => [key, value]),
          ]) {
            expect(values.every(Number.isFinite)).toBe(true);
          }
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }),
      { seed: 41, numRuns: 1000 },
    );
  });
});

describe("openPooler", () => {
  const pooler = { "pooler.dense.weight": ramp([8, 8]), "pooler.dense.bias": ramp([8]) };
  const fileOf = (tensors: Record<string, Tensor>) =>
    writeSafetensors(new Map(Object.entries(tensors)));

  test("opens the checkpoint's own layer", () => {
    const { weight, bias } = openPooler(fileOf(pooler), base);
    expect(weight).toEqual(pooler["pooler.dense.weight"].data);
    expect(bias).toHaveLength(8);
  });

  test.each([
    ["tensor-missing", { "pooler.dense.bias": ramp([8]) }],
    ["tensor-shape-mismatch", { ...pooler, "pooler.dense.weight": ramp([8, 4]) }],
    ["tensor-shape-mismatch", { ...pooler, "pooler.dense.bias": ramp([9]) }],
  ] as [string, Record<string, Tensor>][])("refuses a file with %s", (code, tensors) => {
    const error = formatError(() => openPooler(fileOf(tensors), base));
    expect(error.code).toBe(code);
    expect(error.message).toContain('base "tiny": pooler.safetensors');
  });
});
