/**
 * The two manifests: what a base is and what a task is, validated, with their identities and the
 * check that they belong together. Boundary names stay snake_case, as on disk.
 */
import { FormatError, MismatchError } from "../errors.ts";
import type { TaskSettings } from "../model/task.ts";
import { isName } from "./keys.ts";
import { describe, readRecord } from "../record.ts";
import type { RecordReader } from "../record.ts";
import { canonicalJson, encodeUtf8, parseJson } from "../text.ts";

export const FORMAT_VERSION = 1;

/** SHA-256 of bytes as 64 lower-case hex digits; passed in, since core has no crypto of its own. */
export type Sha256 = (bytes: Uint8Array) => Promise<string>;

/** A file named by its content. */
export interface FileRef {
  readonly sha256: string;
  readonly bytes: number;
}

export type WeightDtype = "int8" | "fp32";

/** What a base folder's manifest.json says. All counts are of the checkpoint after shrinking. */
export interface BaseManifest {
  readonly format_version: typeof FORMAT_VERSION;
  readonly kind: "base";
  readonly name: string;
  readonly model_type: string;
  readonly dtype: WeightDtype;
  readonly num_hidden_layers: number; // L
  readonly hidden_size: number; // H
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number; // N of the prefix
  readonly head_dim: number; // D
  readonly vocab_size: number; // V
  readonly type_vocab_size: number;
  /** Longest input in tokens, special tokens included, when position_offset is 0. */
  readonly max_length: number;
  /** Position id of the first token (0 for BERT). */
  readonly first_position: number;
  readonly pad_token_id: number;
  /** Width of the graph's input `bias_deltas`; 0 where it has none. */
  readonly num_bias_deltas: number;
  readonly graph: string;
  readonly weights: readonly string[];
  readonly tokenizer: string;
  readonly pooler: string | null;
  /** Every file that serving needs, by name. */
  readonly files: Readonly<Record<string, FileRef>>;
  /** Hash over all of `files`: a task names the base by it. */
  readonly identity: string;
  /** Hash of the checkpoint's weights: an fp32 and an int8 import of one checkpoint share it. */
  readonly checkpoint: string;
  readonly created: string;
}

/** A text whose answer was recorded at training time; publishing reproduces it. */
export interface CanaryExample {
  readonly text: string;
  readonly text_pair?: string;
  /** Sequence: the best label. Token: the tags of all first word pieces, joined by spaces. */
  readonly label: string;
  /** Sequence: its score. Token: the mean score of those tags. */
  readonly score: number;
}

export interface TaskManifest extends TaskSettings {
  readonly format_version: typeof FORMAT_VERSION;
  readonly kind: "task";
  readonly task: string;
  readonly base: { readonly name: string; readonly identity: string };
  readonly prefix: FileRef;
  readonly canary: readonly CanaryExample[];
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly created: string;
}

const HEX = /^[0-9a-f]{64}$/;
const FILE_NAME = /^[a-z0-9][a-z0-9._-]{0,80}$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
/** Generous bounds: beyond any encoder that fits an isolate, small enough to catch nonsense. */
const MAX_LAYERS = 96;
const MAX_HIDDEN = 8192;
const MAX_VOCAB = 2_000_000;
const MAX_LENGTH = 65_536;
const MAX_BIAS_DELTAS = 10_000_000;
const MAX_LABELS = 10_000;
const MAX_VIRTUAL_TOKENS = 1024;
const MAX_FILES = 64;
const MAX_FILE_BYTES = 2 ** 32;

