/** The families' checkpoints and expected values in test/golden/encoder (see cut_golden.py there). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { importCheckpoint } from "../../scripts/base/convert.ts";
import { createNodeSession } from "../../scripts/node/runtime-node.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import { toFloat32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import type { Base } from "../../src/encoder/base.ts";
import { tinyTokenizerJson } from "./tiny-base.ts";

/** Width of the hidden states. */
export const GOLDEN_HIDDEN = 48;

/** A tiny checkpoint and the values that PyTorch computed with it. */
export interface Golden {
  readonly config: Record<string, unknown>;
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly lengths: readonly number[];
  readonly ids: readonly (readonly number[])[];
  /** A tensor of the expected values. */
  values(name: string): Float32Array;
  /** The rows of each text. */
  byText(name: string): Float32Array[];
}

export function readGolden(family: string): Golden {
  const path = join(import.meta.dirname, "..", "golden", "encoder", family);
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(`${path}.safetensors`)), family);
  const at = (name: string): Tensor => tensors.get(`golden.${name}`)!;
  const lengths = Array.from(at("lengths").data, Number);
  const ids = Array.from(at("input_ids").data, Number);
  const starts = lengths.map((_, b) => lengths.slice(0, b).reduce((sum, n) => sum + n, 0));
  return {
    config: JSON.parse(readFileSync(`${path}.json`, "utf8")) as Record<string, unknown>,
    weights: new Map([...tensors].filter(([name]) => !name.startsWith("golden."))),
    lengths,
    ids: starts.map((start, b) => ids.slice(start, start + lengths[b]!)),
    values: (name) => toFloat32(at(name)),
    byText: (name) =>
      starts.map((start, b) =>
        toFloat32(at(name)).subarray(start * GOLDEN_HIDDEN, (start + lengths[b]!) * GOLDEN_HIDDEN),
      ),
  };
}

/** Any tokenizer whose few ids and one type are in the tables of every family. */
const TOKENIZER = JSON.stringify(
  tinyTokenizerJson(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]),
).replaceAll('"type_id":1', '"type_id":0');

/** The checkpoint as a base. */
export function makeGoldenBase({ config, weights }: Golden, dtype: "fp32" | "int8"): Promise<Base> {
  const checkpoint = {
    source: "test/golden/encoder",
    config: encodeUtf8(JSON.stringify(config)),
    tokenizer: encodeUtf8(TOKENIZER),
    tensors: weights,
    unread: new Map(),
    licence: null,
    pooling: { pooling: null, notes: [] },
  };
  const options = { name: "golden", created: new Date(0) };
  return dtype === "fp32"
    ? importCheckpoint(checkpoint, { ...options, dtype })
    : importCheckpoint(checkpoint, { ...options, dtype, openSession: createNodeSession });
}
