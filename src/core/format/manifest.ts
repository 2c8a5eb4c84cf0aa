/**
 * The two manifests: what a base is and what a task is, validated, with their identities and the
 * check that they belong together. Boundary names stay snake_case, as on disk.
 *
 * The identity of a base is what a task trained on it depends on: the quantized weights, the tokenizer
 * and the configuration. It can be computed from the manifest alone, and readers do so. Name, date
 * and builds are not part of it: a build is a file that an engine runs instead of the bare weights,
 * such as a graph. Builds can be added or replaced, and every task of the base stays valid.
 */
import { readConfiguration, maxLengthOf } from "./configuration.ts";
import type { BaseConfiguration } from "./configuration.ts";
import { FormatError, MismatchError } from "../errors.ts";
import { PROBLEM_TYPES } from "../model/task.ts";
import type { OtherLabel, TaskSettings } from "../model/task.ts";
import { isName } from "./keys.ts";
import { describe, readRecord } from "../record.ts";
import type { RecordReader } from "../record.ts";
import { canonicalJson, encodeUtf8, parseJson } from "../text.ts";

export const FORMAT_VERSION = 2;

/** SHA-256 of bytes as 64 lower-case hex digits; passed in, since core has no crypto of its own. */
export type Sha256 = (bytes: Uint8Array) => Promise<string>;

/** A file named by its content. */
export interface FileRef {
  readonly sha256: string;
  readonly bytes: number;
}

export type WeightDtype = "int8" | "fp32";

/**
 * Engine and numeric form of a computation, such as "ort/int8". The form says how activations are
 * quantized. It is the name of a build, and of what a task was measured on.
 */
export type BuildName = `${string}/${string}`;

/** The build for ONNX Runtime: 8-bit weights are multiplied by 8-bit activations. */
export const ortBuild = (dtype: WeightDtype): BuildName => `ort/${dtype}`;

/** How a base makes one vector of a text, where its checkpoint says so. */
export type BasePooling = "mean" | "cls";

/** How near an int8 base is to its checkpoint in float32, over the texts that `import` compares. */
export interface Fidelity {
  /** Cosine of hidden states: the mean over all tokens, and the worst. */
  readonly cosine: number;
  readonly worst_cosine: number;
  /** Share of texts whose nearest neighbour is the same. */
  readonly same_neighbours: number;
}

/** What a base folder's manifest.json says. */
export interface BaseManifest {
  readonly format_version: typeof FORMAT_VERSION;
  readonly kind: "base";
  readonly name: string;
  readonly dtype: WeightDtype;
  readonly configuration: BaseConfiguration;
  /** Names of the weight shards, in order. */
  readonly weights: readonly string[];
  readonly tokenizer: string;
  readonly pooler: string | null;
  /** The default of embeddings and of new tasks; null where the checkpoint does not say. */
  readonly pooling: BasePooling | null;
  /** File of each build. */
  readonly builds: Readonly<Record<BuildName, string>>;
  /** Every file of the base, by name. */
  readonly files: Readonly<Record<string, FileRef>>;
  /** A task names its base by this hash: see baseIdentity. */
  readonly identity: string;
  /** Hash of the checkpoint's weights: an fp32 and an int8 import of one checkpoint share it. */
  readonly checkpoint: string;
  /** Where the import has compared it. */
  readonly fidelity?: Fidelity;
  readonly created: string;
}

/** A text whose answer was recorded at training time; publishing reproduces it. */
export interface TaskExample {
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
  /** What the task answers, in a sentence for people; absent where its author wrote none. */
  readonly description?: string;
  readonly base: { readonly name: string; readonly identity: string };
  readonly prefix: FileRef;
  /** What computed `examples` and `metrics`; null where there are none. */
  readonly measured_on: BuildName | null;
  readonly examples: readonly TaskExample[];
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly created: string;
}

