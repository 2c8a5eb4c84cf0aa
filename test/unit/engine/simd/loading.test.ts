/** How weights get into the kernels' memory: in any pieces, from any number of files, or not at all. */
import fc from "../../../support/properties.ts";
import { beforeAll, describe, expect, it } from "vitest";
import { sourceOf } from "../../../../src/encoder/loaded-base.ts";
import { writeSafetensors } from "../../../../src/core/format/safetensors.ts";
import { emptyPrefix } from "../../../../src/core/model/prefix.ts";
import type { Row } from "../../../../src/core/model/rows.ts";
import { float32 } from "../../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import { baseWeights } from "../../../../src/encoder/base.ts";
import type { Base } from "../../../../src/encoder/base.ts";
import type { BaseSource, Encoder } from "../../../../src/engine/engine.ts";
import { nodeKernels } from "../../../../scripts/node/runtime-simd.ts";
import { simdEngine } from "../../../../src/engine/simd/engine.ts";
import { loadSimd, shardOf, sourceOfShards } from "../../../support/simd-base.ts";
import { makeTinyBase } from "../../../support/tiny-base.ts";

const FIRST_LAYER = "encoder.layer.0.output.dense.weight";
const NORM = "encoder.layer.1.output.LayerNorm.bias";

let base: Base;
let expected: Float32Array;
/** A base of widths that are no multiples of 8, which have zeros behind them in memory. */
let odd: Base;

beforeAll(async () => {
  base = await makeTinyBase({ dtype: "int8", seed: 1 });
  expected = await statesOf(await loadSimd(sourceOf(base)));
  const config = { hidden_size: 44, intermediate_size: 71 };
  odd = await makeTinyBase({ dtype: "int8", seed: 1, config });
});

async function statesOf(encoder: Encoder): Promise<Float32Array> {
  const row: Row = {
    ids: Int32Array.of(2, 100, 101, 50, 3),
    typeIds: Int32Array.of(0, 0, 1, 1, 1),
    prefix: emptyPrefix(base.manifest.configuration),
    positionOffset: 1,
  };
  return (await encoder.encode([row], "all")).values;
}

/** The error of the function that loads; preparing must not fail. */
async function refusalOf(source: BaseSource, maxBytes?: number): Promise<unknown> {
  const engine = simdEngine({ kernels: nodeKernels, maxBytes: maxBytes ?? 2 ** 32 });
  const load = await engine.prepare(source);
  return load().then(
    () => expect.fail("the base was loaded"),
    (error: unknown) => error,
  );
}

describe("a base's weights", () => {
  it("are the same in whatever pieces they arrive", async () => {
    for (const each of [base, odd]) {
      const shards = shardOf(each);
      const whole = await statesOf(await loadSimd(sourceOf(each)));
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 40_000 }), async (pieceBytes) => {
          const encoder = await loadSimd(sourceOfShards(each, shards, pieceBytes));
          expect(await statesOf(encoder)).toEqual(whole);
        }),
        { numRuns: 10 },
      );
    }
  });

  it("say the same as bytes, as floats and as halves of bytes, at widths of any size", async () => {
    const name = "embeddings.word_embeddings.weight";
    const levels = Array.from({ length: 200 * 44 }, (_, i) => ((i * 7) % 16) - 8);
    const dims = [200, 44];
    const scale = 0.05;
    const halves = Uint8Array.from(
      { length: levels.length / 2 },
      (_, i) => levels[2 * i]! + 8 + 16 * (levels[2 * i + 1]! + 8),
    );
    const forms: readonly Tensor[] = [
      float32(
        dims,
        Float32Array.from(levels, (level) => Math.fround(level * Math.fround(scale))),
      ),
      { dtype: "int8", dims, data: Int8Array.from(levels) },
      { dtype: "uint8", dims, data: Uint8Array.from(levels, (level) => level + 128) },
      { dtype: "uint8", dims: [200, 22], data: halves },
    ];
    const found: Float32Array[] = [];
    for (const form of forms) {
      const shards = shardOf(odd, (all) => {
        all.set(name, form);
        all.set(`${name}_scale`, float32([200, 1], new Float32Array(200).fill(scale)));
      });
      found.push(await statesOf(await loadSimd(sourceOfShards(odd, shards))));
    }
    expect(found[0]!.some(Number.isNaN)).toBe(false);
    for (const states of found) expect(states).toEqual(found[0]);
  });

  it("may be spread over files in any way", async () => {
    const weights = [...baseWeights(base)];
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat({ max: 2 })), async (choices) => {
        const files: Map<string, Tensor>[] = [new Map(), new Map(), new Map()];
        for (const [name, tensor] of weights) files[choices.next().value!]!.set(name, tensor);
        const shards = files.map((file, i) => [`weights-${i}`, writeSafetensors(file)] as const);
        const encoder = await loadSimd(sourceOfShards(base, Object.fromEntries(shards)));
        expect(await statesOf(encoder)).toEqual(expected);
      }),
      { numRuns: 10 },
    );
  });

  it("may have tensors beside them that no layer reads", async () => {
    const shards = shardOf(base, (all) => void all.set("other", float32([3], new Float32Array(3))));
    expect(await statesOf(await loadSimd(sourceOfShards(base, shards)))).toEqual(expected);
  });

  it("need no scales of their input, which are ones then", async () => {
    const scales = [...baseWeights(base).keys()].filter((name) => name.endsWith("input_scale"));
    const ones = shardOf(base, (all) => {
      for (const name of scales) all.set(name, float32([32], new Float32Array(32).fill(1)));
    });
    const none = shardOf(base, (all) => {
      for (const name of scales) all.delete(name);
    });
    expect(scales).toHaveLength(4);
    const states = await statesOf(await loadSimd(sourceOfShards(base, none)));
    expect(states).toEqual(await statesOf(await loadSimd(sourceOfShards(base, ones))));
    expect(states).not.toEqual(expected);
  });
});

