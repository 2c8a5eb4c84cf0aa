/** Bases whose files are put together by hand, as an engine that reads them piece by piece sees them. */
import { nodeKernels } from "../../scripts/node/runtime-simd.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { writeSafetensors } from "../../src/core/format/safetensors.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import type { Base } from "../../src/encoder/base.ts";
import { baseWeights } from "../../src/encoder/base.ts";
import type { BaseSource, Encoder } from "../../src/engine/engine.ts";
import { simdEngine } from "../../src/engine/simd/engine.ts";
import { piecesOf } from "./memory-store.ts";

/** Files of weights by name. */
export type Shards = Readonly<Record<string, Uint8Array>>;

/** The base with other files of weights; its manifest lists them. */
export function sourceOfShards(
  { manifest }: Pick<Base, "manifest">,
  shards: Shards,
  pieceBytes?: number,
): BaseSource {
  const files: Record<string, BaseManifest["files"][string]> = { ...manifest.files };
  for (const [name, { byteLength }] of Object.entries(shards)) {
    files[name] = { sha256: "0".repeat(64), bytes: byteLength };
  }
  return {
    manifest: Promise.resolve({ ...manifest, files, weights: Object.keys(shards) }),
    file: (name) => Promise.resolve(shards[name]!),
    stream: (name) => piecesOf(shards[name]!, pieceBytes),
    image: null,
  };
}

/** All weights of a base in one file, after `change`. */
export function shardOf(
  base: Base,
  change: (weights: Map<string, Tensor>) => void = () => undefined,
): Shards {
  const weights = baseWeights(base);
  change(weights);
  return { "weights-0.safetensors": writeSafetensors(weights) };
}

/** Loads a source on kernels of its own. */
export async function loadSimd(source: BaseSource, maxBytes = 2 ** 32): Promise<Encoder> {
  return (await simdEngine({ kernels: nodeKernels, maxBytes }).prepare(source))();
}
