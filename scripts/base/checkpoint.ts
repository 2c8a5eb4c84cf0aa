/**
 * Reads a Hugging Face checkpoint folder: config.json, tokenizer.json and safetensors weights, one
 * file or shards with an index. Then picks the tensors that an architecture wants: every one must
 * be there, in its shape, and none may be left over without a reason.
 */
import { readIfThere } from "../node/files.ts";
import { join } from "node:path";
import { FormatError, NotFoundError } from "../../src/core/errors.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import { float32, toFloat32 } from "../../src/core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../src/core/model/tensor.ts";
import { parseJson } from "../../src/core/text.ts";
import type { Architecture } from "../../src/encoder/families/architecture.ts";
import type { TensorSpec } from "../../src/encoder/layers/tensor-spec.ts";

export interface Checkpoint {
  /** Where it came from, for the card: a folder's name or a hub id. */
  readonly source: string;
  readonly config: Uint8Array;
  readonly tokenizer: Uint8Array;
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** The licence that the checkpoint's model card names, if it has one. */
  readonly licence: string | null;
}

const WEIGHTS = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** A checkpoint's files by name, from a folder or from the hub; null for a file that is not there. */
export interface CheckpointFiles {
  /** Where they come from, for messages. */
  readonly subject: string;
  read(name: string): Promise<Uint8Array | null>;
}

/** The files of a folder. */
export const folderFiles = (dir: string): CheckpointFiles => ({
  subject: `checkpoint ${dir}`,
  read: (name) => readIfThere(join(dir, name)),
});

/**
 * Reads a checkpoint; `source` names it on the card. Throws NotFoundError `checkpoint-incomplete`
 * naming what is missing, FormatError for files that are not what they should be.
 */
export async function readCheckpoint(
  from: string | CheckpointFiles,
  source: string,
): Promise<Checkpoint> {
  const files = typeof from === "string" ? folderFiles(from) : from;
  const config = await readRequired(files, "config.json");
  const tokenizer = await readRequired(files, "tokenizer.json");
  const readme = await files.read("README.md");
  return {
    source,
    config,
    tokenizer,
    tensors: await readWeights(files),
    licence: readme ? licenceOf(new TextDecoder().decode(readme)) : null,
  };
}

async function readWeights(files: CheckpointFiles): Promise<ReadonlyMap<string, Tensor>> {
  const single = await files.read(WEIGHTS);
  if (single) return readSafetensors(single, WEIGHTS).tensors;
  const index = await files.read(INDEX);
  if (!index) {
    throw new NotFoundError(
      "checkpoint-incomplete",
      `${files.subject}: has neither ${WEIGHTS} nor ${INDEX}; pickled weights (.bin) are not read, save_pretrained writes safetensors`,
    );
  }
  const tensors = new Map<string, Tensor>();
  for (const [file, names] of readIndex(index)) {
    const shard = readSafetensors(await readRequired(files, file), file).tensors;
    for (const name of names) {
      const tensor = shard.get(name);
      if (!tensor) {
        throw new FormatError(
          "checkpoint-index-invalid",
          `${INDEX}: says that "${name}" is in ${file}, which holds ${listNames([...shard.keys()])}`,
        );
      }
      tensors.set(name, tensor);
    }
  }
  return tensors;
}

/** Shard file -> names of the tensors in it. */
function readIndex(bytes: Uint8Array): Map<string, string[]> {
  const json = parseJson(bytes, INDEX) as { weight_map?: unknown } | null;
  const map = json?.weight_map;
  const files = new Map<string, string[]>();
  if (typeof map !== "object" || map === null) {
    throw new FormatError("checkpoint-index-invalid", `${INDEX}: has no object "weight_map"`);
  }
  for (const [name, file] of Object.entries(map)) {
    // The name is joined to a path: nothing but a plain file name may pass.
    if (typeof file !== "string" || !/^[\w.-]+\.safetensors$/.test(file)) {
      throw new FormatError(
        "checkpoint-index-invalid",
        `${INDEX}: "${name}" is in ${JSON.stringify(file)}, expected the name of a .safetensors file beside it`,
      );
    }
    files.set(file, [...(files.get(file) ?? []), name]);
  }
  return files;
}

async function readRequired(files: CheckpointFiles, name: string): Promise<Uint8Array> {
  const bytes = await files.read(name);
  if (bytes) return bytes;
  throw new NotFoundError(
    "checkpoint-incomplete",
    `${files.subject}: has no ${name}; needed are config.json, tokenizer.json and ${WEIGHTS} (or ${INDEX})`,
  );
}