const HEX = /^[0-9a-f]{64}$/;
const FILE_NAME = /^[a-z0-9][a-z0-9._-]{0,80}$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
/** A task's description: a sentence or two. */
export const DESCRIPTION = /^[^]{1,500}$/;
const BUILD = /^[a-z][a-z0-9-]{0,31}\/[a-z][a-z0-9-]{0,31}$/;
/** Generous bounds: beyond anything that serves, small enough to catch nonsense. */
const MAX_LENGTH = 65_536;
const MAX_LABELS = 10_000;
const MAX_VIRTUAL_TOKENS = 1024;
const MAX_EXAMPLES = 64;
const MAX_FILES = 64;
const MAX_FILE_BYTES = 2 ** 32;

/**
 * Reads a base's manifest.json. Throws FormatError `base-manifest-invalid`, also when the identity
 * does not follow from what the manifest lists, or `json-invalid`.
 */
export async function readBaseManifest(
  bytes: Uint8Array,
  sha256: Sha256,
  subject = "base manifest",
): Promise<BaseManifest> {
  const r = readRecord(parseJson(bytes, subject), subject, "base-manifest-invalid");
  checkVersion(r, "base");
  const files = readFiles(r.record("files"));
  const fileNamed = (name: unknown): string => {
    if (typeof name === "string" && Object.hasOwn(files, name)) return name;
    return r.fail(`names the file ${describe(name)} but does not list it`);
  };
  const manifest: BaseManifest = {
    format_version: FORMAT_VERSION,
    kind: "base",
    name: readName(r, "name"),
    dtype: r.oneOf("dtype", ["int8", "fp32"]),
    configuration: readConfiguration(r.record("configuration")),
    weights: readWeights(r, fileNamed),
    tokenizer: fileNamed(r.string("tokenizer")),
    pooler: r.has("pooler") ? fileNamed(r.string("pooler")) : null,
    pooling: r.has("pooling") ? r.oneOf("pooling", ["mean", "cls"]) : null,
    builds: readBuilds(r.record("builds"), fileNamed),
    files,
    identity: r.string("identity", HEX),
    checkpoint: r.string("checkpoint", HEX),
    ...(r.has("fidelity") ? { fidelity: readFidelity(r.record("fidelity")) } : {}),
    created: r.string("created", TIMESTAMP),
  };
  const identity = await baseIdentity(manifest, sha256);
  if (identity !== manifest.identity) {
    r.fail(
      `"identity" is ${manifest.identity.slice(0, 12)}.., but its configuration and the hashes of its weights and tokenizer give ${identity.slice(0, 12)}..; was the manifest edited?`,
    );
  }
  return manifest;
}

const readFidelity = (r: RecordReader): Fidelity => ({
  cosine: r.number("cosine", -1, 1),
  worst_cosine: r.number("worst_cosine", -1, 1),
  same_neighbours: r.number("same_neighbours", 0, 1),
});

function readFiles(r: RecordReader): BaseManifest["files"] {
  const names = r.fields();
  if (names.length > MAX_FILES) r.fail(`lists ${names.length} files, allowed are ${MAX_FILES}`);
  const files: Record<string, FileRef> = {};
  for (const name of names) {
    if (!FILE_NAME.test(name)) r.fail(`file name ${describe(name)} is not allowed`);
    files[name] = readFileRef(r.record(name));
  }
  return files;
}

function readWeights(r: RecordReader, fileNamed: (name: unknown) => string): string[] {
  const weights = r.list("weights", MAX_FILES, fileNamed);
  return weights.length > 0 ? weights : r.fail('"weights" is empty, expected at least one shard');
}

