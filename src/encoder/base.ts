/**
 * A base in memory: what `import`, `shrink` and `distill` pack and everything else reads. Where its
 * files come from and go to is not known here.
 */
import { readConfiguration } from "../core/format/configuration.ts";
import type { BaseConfiguration } from "../core/format/configuration.ts";
import {
  FORMAT_VERSION,
  baseIdentity,
  buildFile,
  ortBuild,
  readBaseManifest,
} from "../core/format/manifest.ts";
import type {
  BaseManifest,
  BasePooling,
  Fidelity,
  FileRef,
  Sha256,
  WeightDtype,
} from "../core/format/manifest.ts";
import { readRecord } from "../core/record.ts";
import { checkName } from "../core/format/keys.ts";
import { readSafetensors, writeSafetensors } from "../core/format/safetensors.ts";
import type { Tensor } from "../core/model/tensor.ts";
import { encodeUtf8, parseJson } from "../core/text.ts";
import type { GraphFiles } from "../engine/session.ts";
import { packGraph } from "../graph/encoding/pack.ts";
import { countDeltas } from "./forms/deltas.ts";
import type { Architecture, EncoderConfig } from "./families/architecture.ts";
import type { Weights } from "./layers/tensor-spec.ts";
import { architectureOf } from "./families/families.ts";
import { buildServingGraph } from "./forms/serving.ts";
import { dequantizeWeights } from "./quantize-weights.ts";

export const MANIFEST = "manifest.json";
export const CARD = "CARD.md";
const GRAPH = "model.onnx";
const POOLER = "pooler.safetensors";
const TOKENIZER = "tokenizer.json";
/**
 * Cloudflare's limit for one static asset (25 MiB). int8 bases keep below it in every file, but for a
 * word table that is larger by itself: such a base is served from R2.
 */
export const MAX_SHARD_BYTES = 25 * 1024 * 1024 - 1;

/** A base in memory. */
export interface Base {
  readonly manifest: BaseManifest;
  /** Every file of the folder by name, manifest.json and CARD.md included. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly graphFiles: GraphFiles;
}

export interface BaseParts {
  readonly name: string;
  readonly dtype: WeightDtype;
  readonly architecture: Architecture;
  /** config.json and tokenizer.json as they will stand in the folder. */
  readonly config: Uint8Array;
  readonly tokenizer: Uint8Array;
  /** In the form of the shards: linears [in, out], quantized where dtype is int8. */
  readonly weights: Weights;
  /** pooler.dense.weight and .bias, or null. */
  readonly pooler: Weights | null;
  /** How the checkpoint makes one vector of a text, where it says so. */
  readonly pooling: BasePooling | null;
  /**
   * Whether the graph takes low-rank changes; by default that of floats does, which is for measuring.
   * Our own kernels always take them.
   */
  readonly takesLowRank?: boolean;
  /** Hash of the weights before quantization. */
  readonly checkpoint: string;
  /** The text of CARD.md, made once the sizes are known. */
  readonly card: (manifest: BaseManifest) => string;
  readonly created: Date;
}

const refOf = async (bytes: Uint8Array, sha256: Sha256): Promise<FileRef> => ({
  sha256: await sha256(bytes),
  bytes: bytes.byteLength,
});

/** Builds the graph and all files of a base. */
export async function packBase(parts: BaseParts, sha256: Sha256): Promise<Base> {
  const { architecture, weights } = parts;
  const config = architecture.readConfig(parseJson(parts.config, "config.json"));
  const { takesLowRank = parts.dtype === "fp32" } = parts;
  const graph = buildServingGraph(architecture, config, weights, { takesLowRank });
  const graphFiles = packGraph(graph, {
    isExternal: (name) => weights.has(name),
    ...(parts.dtype === "int8" ? { maxShardBytes: MAX_SHARD_BYTES } : {}),
  });
  const serving = new Map<string, Uint8Array>([
    [GRAPH, graphFiles.graph],
    ...graphFiles.weights,
    ...(parts.pooler ? [[POOLER, writeSafetensors(parts.pooler)] as const] : []),
    [TOKENIZER, parts.tokenizer],
    ["config.json", parts.config],
  ]);
  const refs: Record<string, FileRef> = {};
  for (const [name, bytes] of serving) refs[name] = await refOf(bytes, sha256);
  const listed = {
    configuration: configurationOf(architecture, config),
    weights: [...graphFiles.weights.keys()],
    tokenizer: TOKENIZER,
    pooler: parts.pooler ? POOLER : null,
    files: refs,
  };
  const manifest: BaseManifest = {
    format_version: FORMAT_VERSION,
    kind: "base",
    name: checkName("base", parts.name),
    identity: await baseIdentity(listed, sha256),
    dtype: parts.dtype,
    ...listed,
    builds: { [ortBuild(parts.dtype)]: GRAPH },
    pooling: parts.pooling,
    checkpoint: parts.checkpoint,
    created: parts.created.toISOString(),
  };
  const files = new Map(serving);
  files.set(MANIFEST, manifestFile(manifest));
  files.set(CARD, encodeUtf8(parts.card(manifest)));
  // The manifest that was written is the one that readers will accept.
  await readBaseManifest(files.get(MANIFEST)!, sha256);
  return { manifest, files, graphFiles };
}

/** The base, with what its import has found beside its checkpoint; its identity stays. */
export function withFidelity(base: Base, fidelity: Fidelity): Base {
  const manifest = { ...base.manifest, fidelity };
  const files = new Map(base.files).set(MANIFEST, manifestFile(manifest));
  return { ...base, manifest, files };
}

const manifestFile = (manifest: BaseManifest): Uint8Array =>
  encodeUtf8(`${JSON.stringify(manifest, null, 2)}\n`);

/** The record `configuration` of a base's manifest. */
export const configurationOf = (
  architecture: Architecture,
  config: EncoderConfig,
): BaseConfiguration => {
  const settings = {
    ...architecture.writeConfig(config),
    first_position: config.firstPosition,
    num_bias_deltas: countDeltas(architecture, config),
  };
  return readConfiguration(readRecord(settings, "configuration", "config-invalid"));
};

/** Graph and weights out of all of a base's files. */
export function graphFilesOf(
  manifest: BaseManifest,
  files: ReadonlyMap<string, Uint8Array>,
): GraphFiles {
  return {
    graph: files.get(buildFile(manifest, ortBuild(manifest.dtype)))!,
    weights: new Map(manifest.weights.map((name) => [name, files.get(name)!])),
  };
}

/** The architecture of a base and its settings, as its manifest has them. */
export function baseConfig({ manifest }: Pick<Base, "manifest">): {
  architecture: Architecture;
  config: EncoderConfig;
} {
  const architecture = architectureOf(manifest.configuration);
  return { architecture, config: architecture.readConfig(manifest.configuration) };
}

/** All weights of a base as its shards hold them, quantized ones with their scales. */
export function baseWeights(base: Base): Map<string, Tensor> {
  const shards = base.manifest.weights.map((name) => readSafetensors(base.files.get(name)!, name));
  return new Map(shards.flatMap(({ tensors }) => [...tensors]));
}

/**
 * All weights of a base as float32 under the checkpoint's names, linears [in, out]: what a training
 * graph is built from.
 */
export function baseFloatWeights(base: Base): Map<string, Tensor> {
  const { architecture, config } = baseConfig(base);
  return dequantizeWeights(architecture, config, baseWeights(base));
}

/** The pooler's weights, null for a base without one. */
export function basePooler(base: Base): Weights | null {
  const { pooler } = base.manifest;
  return pooler === null ? null : readSafetensors(base.files.get(pooler)!, pooler).tensors;
}
