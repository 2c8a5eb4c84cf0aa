/**
 * Files of weights that are nearly right, for the loader of our own kernels: what it takes, a run must
 * be able to use, and it may write nowhere but where its tensors belong.
 */
import fc from "./properties.ts";
import { expect } from "vitest";
import { nodeKernels } from "../../scripts/node/runtime-simd.ts";
import { EdgePrefixError } from "../../src/core/errors.ts";
import { writeSafetensors } from "../../src/core/format/safetensors.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import { sizeOf } from "../../src/core/model/shapes.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { Angles } from "../../src/engine/simd/angles.ts";
import { batchOf } from "../../src/engine/simd/batch.ts";
import { Heap, PlaceCount } from "../../src/engine/simd/heap.ts";
import { layOut } from "../../src/engine/simd/layout.ts";
import type { Layout, Slot } from "../../src/engine/simd/layout.ts";
import { WeightLoader } from "../../src/engine/simd/loader.ts";
import type { Model } from "../../src/engine/simd/model.ts";
import { runBatch } from "../../src/engine/simd/run.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import { deltaSpecs } from "../../src/encoder/forms/deltas.ts";
import { damaged, damagedBytes } from "./hostile.ts";
import { fileOf, headerOf } from "./safetensors-files.ts";

const CONFIG = {
  model_type: "bert",
  hidden_size: 12,
  num_attention_heads: 1,
  num_hidden_layers: 1,
  intermediate_size: 18,
  vocab_size: 11,
  type_vocab_size: 2,
  max_position_embeddings: 16,
};
const architecture = architectureOf(CONFIG);
const config = architecture.readConfig(CONFIG);
const deltas = deltaSpecs(architecture, config);
const layout = (places: Heap | PlaceCount): Layout => layOut(config, deltas, places);

/** A tensor that fits its slot. */
function tensorOf(slot: Slot): Tensor {
  const wave = (count: number) => Array.from({ length: count }, (_, i) => Math.sin(i));
  if (slot.kind === "floats") {
    return float32(slot.dims, Float32Array.from(wave(sizeOf(slot.dims))));
  }
  if (slot.kind === "table") {
    const dims = [slot.rows, slot.width];
    return { dtype: "int8", dims, data: Int8Array.from(wave(sizeOf(dims)), (x) => 100 * x) };
  }
  const { dims } = slot;
  return { dtype: "uint8", dims, data: Uint8Array.from(wave(sizeOf(dims)), (x) => 128 + 100 * x) };
}

const GOOD = writeSafetensors(
  new Map([...layout(new PlaceCount()).slots].map(([name, slot]) => [name, tensorOf(slot)])),
);
const HEADER: unknown = JSON.parse(headerOf(GOOD));
const DATA_BYTES = GOOD.byteLength - 8 - Buffer.byteLength(headerOf(GOOD));

export interface WeightsInput {
  readonly file: Uint8Array;
  /** What the manifest says of its length, less what it is. */
  readonly lie: number;
  readonly pieceBytes: number;
}

export const weightsInput: fc.Arbitrary<WeightsInput> = fc.record({
  file: fc.oneof(
    { weight: 4, arbitrary: damagedBytes(GOOD) },
    { weight: 4, arbitrary: damaged(HEADER).map((header) => fileOf(header, DATA_BYTES)) },
    { weight: 1, arbitrary: fc.constant(GOOD) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  ),
  lie: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: -50, max: 50 })),
  pieceBytes: fc.integer({ min: 1, max: 3_000 }),
});

const GUARD = 0x5a;
const GUARD_BYTES = 256;
const MAX_BYTES = 4 * 65_536;

const kernels = nodeKernels();
const heap = new Heap(kernels, MAX_BYTES);
kernels.memory.grow((MAX_BYTES - heap.memoryBytes) / 65_536);
const below = heap.allocate(GUARD_BYTES);
const start = heap.top;
const above = MAX_BYTES - GUARD_BYTES;

/** "read" or "refused"; fails on any other error, and on a byte outside of what was allocated. */
export function checkWeights({ file, lie, pieceBytes }: WeightsInput): string {
  heap.bytes(below, GUARD_BYTES).fill(GUARD);
  heap.bytes(above, GUARD_BYTES).fill(GUARD);
  const verdict = load(file, Math.max(0, file.byteLength + lie), pieceBytes);
  for (const at of [below, above]) {
    if (heap.bytes(at, GUARD_BYTES).some((byte) => byte !== GUARD)) expect.fail("wrote outside");
  }
  return verdict;
}

function load(file: Uint8Array, fileBytes: number, pieceBytes: number): string {
  heap.reset(start);
  let model: Model;
  try {
    const loader = new WeightLoader(kernels, heap, layout(heap));
    const stream = loader.open("weights", fileBytes);
    for (let at = 0; at < file.byteLength; at += pieceBytes) {
      stream.write(file.subarray(at, at + pieceBytes));
    }
    stream.end();
    model = loader.finish();
  } catch (error) {
    if (error instanceof EdgePrefixError) return "refused";
    throw error;
  }
  run(model);
  return "read";
}

function run(model: Model): void {
  const row = {
    ids: Int32Array.of(0, 10, 3),
    typeIds: Int32Array.of(0, 1, 1),
    prefix: emptyPrefix({
      num_hidden_layers: 1,
      num_key_value_heads: 1,
      head_dim: 12,
      num_bias_deltas: model.numDeltas,
    }),
    positionOffset: 13,
  };
  const machine = { kernels, heap, model, angles: new Angles(model.head) };
  const steps = runBatch(machine, batchOf([row], "all", model));
  let step = steps.next();
  while (!step.done) step = steps.next();
  expect(step.value.dims).toEqual([1, 3, 12]);
}