/** Reads a base's manifest.json; throws FormatError `base-manifest-invalid` or `json-invalid`. */
export function readBaseManifest(bytes: Uint8Array, subject = "base manifest"): BaseManifest {
  const r = readRecord(parseJson(bytes, subject), subject, "base-manifest-invalid");
  checkVersion(r, "base");
  const filesRecord = r.record("files");
  const names = filesRecord.fields();
  if (names.length > MAX_FILES) r.fail(`lists ${names.length} files, allowed are ${MAX_FILES}`);
  const files: Record<string, FileRef> = {};
  for (const name of names) {
    if (!FILE_NAME.test(name)) r.fail(`file name ${describe(name)} is not allowed`);
    files[name] = readFileRef(filesRecord.record(name));
  }
  const fileNamed = (name: unknown): string => {
    if (typeof name === "string" && Object.hasOwn(files, name)) return name;
    return r.fail(`names the file ${describe(name)} but does not list it`);
  };
  const vocabSize = r.count("vocab_size", 1, MAX_VOCAB);
  return {
    format_version: FORMAT_VERSION,
    kind: "base",
    name: readName(r, "name"),
    model_type: r.string("model_type"),
    dtype: r.oneOf("dtype", ["int8", "fp32"]),
    num_hidden_layers: r.count("num_hidden_layers", 1, MAX_LAYERS),
    hidden_size: r.count("hidden_size", 1, MAX_HIDDEN),
    num_attention_heads: r.count("num_attention_heads", 1, MAX_HIDDEN),
    num_key_value_heads: r.count("num_key_value_heads", 1, MAX_HIDDEN),
    head_dim: r.count("head_dim", 1, MAX_HIDDEN),
    vocab_size: vocabSize,
    type_vocab_size: r.count("type_vocab_size", 0, 1024),
    max_length: r.count("max_length", 3, MAX_LENGTH),
    first_position: r.count("first_position", 0, 1024),
    // Rows are padded with it: an id beyond the word table would fail every mixed batch.
    pad_token_id: r.count("pad_token_id", 0, vocabSize - 1),
    num_bias_deltas: r.count("num_bias_deltas", 0, MAX_BIAS_DELTAS),
    graph: fileNamed(r.string("graph")),
    weights: r.list("weights", MAX_FILES, fileNamed),
    tokenizer: fileNamed(r.string("tokenizer")),
    pooler: r.has("pooler") ? fileNamed(r.string("pooler")) : null,
    files,
    identity: r.string("identity", HEX),
    checkpoint: r.string("checkpoint", HEX),
    created: r.string("created", TIMESTAMP),
  };
}

/** Reads a task's manifest.json; throws FormatError `task-manifest-invalid` or `json-invalid`. */
export function readTaskManifest(bytes: Uint8Array, subject = "task manifest"): TaskManifest {
  const r = readRecord(parseJson(bytes, subject), subject, "task-manifest-invalid");
  checkVersion(r, "task");
  const base = r.record("base");
  const type = r.oneOf("type", ["sequence", "token"]);
  const labels = r.list("labels", MAX_LABELS, (item, name) =>
    typeof item === "string" && item !== "" ? item : r.fail(`${name} is not a label`),
  );
  if (labels.length === 0) r.fail("has no labels");
  if (new Set(labels).size !== labels.length) r.fail("has the same label twice");
  const pooling = r.oneOf("pooling", ["pooler", "cls", "mean", "none"]);
  if ((pooling === "none") !== (type === "token")) {
    r.fail(
      `"pooling" is "${pooling}", but the type is "${type}" (token tasks, and only they, use "none")`,
    );
  }
  const thresholds = r.has("thresholds")
    ? r.list("thresholds", MAX_LABELS, (item, name) =>
        typeof item === "number" && item >= 0 && item <= 1
          ? item
          : r.fail(`${name} is not a number from 0 to 1`),
      )
    : null;
  if (thresholds && thresholds.length !== labels.length) {
    r.fail(`has ${thresholds.length} thresholds for ${labels.length} labels`);
  }
  const metrics = r.has("metrics") ? r.record("metrics") : null;
  return {
    format_version: FORMAT_VERSION,
    kind: "task",
    task: readName(r, "task"),
    base: { name: readName(base, "name"), identity: base.string("identity", HEX) },
    type,
    problem_type: r.oneOf("problem_type", [
      "single_label_classification",
      "multi_label_classification",
      "regression",
    ]),
    labels,
    num_virtual_tokens: r.count("num_virtual_tokens", 0, MAX_VIRTUAL_TOKENS),
    position_offset: r.count("position_offset", 0, MAX_VIRTUAL_TOKENS),
    pooling,
    max_length: r.count("max_length", 3, MAX_LENGTH),
    temperature: r.number("temperature", 0.01, 100),
    thresholds,
    prefix: readFileRef(r.record("prefix")),
    canary: r.has("canary") ? r.list("canary", 64, readCanary) : [],
    metrics: metrics
      ? Object.fromEntries(metrics.fields().map((name) => [name, metrics.raw(name)]))
      : {},
    created: r.string("created", TIMESTAMP),
  };
}

