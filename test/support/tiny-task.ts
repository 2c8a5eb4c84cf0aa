/**
 * Task artifacts of any kind from a seed, in memory: what `train` would have written for a tiny
 * base. Runs in Node and in workerd, so hashing is passed in.
 */
import { versionOf } from "../../src/core/format/keys.ts";
import { FORMAT_VERSION } from "../../src/core/format/manifest.ts";
import type { BaseManifest, Sha256, TaskManifest } from "../../src/core/format/manifest.ts";
import { prefixWidth } from "../../src/core/model/prefix.ts";
import { writeSafetensors } from "../../src/core/format/safetensors.ts";
import { loraA, loraB } from "../../src/core/model/low-rank.ts";
import {
  BIAS_DELTAS,
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  LAYER_WEIGHTS,
  PROMPT_EMBEDDINGS,
  sizeOf,
} from "../../src/core/model/shapes.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { architectureOf } from "../../src/encoder/families/families.ts";
import { lowRankLinears } from "../../src/encoder/forms/low-rank.ts";
import { encodeUtf8 } from "../../src/core/text.ts";

/** A version of a task as the bucket holds it: two blobs with their hashes. */
export interface TinyTask {
  readonly manifest: TaskManifest;
  readonly manifestBytes: Uint8Array;
  readonly manifestSha256: string;
  readonly prefixBytes: Uint8Array;
  readonly version: string;
}

export interface TinyTaskOptions {
  readonly task: string;
  /** Another seed gives other numbers, so another version. */
  readonly seed?: number;
  /** Fields of the manifest that differ from a sequence task with mean pooling and P = 3. */
  readonly manifest?: Partial<TaskManifest>;
  /** Changes the tensors before they are written, such as one number to NaN. */
  readonly damageTensors?: (tensors: Map<string, Tensor>) => unknown;
  /** Changes the bytes of the file; its hash is taken afterwards, so that it looks untouched. */
  readonly damageBytes?: (bytes: Uint8Array) => Uint8Array;
}

export async function makeTinyTask(
  base: BaseManifest,
  options: TinyTaskOptions,
  sha256: Sha256,
): Promise<TinyTask> {
  const { task, seed = 1, manifest: changes = {} } = options;
  const { type = "sequence", num_virtual_tokens = 3 } = changes;
  const labels = changes.labels ?? (type === "token" ? ["O", "B-PER", "I-PER"] : ["low", "high"]);
  const numbers = (...dims: number[]) =>
    float32(
      dims,
      Float32Array.from({ length: sizeOf(dims) }, (_, i) => Math.sin(i * 12.9898 + seed)),
    );
  const tensors = new Map<string, Tensor>([
    [PROMPT_EMBEDDINGS, numbers(num_virtual_tokens, prefixWidth(base.configuration))],
    [CLASSIFIER_WEIGHT, numbers(labels.length, base.configuration.hidden_size)],
    [CLASSIFIER_BIAS, numbers(labels.length)],
  ]);
  options.damageTensors?.(tensors);
  const written = writeSafetensors(tensors);
  const prefixBytes = options.damageBytes?.(written) ?? written;
  const manifest: TaskManifest = {
    format_version: FORMAT_VERSION,
    kind: "task",
    task,
    base: { name: base.name, identity: base.identity },
    type,
    problem_type: "single_label_classification",
    labels,
    num_virtual_tokens,
    position_offset: 0,
    pooling: type === "token" ? "none" : "mean",
    max_length: 64,
    temperature: 1,
    thresholds: null,
    other: null,
    prefix: { sha256: await sha256(prefixBytes), bytes: prefixBytes.byteLength },
    measured_on: null,
    examples: [],
    metrics: {},
    created: "2026-11-01T00:00:00.000Z",
    ...changes,
  };
  const manifestBytes = encodeUtf8(JSON.stringify(manifest));
  const manifestSha256 = await sha256(manifestBytes);
  return {
    manifest,
    manifestBytes,
    manifestSha256,
    prefixBytes,
    version: versionOf(manifestSha256),
  };
}

const waves = (length: number, size: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => size * Math.sin(i * 12.9898));

/** Gives a task's file what method bias trains, of numbers that differ. */
export const addDeltas =
  ({ configuration }: BaseManifest) =>
  (tensors: Map<string, Tensor>): void => {
    const { num_bias_deltas: W, num_hidden_layers: L } = configuration;
    tensors.set(BIAS_DELTAS, float32([W], waves(W, 0.2)));
    tensors.set(LAYER_WEIGHTS, float32([L + 1], waves(L + 1, 1)));
  };

/** Gives a task's file LoRA of every linear, of ranks 2 and 3 in turn. */
export const addLowRank =
  ({ configuration }: BaseManifest) =>
  (tensors: Map<string, Tensor>): void => {
    const linears = lowRankLinears(architectureOf(configuration).readConfig(configuration));
    for (const [i, { name, inputs, outputs }] of linears.entries()) {
      const rank = 2 + (i % 2);
      tensors.set(loraA(name), float32([rank, inputs], waves(rank * inputs, 0.2)));
      tensors.set(loraB(name), float32([outputs, rank], waves(outputs * rank, 0.2)));
    }
  };