function readBuilds(r: RecordReader, fileNamed: (name: unknown) => string): BaseManifest["builds"] {
  const names = r.fields();
  if (names.length > MAX_FILES) r.fail(`has ${names.length} builds, allowed are ${MAX_FILES}`);
  return Object.fromEntries(
    names.map((name) => {
      if (!BUILD.test(name)) r.fail(`${describe(name)} is no engine and form like "ort/int8"`);
      return [name, fileNamed(r.raw(name))];
    }),
  );
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
    ...(r.has("description") ? { description: r.string("description", DESCRIPTION) } : {}),
    base: { name: readName(base, "name"), identity: base.string("identity", HEX) },
    type,
    problem_type: r.oneOf("problem_type", PROBLEM_TYPES),
    labels,
    num_virtual_tokens: r.count("num_virtual_tokens", 0, MAX_VIRTUAL_TOKENS),
    position_offset: r.count("position_offset", 0, MAX_VIRTUAL_TOKENS),
    pooling,
    max_length: r.count("max_length", 3, MAX_LENGTH),
    temperature: r.number("temperature", 0.01, 100),
    thresholds,
    other: r.has("other") ? readOther(r.record("other"), labels) : null,
    prefix: readFileRef(r.record("prefix")),
    measured_on: r.has("measured_on") ? (r.string("measured_on", BUILD) as BuildName) : null,
    examples: r.has("examples") ? r.list("examples", MAX_EXAMPLES, readExample) : [],
    metrics: metrics
      ? Object.fromEntries(metrics.fields().map((name) => [name, metrics.raw(name)]))
      : {},
    created: r.string("created", TIMESTAMP),
  };
}

function readOther(r: RecordReader, labels: readonly string[]): OtherLabel {
  const label = r.string("label", /./s);
  if (labels.includes(label)) r.fail(`"label" ${describe(label)} is one of the labels`);
  return {
    label,
    similarity: r.number("similarity", -2, 2),
    spread: r.number("spread", 1e-6, 2),
  };
}

function readExample(value: unknown, name: string): TaskExample {
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

/** What the identity of a base is computed from. */
export type IdentityParts = Pick<
  BaseManifest,
  "configuration" | "weights" | "tokenizer" | "pooler" | "files"
>;

/**
 * The text whose SHA-256 is the identity of a base: the configuration, and the hashes of the shards,
 * the pooler and the tokenizer by their role. Names of files do not matter.
 */
export function identityText(parts: IdentityParts): string {
  const { configuration, weights, tokenizer, pooler, files } = parts;
  const hashOf = (name: string): string | undefined => files[name]?.sha256;
  return canonicalJson({
    configuration,
    weights: weights.map(hashOf),
    pooler: pooler === null ? null : hashOf(pooler),
    tokenizer: hashOf(tokenizer),
  });
}

/** The identity of a base: see identityText. */
export const baseIdentity = (parts: IdentityParts, sha256: Sha256): Promise<string> =>
  sha256(encodeUtf8(identityText(parts)));

/** Name of a build's file; throws FormatError `build-missing` where the base has no such build. */
export function buildFile(base: BaseManifest, build: BuildName): string {
  const { builds } = base;
  if (Object.hasOwn(builds, build)) return builds[build]!;
  const found = Object.keys(builds).join(", ") || "none";
  throw new FormatError(
    "build-missing",
    `base ${shortIdentity(base)}: has no build "${build}", found ${found}; import the base again`,
  );
}

/** Short form for people and headers: `name@` and 12 hex digits. */
export const shortIdentity = (base: { name: string; identity: string }): string =>
  `${base.name}@${base.identity.slice(0, 12)}`;

/**
 * What a loaded base is served as: its short form, and behind a plus the first 12 hex digits of each build
 * that the engine runs, SHA-256 by name. A build decides about answers and does not follow from the identity.
 */
export const servedIdentity = (loaded: {
  readonly manifest: BaseManifest;
  readonly builds?: Readonly<Record<string, string>> | undefined;
}): string =>
  [
    shortIdentity(loaded.manifest),
    ...Object.values(loaded.builds ?? {}).map((hash) => hash.slice(0, 12)),
  ].join("+");

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
  const maxLength = maxLengthOf(base.configuration);
  const limit = maxLength - task.position_offset;
  if (task.max_length > limit) {
    throw new MismatchError(
      "prefix-base-mismatch",
      `task "${task.task}": max_length is ${task.max_length}, base ${shortIdentity(base)} allows ${limit} (${maxLength} less position_offset ${task.position_offset})`,
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
