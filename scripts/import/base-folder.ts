/**
 * A base: the folder that `import` and `shrink` write and that everything else reads. Packing
 * happens in memory, so tests need no disk; writing goes to a folder beside the target and ends in
 * one rename, so a killed import leaves no half base. Reading checks every file's hash.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { InputError, NotFoundError } from "../../src/core/errors.ts";
import { checkName } from "../../src/core/keys.ts";
import {
  FORMAT_VERSION,
  baseIdentity,
  checkFile,
  readBaseManifest,
} from "../../src/core/manifest.ts";
import type { BaseManifest, FileRef, WeightDtype } from "../../src/core/manifest.ts";
import { readSafetensors, writeSafetensors } from "../../src/core/safetensors.ts";
import type { Tensor } from "../../src/core/tensor.ts";
import { encodeUtf8, parseJson } from "../../src/core/text.ts";
import type { GraphFiles } from "../../src/runtime/session.ts";
import { packGraph } from "../onnx/pack.ts";
import { countDeltas } from "./additions.ts";
import type { Architecture, EncoderConfig, Weights } from "./architecture.ts";
import { architectureOf } from "./architectures.ts";
import { readIfThere } from "./checkpoint.ts";
import { buildServingGraph } from "./inputs.ts";
import { dequantizeWeights } from "./quantize-weights.ts";

const MANIFEST = "manifest.json";
const CARD = "CARD.md";
const GRAPH = "model.onnx";
const POOLER = "pooler.safetensors";
/** Names of the files that a base folder may hold. */
const BASE_FILE =
  /^(manifest\.json|CARD\.md|model\.onnx|weights-\d+\.safetensors|pooler\.safetensors|tokenizer\.json|config\.json)$/;
/** Cloudflare's limit for one static asset (25 MiB); int8 bases keep below it in every file. */
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
  /** Hash of the weights before quantization. */
  readonly checkpoint: string;
  /** The text of CARD.md, made once the sizes are known. */
  readonly card: (manifest: BaseManifest) => string;
  readonly created: Date;
}

/** SHA-256 as 64 hex digits; async, as core expects it. */
export const sha256 = (bytes: Uint8Array): Promise<string> => Promise.resolve(sha256Hex(bytes));

const sha256Hex = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const refOf = (bytes: Uint8Array): FileRef => ({
  sha256: sha256Hex(bytes),
  bytes: bytes.byteLength,
});

/** Builds the graph and all files of a base. */
export async function packBase(parts: BaseParts): Promise<Base> {
  const { architecture, weights } = parts;
  const config = architecture.readConfig(parseJson(parts.config, "config.json"));
  const graph = buildServingGraph(architecture, config, weights);
  const graphFiles = packGraph(graph, {
    isExternal: (name) => weights.has(name),
    ...(parts.dtype === "int8" ? { maxShardBytes: MAX_SHARD_BYTES } : {}),
  });
  const serving = new Map<string, Uint8Array>([
    [GRAPH, graphFiles.graph],
    ...graphFiles.weights,
    ...(parts.pooler ? [[POOLER, writeSafetensors(parts.pooler)] as const] : []),
    ["tokenizer.json", parts.tokenizer],
    ["config.json", parts.config],
  ]);
  const refs = Object.fromEntries([...serving].map(([name, bytes]) => [name, refOf(bytes)]));
  const manifest: BaseManifest = {
    format_version: FORMAT_VERSION,
    kind: "base",
    name: checkName("base", parts.name),
    model_type: config.modelType,
    dtype: parts.dtype,
    num_hidden_layers: config.layers,
    hidden_size: config.hidden,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    vocab_size: config.vocab,
    type_vocab_size: config.typeVocab,
    max_length: config.maxPositions - config.firstPosition,
    first_position: config.firstPosition,
    pad_token_id: config.padTokenId,
    num_bias_deltas: countDeltas(architecture, config),
    graph: GRAPH,
    weights: [...graphFiles.weights.keys()],
    tokenizer: "tokenizer.json",
    pooler: parts.pooler ? POOLER : null,
    files: refs,
    identity: await baseIdentity(refs, sha256),
    checkpoint: parts.checkpoint,
    created: parts.created.toISOString(),
  };
  const files = new Map(serving);
  files.set(MANIFEST, encodeUtf8(`${JSON.stringify(manifest, null, 2)}\n`));
  files.set(CARD, encodeUtf8(parts.card(manifest)));
  // The manifest that was written is the one that readers will accept.
  readBaseManifest(files.get(MANIFEST)!);
  return { manifest, files, graphFiles };
}

/**
 * Writes a base, whole or not at all. An existing base at `dir` is replaced; a folder that holds
 * anything else is left alone (InputError `folder-not-empty`).
 */
export async function writeBaseFolder(dir: string, base: Base): Promise<void> {
  const target = resolve(dir);
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  await checkReplaceable(target);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    for (const [name, bytes] of base.files) await writeFile(join(temporary, name), bytes);
    // Renames only from here on: at no moment is there half a base under the name.
    const old = `${temporary}.old`;
    const replaces = await rename(target, old).then(
      () => true,
      () => false,
    );
    await rename(temporary, target);
    if (replaces) await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Throws InputError `folder-not-empty` when `dir` holds a file that no base has. */
export async function checkReplaceable(dir: string): Promise<void> {
  const entries: string[] = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new InputError("folder-not-empty", `${dir}: is not a folder (${error.code})`, {
      cause: error,
    });
  });
  const other = entries.find((entry) => !BASE_FILE.test(entry));
  if (other === undefined) return;
  throw new InputError(
    "folder-not-empty",
    `${dir}: holds "${other}", which is no part of a base, and would be replaced; choose an empty or new folder`,
  );
}

/** Reads a base folder and checks every file against the manifest. */
export async function readBaseFolder(dir: string): Promise<Base> {
  const manifestBytes = await readIfThere(join(dir, MANIFEST));
  if (!manifestBytes) {
    throw new NotFoundError(
      "base-not-found",
      `base ${dir}: has no ${MANIFEST}; make one with \`edge-prefix import\``,
    );
  }
  const manifest = readBaseManifest(manifestBytes, join(dir, MANIFEST));
  const files = new Map<string, Uint8Array>([[MANIFEST, manifestBytes]]);
  for (const [name, ref] of Object.entries(manifest.files)) {
    const bytes = await readIfThere(join(dir, name));
    if (!bytes) {
      throw new NotFoundError(
        "base-incomplete",
        `base ${dir}: has no ${name}, which its manifest lists; import it again`,
      );
    }
    await checkFile(join(dir, name), bytes, ref, sha256);
    files.set(name, bytes);
  }
  const card = await readIfThere(join(dir, CARD));
  if (card) files.set(CARD, card);
  return { manifest, files, graphFiles: graphFilesOf(manifest, files) };
}

/** Graph and weights out of all of a base's files. */
export function graphFilesOf(
  manifest: BaseManifest,
  files: ReadonlyMap<string, Uint8Array>,
): GraphFiles {
  return {
    graph: files.get(manifest.graph)!,
    weights: new Map(manifest.weights.map((name) => [name, files.get(name)!])),
  };
}

/** The architecture of a base and its settings. */
export function baseConfig(base: Base): { architecture: Architecture; config: EncoderConfig } {
  const json = parseJson(base.files.get("config.json")!, "config.json");
  const architecture = architectureOf(json);
  return { architecture, config: architecture.readConfig(json) };
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