function readCanary(value: unknown, name: string): CanaryExample {
  const r = readRecord(value, name, "task-manifest-invalid");
  return {
    text: r.string("text"),
    ...(r.has("text_pair") ? { text_pair: r.string("text_pair") } : {}),
    label: r.string("label"),
    score: r.number("score", -1e9, 1e9),
  };
}

function checkVersion(r: RecordReader, kind: string): void {
  const version = r.raw("format_version");
  if (version !== FORMAT_VERSION) {
    r.fail(
      `"format_version" is ${describe(version)}, this release reads ${FORMAT_VERSION}; made by another release?`,
    );
  }
  r.oneOf("kind", [kind]);
}

function readName(r: RecordReader, field: string): string {
  const name = r.string(field);
  return isName(name) ? name : r.fail(`"${field}" ${describe(name)} is not a valid name`);
}

const readFileRef = (r: RecordReader): FileRef => ({
  sha256: r.string("sha256", HEX),
  bytes: r.count("bytes", 0, MAX_FILE_BYTES),
});

/** The identity of a base: the hash over the names and hashes of all its files. */
export function baseIdentity(files: BaseManifest["files"], sha256: Sha256): Promise<string> {
  const hashes = Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, file.sha256]),
  );
  return sha256(encodeUtf8(canonicalJson(hashes)));
}

/** Short form for people and headers: `name@` and 12 hex digits. */
export const shortIdentity = (base: { name: string; identity: string }): string =>
  `${base.name}@${base.identity.slice(0, 12)}`;

/** Throws MismatchError `prefix-base-mismatch` unless the task was made for exactly this base. */
export function checkTaskMatchesBase(task: TaskManifest, base: BaseManifest): void {
  if (task.base.identity !== base.identity) {
    throw new MismatchError(
      "prefix-base-mismatch",
      `task "${task.task}": was trained for base ${shortIdentity(task.base)}, this is base ${shortIdentity(base)}; train it again for this base or serve the other one`,
    );
  }
  checkTaskFitsBase(task, base);
}

/** The part of the match that holds for any import of the same checkpoint: shapes and limits. */
export function checkTaskFitsBase(task: TaskManifest, base: BaseManifest): void {
  const limit = base.max_length - task.position_offset;
  if (task.max_length > limit) {
    throw new MismatchError(
      "prefix-base-mismatch",
      `task "${task.task}": max_length is ${task.max_length}, base ${shortIdentity(base)} allows ${limit} (${base.max_length} less position_offset ${task.position_offset})`,
    );
  }
  if (task.pooling === "pooler" && base.pooler === null) {
    throw new MismatchError(
      "prefix-base-mismatch",
      `task "${task.task}": pooling is "pooler", base ${shortIdentity(base)} has no pooler; allowed are cls and mean`,
    );
  }
}

/** Throws FormatError `file-hash-mismatch` unless `bytes` are what `ref` promises. */
export async function checkFile(
  subject: string,
  bytes: Uint8Array,
  ref: FileRef,
  sha256: Sha256,
): Promise<void> {
  if (bytes.byteLength !== ref.bytes) {
    throw new FormatError(
      "file-hash-mismatch",
      `${subject}: is ${bytes.byteLength} bytes long, its manifest says ${ref.bytes}`,
    );
  }
  const found = await sha256(bytes);
  if (found !== ref.sha256) {
    throw new FormatError(
      "file-hash-mismatch",
      `${subject}: SHA-256 is ${found.slice(0, 12)}.., its manifest says ${ref.sha256.slice(0, 12)}..`,
    );
  }
}
