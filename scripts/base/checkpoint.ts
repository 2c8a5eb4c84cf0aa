/**
 * Reads a Hugging Face checkpoint folder: config.json, tokenizer.json and safetensors weights, one
 * file or shards with an index. Then picks the tensors of an architecture: each must be present in
 * its shape. All other tensors are listed.
 */
import { FormatError, NotFoundError } from "../../src/core/errors.ts";
import { readAnySafetensors } from "../../src/core/format/safetensors.ts";
import { float32, toFloat32 } from "../../src/core/model/tensor.ts";
import type { AnySafetensors } from "../../src/core/format/safetensors.ts";
import type { Tensor, TensorOf } from "../../src/core/model/tensor.ts";
import { parseJson } from "../../src/core/text.ts";
import type { Architecture } from "../../src/encoder/families/architecture.ts";
import type { TensorSpec } from "../../src/encoder/layers/tensor-spec.ts";
import { folderFiles } from "./checkpoint-files.ts";
import type { CheckpointFiles } from "./checkpoint-files.ts";
import { readPooling } from "./pooling.ts";
import type { CheckpointPooling } from "./pooling.ts";

export interface Checkpoint extends Weights {
  /** Name of the source for the card: a folder or a hub id. */
  readonly source: string;
  readonly config: Uint8Array;
  readonly tokenizer: Uint8Array;
  /** The licence that the checkpoint's model card names, if it has one. */
  readonly licence: string | null;
  /** How it makes one vector of a text, if it says so. */
  readonly pooling: CheckpointPooling;
}

/** Tensors by name, and the dtypes of those that cannot be computed with. */
type Weights = Pick<AnySafetensors, "tensors" | "unread">;

const WEIGHTS = "model.safetensors";
const INDEX = "model.safetensors.index.json";

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
    ...(await readWeights(files)),
    licence: readme ? licenceOf(new TextDecoder().decode(readme)) : null,
    pooling: await readPooling(files),
  };
}