/** What is wrong, how that is done to the weights, and what the error says. */
const WRONGS: readonly [string, (all: Map<string, Tensor>) => void, string][] = [
  ["lack a matrix", (all) => void all.delete(FIRST_LAYER), `"${FIRST_LAYER}": the weights do not`],
  ["lack a vector", (all) => void all.delete(NORM), `"${NORM}": the weights do not`],
  [
    "lack the scales of the words",
    (all) => void all.delete("embeddings.word_embeddings.weight_scale"),
    "word_embeddings.weight_scale",
  ],
  [
    "have a matrix of floats",
    (all) => void all.set(FIRST_LAYER, float32([64, 32], new Float32Array(2048))),
    "dtype is float32, expected uint8",
  ],
  [
    "have a matrix of another shape",
    (all) =>
      void all.set(FIRST_LAYER, { dtype: "uint8", dims: [32, 64], data: new Uint8Array(2048) }),
    "shape is [32, 64], expected [64, 32]",
  ],
  [
    "have a vector of another length",
    (all) => void all.set(NORM, float32([31], new Float32Array(31))),
    "shape is [31], expected [32]",
  ],
  [
    "have words of another width",
    (all) =>
      void all.set("embeddings.word_embeddings.weight", {
        dtype: "int8",
        dims: [200, 31],
        data: new Int8Array(6200),
      }),
    "is int8 [200, 31]",
  ],
  [
    "have a number that is not finite",
    (all) => void all.set(NORM, float32([32], new Float32Array(32).fill(NaN, 7, 8))),
    "element 7 is NaN or infinite",
  ],
];

describe("a base is refused", () => {
  it.each(WRONGS)("whose weights %s", async (_, change, message) => {
    const error = await refusalOf(sourceOfShards(base, shardOf(base, change)));
    expect(error).toMatchObject({ code: "weights-invalid" });
    expect(String(error)).toContain(message);
  });

  it("that has a tensor in two of its files", async () => {
    const [shard] = Object.values(shardOf(base));
    const error = await refusalOf(sourceOfShards(base, { a: shard!, b: shard! }));
    expect(error).toMatchObject({ code: "weights-invalid" });
    expect(String(error)).toContain("is in another file, too");
  });

  it.each([
    ["ends early", -1, "ends after"],
    ["goes on", 1, "goes on after"],
  ])("whose file %s", async (_, change, message) => {
    const [shard] = Object.values(shardOf(base));
    const source = sourceOfShards(base, { a: shard! });
    const other = new Uint8Array(shard!.length + change);
    other.set(shard!.subarray(0, other.length));
    const stream = sourceOfShards(base, { a: other }).stream;
    const error = await refusalOf({ ...source, stream });
    expect(error).toMatchObject({ code: "weights-invalid" });
    expect(String(error)).toContain(message);
  });

  it("that has float weights, with a hint, and nothing of it is read", async () => {
    const floats = await makeTinyBase({ dtype: "fp32", seed: 1 });
    const error = await refusalOf({ ...sourceOf(floats), stream: unread });
    expect(error).toMatchObject({ code: "engine-unsupported" });
    expect(String(error)).toContain("import it with --dtype int8");
  });

  it("that does not fit into the memory, with the numbers, and nothing of it is read", async () => {
    const error = await refusalOf({ ...sourceOf(base), stream: unread }, 200_000);
    expect(error).toMatchObject({ code: "base-too-large" });
    expect(String(error)).toMatch(
      /needs \d+ bytes of memory \(\d+ for its weights, \d+ for a run of 128 tokens\), allowed are \d+/,
    );
  });

  it("whose heads are longer than the kernels take", async () => {
    const config = { hidden_size: 129, num_attention_heads: 1 };
    const odd = await makeTinyBase({ dtype: "int8", seed: 1, config });
    const error = await refusalOf({ ...sourceOf(odd), stream: unread });
    expect(error).toMatchObject({ code: "engine-unsupported" });
    expect(String(error)).toContain("head_dim is 129, allowed are 128");
  });
});

describe("a header", () => {
  it.each([
    ["of no bytes", 0, "does not start with"],
    ["that is longer than the file", 100, "header claims 100 bytes"],
    ["that is longer than any memory", 2 ** 31, "header claims 2147483648 bytes"],
  ])("%s is refused", async (_, length, message) => {
    const file = new Uint8Array(64);
    new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
    const error = await refusalOf(sourceOfShards(base, { a: file }, 3));
    expect(error).toMatchObject({ code: "weights-invalid" });
    expect(String(error)).toContain(message);
  });
});

describe("what a source throws", () => {
  it("is no refusal of the base, even where its weights are wrong, too", async () => {
    const shards = shardOf(base, (all) => void all.delete(FIRST_LAYER));
    const source = sourceOfShards(base, shards);
    async function* damaged(name: string): AsyncGenerator<Uint8Array> {
      yield* source.stream(name);
      throw new Error("the hash is another");
    }
    const engine = simdEngine({ kernels: nodeKernels, maxBytes: 2 ** 32 });
    await expect(engine.prepare({ ...source, stream: damaged })).rejects.toThrow("the hash");
  });
});

/** A stream that no test may read. */
const unread = (): never => expect.fail("a file was read");
