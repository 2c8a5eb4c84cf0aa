/** Tasks made of random numbers, for measurements and tests in which the answers do not matter. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import { versionOf } from "../../src/core/format/keys.ts";
import { FORMAT_VERSION } from "../../src/core/format/manifest.ts";
import type { BaseManifest, TaskManifest } from "../../src/core/format/manifest.ts";
import { prefixWidth } from "../../src/core/model/prefix.ts";
import { writeSafetensors } from "../../src/core/format/safetensors.ts";
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  PROMPT_EMBEDDINGS,
} from "../../src/core/model/shapes.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { sha256Hex } from "../../scripts/node/hash.ts";

export interface MadeTask {
  readonly json: TaskManifest;
  /** `json` as a file. */
  readonly manifest: Uint8Array;
  readonly prefix: Uint8Array;
  readonly version: string;
}

export interface MadeTaskOptions {
  readonly task: string;
  /** Another seed gives other numbers, so another version. */
  readonly seed?: number | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly numVirtualTokens?: number | undefined;
  /** 256 unless it is said; never more than the base reads. */
  readonly maxLength?: number | undefined;
}

/** A sequence task with mean pooling and numbers from a seed, as `train` would leave it: two files. */
export function makeTask(
  base: BaseManifest,
  {
    task,
    seed = 1,
    labels = ["negative", "positive"],
    numVirtualTokens = 16,
    maxLength = 256,
  }: MadeTaskOptions,
): MadeTask {
  const numbers = (...dims: number[]) =>
    float32(
      dims,
      Float32Array.from(
        { length: dims.reduce((product, dim) => product * dim, 1) },
        (_, i) => Math.sin(i * 12.9898 + seed) / 2,
      ),
    );
  const prefix = writeSafetensors(
    new Map([
      [PROMPT_EMBEDDINGS, numbers(numVirtualTokens, prefixWidth(base.configuration))],
      [CLASSIFIER_WEIGHT, numbers(labels.length, base.configuration.hidden_size)],
      [CLASSIFIER_BIAS, numbers(labels.length)],
    ]),
  );
  const json: TaskManifest = {
    format_version: FORMAT_VERSION,
    kind: "task",
    task,
    base: { name: base.name, identity: base.identity },
    type: "sequence",
    problem_type: "single_label_classification",
    labels,
    num_virtual_tokens: numVirtualTokens,
    position_offset: 0,
    pooling: "mean",
    max_length: Math.min(maxLength, maxLengthOf(base.configuration)),
    temperature: 1,
    thresholds: null,
    other: null,
    prefix: { sha256: sha256Hex(prefix), bytes: prefix.byteLength },
    measured_on: null,
    examples: [],
    metrics: {},
    created: new Date(0).toISOString(),
  };
  const manifest = encodeUtf8(JSON.stringify(json));
  return { json, manifest, prefix, version: versionOf(sha256Hex(manifest)) };
}

/** Leaves a task of `makeTask` in a folder, as `train` would; returns the folder. */
export async function writeTask(
  folder: string,
  { manifest, prefix }: Pick<MadeTask, "manifest" | "prefix">,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "manifest.json"), manifest);
  await writeFile(join(folder, "prefix.safetensors"), prefix);
  return folder;
}