async function readWeights(files: CheckpointFiles): Promise<Weights> {
  const single = await files.read(WEIGHTS);
  if (single) return readAnySafetensors(single, WEIGHTS);
  const index = await files.read(INDEX);
  if (!index) {
    throw new NotFoundError(
      "checkpoint-incomplete",
      `${files.subject}: has neither ${WEIGHTS} nor ${INDEX}; pickled weights (pytorch_model.bin) are not read, since reading them runs code. AutoModel.from_pretrained(..).save_pretrained(DIR) writes safetensors; for a hub model, huggingface.co/spaces/safetensors/convert proposes them, and owner/name@refs/pr/N imports the proposal`,
    );
  }
  const tensors = new Map<string, Tensor>();
  const unread = new Map<string, string>();
  for (const [file, names] of readIndex(index)) {
    const shard = readAnySafetensors(await readRequired(files, file), file);
    for (const name of names) {
      const tensor = shard.tensors.get(name);
      const dtype = shard.unread.get(name);
      if (tensor) tensors.set(name, tensor);
      else if (dtype !== undefined) unread.set(name, dtype);
      else {
        throw new FormatError(
          "checkpoint-index-invalid",
          `${INDEX}: says that "${name}" is in ${file}, which holds ${listNames([...shard.tensors.keys(), ...shard.unread.keys()])}`,
        );
      }
    }
  }
  return { tensors, unread };
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
    const names = files.get(file);
    if (names) names.push(name);
    else files.set(file, [name]);
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

/** The tensors of an encoder, float32, in the checkpoint's dims, and the names of ignored ones. */
export interface Selection {
  readonly tensors: ReadonlyMap<string, TensorOf<"float32">>;
  /** Names of tensors that belong to the family and that the encoder does not need. */
  readonly ignored: readonly string[];
  /** Names of all other tensors that were left aside. */
  readonly unknown: readonly string[];
  readonly hasPooler: boolean;
}

/**
 * Picks the tensors of `specs` from a checkpoint, whatever stands before their names: a head's
 * class (`bert.`), a wrapper (`module.`, `0.auto_model.`). Throws FormatError
 * `checkpoint-tensors-mismatch` that lists everything missing or of a wrong shape. A pooler may be
 * absent as a whole.
 */
export function selectTensors(
  checkpoint: Checkpoint,
  { prefixes, ignored }: Pick<Architecture, "prefixes" | "ignored">,
  specs: readonly TensorSpec[],
): Selection {
  const subject = `checkpoint ${checkpoint.source}`;
  const { tensors: readable, unread } = checkpoint;
  const prefix = prefixOf([...readable.keys(), ...unread.keys()], specs, subject);
  const own = [prefix, ...["", ...prefixes].filter((start) => start !== prefix)];
  const wanted = new Set(specs.map(({ name }) => name));
  const found = new Map<string, Tensor>();
  const extra: string[] = [];
  for (const name of [...readable.keys(), ...unread.keys()]) {
    const start = own.find((item) => name.startsWith(item) && wanted.has(plainName(name, item)));
    const plain = plainName(name, start ?? (name.startsWith(prefix) ? prefix : ""));
    if (start === undefined) {
      extra.push(plain);
      continue;
    }
    const tensor = readable.get(name) ?? refuseDtype(name, unread.get(name)!);
    if (found.has(plain)) {
      throw new FormatError(
        "checkpoint-tensors-mismatch",
        `${subject}: "${plain}" is there twice, once as "${name}"`,
      );
    }
    found.set(plain, tensor);
  }
  // Heads may stand behind a wrapper's name, too: module.classifier.weight.
  const isKnown = (name: string): boolean =>
    name.split(".").some((_, i, parts) => ignored.test(parts.slice(i).join(".")));
  const unknown = extra.filter((name) => !isKnown(name));
  const poolers = specs.filter(({ kind }) => kind === "pooler");
  const hasPooler = poolers.some(({ name }) => found.has(name));
  const needed = specs.filter(({ kind }) => kind !== "pooler" || hasPooler);
  const missing = needed.filter(({ name }) => !found.has(name)).map(({ name }) => name);
  const misshapen = needed.flatMap(({ name, dims }) => {
    const shape = found.get(name)?.dims ?? dims;
    const isRight = shape.length === dims.length && shape.every((dim, i) => dim === dims[i]);
    return isRight ? [] : [`"${name}" is [${shape.join(", ")}], expected [${dims.join(", ")}]`];
  });
  if (missing.length + misshapen.length > 0) {
    const problems = [
      missing.length > 0 ? `missing: ${listNames(missing)}` : "",
      unknown.length > 0 ? `unknown: ${listNames(unknown)}` : "",
      misshapen.length > 0 ? `wrong shape: ${misshapen.slice(0, 8).join("; ")}` : "",
    ].filter(Boolean);
    const names = [...found.keys(), ...extra];
    throw new FormatError(
      "checkpoint-tensors-mismatch",
      `${subject}: ${problems.join("; ")}. Found are ${names.length} tensors (${listNames(names)}), expected ${needed.length} (${listNames(needed.map(({ name }) => name))}); does config.json belong to these weights?`,
    );
  }
  const tensors = new Map<string, TensorOf<"float32">>();
  for (const { name } of needed) tensors.set(name, readFloat(name, found.get(name)!));
  return {
    tensors,
    ignored: extra.filter(isKnown),
    unknown,
    hasPooler,
  };
}

/** What is said of tensors that the family does not know; null where there are none. */
export function unknownWarning(
  unknown: readonly string[],
  specs: readonly TensorSpec[],
): string | null {
  if (unknown.length === 0) return null;
  // A head beside the encoder is usual; a part of the encoder changes what it computes.
  const parts = new Set(specs.map(({ name }) => name.split(".")[0]));
  const inside = unknown.filter((name) => parts.has(name.split(".")[0]));
  const doubt =
    inside.length > 0
      ? `; ${listNames(inside)} may be part of the encoder, whose vectors then differ from the checkpoint's: does config.json belong to these weights?`
      : "";
  return `warning: unknown tensors are left out: ${listNames(unknown)}${doubt}`;
}

/**
 * What stands before the names of the encoder: the start under which all needed tensors are found,
 * else the one under which most are. Throws FormatError `checkpoint-tensors-mismatch` when there
 * are several whole encoders.
 */
function prefixOf(names: readonly string[], specs: readonly TensorSpec[], subject: string): string {
  const needed = new Set(specs.filter(({ kind }) => kind !== "pooler").map(({ name }) => name));
  const counts = new Map<string, number>();
  for (const name of names) {
    // Every place behind a dot may be where the encoder's own name begins.
    for (let at = 0; ; at = name.indexOf(".", at) + 1) {
      const start = name.slice(0, at);
      if (needed.has(plainName(name, start))) counts.set(start, (counts.get(start) ?? 0) + 1);
      if (!name.includes(".", at)) break;
    }
  }
  const whole = [...counts].filter(([, count]) => count >= needed.size).map(([start]) => start);
  if (whole.length > 1) {
    throw new FormatError(
      "checkpoint-tensors-mismatch",
      `${subject}: holds ${whole.length} encoders, each tensor there twice: under ${whole.map((start) => `"${start}"`).join(" and ")}; save the one that is wanted alone`,
    );
  }
  const ranked = [...counts].sort(([a, n], [b, m]) => m - n || a.length - b.length);
  return whole[0] ?? ranked[0]?.[0] ?? "";
}

/** A tensor's own name behind `start`, as models of today write it. */
const plainName = (name: string, start: string): string => modernName(name.slice(start.length));

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
    return refuseDtype(name, tensor.dtype, cause);
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

function refuseDtype(name: string, dtype: string, cause?: unknown): never {
  throw new FormatError(
    "checkpoint-tensors-mismatch",
    `tensor "${name}": dtype is ${dtype}, supported are float32, float16, bfloat16 and float64; save the checkpoint in one of them`,
    { cause },
  );
}

/** At most eight names, then how many more. */
function listNames(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