/** `license:` of a model card's front matter. */
function licenceOf(readme: string): string | null {
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readme)?.[1] ?? "";
  return /^license:\s*["']?([\w.-]+)/m.exec(front)?.[1] ?? null;
}

/** The tensors of an encoder, float32, in the checkpoint's dims, and what was left aside. */
export interface Selection {
  readonly tensors: ReadonlyMap<string, TensorOf<"float32">>;
  /** Names of known tensors that the encoder does not need. */
  readonly ignored: readonly string[];
  readonly hasPooler: boolean;
}

/**
 * Picks the tensors of `specs` from a checkpoint. Throws FormatError `checkpoint-tensors-mismatch`
 * that lists everything missing, unknown or of a wrong shape. A pooler may be absent as a whole.
 */
export function selectTensors(
  checkpoint: Checkpoint,
  { prefixes, ignored }: Pick<Architecture, "prefixes" | "ignored">,
  specs: readonly TensorSpec[],
): Selection {
  const found = new Map<string, Tensor>();
  for (const [name, tensor] of checkpoint.tensors) {
    const prefix = prefixes.find((start) => name.startsWith(start)) ?? "";
    const plain = modernName(name.slice(prefix.length));
    if (found.has(plain)) {
      throw new FormatError(
        "checkpoint-tensors-mismatch",
        `checkpoint ${checkpoint.source}: "${plain}" is there twice, once as "${name}"`,
      );
    }
    found.set(plain, tensor);
  }
  const wanted = new Set(specs.map(({ name }) => name));
  const extra = [...found.keys()].filter((name) => !wanted.has(name));
  const unknown = extra.filter((name) => !ignored.test(name));
  const poolers = specs.filter(({ kind }) => kind === "pooler");
  const hasPooler = poolers.some(({ name }) => found.has(name));
  const needed = specs.filter(({ kind }) => kind !== "pooler" || hasPooler);
  const missing = needed.filter(({ name }) => !found.has(name)).map(({ name }) => name);
  const misshapen = needed.flatMap(({ name, dims }) => {
    const shape = found.get(name)?.dims ?? dims;
    const isRight = shape.length === dims.length && shape.every((dim, i) => dim === dims[i]);
    return isRight ? [] : [`"${name}" is [${shape.join(", ")}], expected [${dims.join(", ")}]`];
  });
  if (missing.length + unknown.length + misshapen.length > 0) {
    const problems = [
      missing.length > 0 ? `missing: ${listNames(missing)}` : "",
      unknown.length > 0 ? `unknown: ${listNames(unknown)}` : "",
      misshapen.length > 0 ? `wrong shape: ${misshapen.slice(0, 8).join("; ")}` : "",
    ].filter(Boolean);
    throw new FormatError(
      "checkpoint-tensors-mismatch",
      `checkpoint ${checkpoint.source}: ${problems.join("; ")}. Found are ${found.size} tensors (${listNames([...found.keys()])}), expected ${needed.length} (${listNames(needed.map(({ name }) => name))}); does config.json belong to these weights?`,
    );
  }
  const tensors = new Map<string, TensorOf<"float32">>();
  for (const { name } of needed) tensors.set(name, readFloat(name, found.get(name)!));
  return { tensors, ignored: extra, hasPooler };
}

/** Checkpoints converted from TensorFlow call LayerNorm's weights gamma and beta. */
const modernName = (name: string): string =>
  name
    .replace(/LayerNorm\.gamma$/, "LayerNorm.weight")
    .replace(/LayerNorm\.beta$/, "LayerNorm.bias");

function readFloat(name: string, tensor: Tensor): TensorOf<"float32"> {
  let values: Float32Array;
  try {
    values = toFloat32(tensor);
  } catch (cause) {
    throw new FormatError(
      "checkpoint-tensors-mismatch",
      `tensor "${name}": dtype is ${tensor.dtype}, supported are float32, float16, bfloat16 and float64`,
      { cause },
    );
  }
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new FormatError(
      "checkpoint-not-finite",
      `tensor "${name}": element ${wrong} is ${values[wrong]}, expected finite numbers`,
    );
  }
  return float32(tensor.dims, values);
}

/** At most eight names, then how many more. */
function listNames(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
