/**
 * A pretrained prefix: virtual tokens, and maybe deltas, that several tasks have learned together,
 * without a head. It is a place to start from (`train --init`), not a task: it cannot be served.
 *
 * A folder of two files: prefix.safetensors (`prompt_embeddings` [P, 2*L*N*D], and with method
 * prefix-bias `bias_deltas` [W] and `layer_weights` [L+1]) and manifest.json, which names the base
 * and the tasks. CARD.md beside them is for people.
 */
import { FormatError, InputError, MismatchError } from "../../core/errors.ts";
import { FORMAT_VERSION, checkFile, shortIdentity } from "../../core/format/manifest.ts";
import type { BaseManifest, Sha256 } from "../../core/format/manifest.ts";
import { checkFinite, prefixWidth } from "../../core/model/prefix.ts";
import { describe, readRecord } from "../../core/record.ts";
import { readSafetensors } from "../../core/format/safetensors.ts";
import {
  BIAS_DELTAS,
  LAYER_WEIGHTS,
  PROMPT_EMBEDDINGS,
  checkDims,
} from "../../core/model/shapes.ts";
import { toFloat32 } from "../../core/model/tensor.ts";
import { parseJson } from "../../core/text.ts";
import { partsOf } from "../methods.ts";
import type { Method } from "../methods.ts";
import type { Arrays } from "../graph/parameters.ts";
import type { TaskSpec } from "./spec.ts";

/** What can be trained over several tasks at once; tasks of the same methods start from it. */
export const SHARED_METHODS = ["prefix", "prefix-bias"] as const satisfies Method[];
export type SharedMethod = (typeof SHARED_METHODS)[number];

export const PRETRAINED_KIND = "pretrained-prefix";

/** A pretrained prefix in memory, matched with a base. */
export interface PretrainedPrefix {
  readonly name: string;
  readonly method: SharedMethod;
  readonly numVirtualTokens: number;
  /** Names of the tasks that it was trained on. */
  readonly tasks: readonly string[];
  /** Values of the trained tensors by name. */
  readonly params: Arrays;
  /** Of prefix.safetensors, in hex. */
  readonly sha256: string;
}

/** Whether a task by this method can start from a pretrained prefix. */
export const isShared = (method: Method): method is SharedMethod =>
  SHARED_METHODS.some((name) => name === method);

/** The two files of a pretrained prefix. */
export interface PretrainedFiles {
  /** For messages: the path of the manifest, or what stands for it. */
  readonly subject: string;
  readonly manifest: Uint8Array;
  /** Read when the manifest is that of a pretrained prefix. */
  prefix(): Promise<Uint8Array>;
}

/**
 * Reads a pretrained prefix for `base`. Throws FormatError `pretrained-invalid` for another kind of manifest and what core/format/manifest.ts, safetensors.ts and
 * core/model/prefix.ts throw for a damaged file, MismatchError `prefix-base-mismatch` for another base.
 */
export async function readPretrained(
  { subject: path, manifest, prefix }: PretrainedFiles,
  base: BaseManifest,
  sha256: Sha256,
): Promise<PretrainedPrefix> {
  const r = readRecord(parseJson(manifest, path), path, "pretrained-invalid");
  const kind = r.raw("kind");
  if (kind !== PRETRAINED_KIND) {
    r.fail(`"kind" is ${describe(kind)}, expected "${PRETRAINED_KIND}"; pretrain writes one`);
  }
  if (r.raw("format_version") !== FORMAT_VERSION) {
    r.fail(
      `"format_version" is ${describe(r.raw("format_version"))}, this release reads ${FORMAT_VERSION}`,
    );
  }
  const name = r.string("name");
  const method = r.oneOf("method", SHARED_METHODS);
  const numVirtualTokens = r.count("num_virtual_tokens", 1, 1024);
  const tasks = r.list("tasks", 1000, (task, subject) =>
    readRecord(task, subject, "pretrained-invalid").string("name"),
  );
  const subject = `pretrained prefix "${name}"`;
  checkBase(
    subject,
    { name: r.record("base").string("name"), identity: r.record("base").string("identity") },
    base,
  );

  const file = r.record("prefix");
  const expected = {
    sha256: file.string("sha256", /^[0-9a-f]{64}$/),
    bytes: file.count("bytes", 0, Number.MAX_SAFE_INTEGER),
  };
  const bytes = await prefix();
  await checkFile(`${subject}: prefix.safetensors`, bytes, expected, sha256);
  const { tensors } = readSafetensors(bytes, `${subject}: prefix.safetensors`);
  const params: Record<string, Float32Array> = {};
  for (const [tensorName, dims] of tensorsOf(method, numVirtualTokens, base)) {
    const tensor = tensors.get(tensorName);
    if (!tensor)
      throw new FormatError("tensor-missing", `${subject}: has no tensor "${tensorName}"`);
    checkDims(`${subject}: ${tensorName}`, tensor.dims, dims);
    params[tensorName] = toFloat32(tensor);
    checkFinite(`${subject}: ${tensorName}`, params[tensorName]);
  }
  return { name, method, numVirtualTokens, tasks, params, sha256: expected.sha256 };
}

/** The shared tensors of a method and their dims. */
export function tensorsOf(
  method: SharedMethod,
  numVirtualTokens: number,
  base: BaseManifest,
): ReadonlyMap<string, readonly number[]> {
  return new Map<string, readonly number[]>([
    [PROMPT_EMBEDDINGS, [numVirtualTokens, prefixWidth(base.configuration)]],
    ...(partsOf(method).deltas
      ? ([
          [BIAS_DELTAS, [base.configuration.num_bias_deltas]],
          [LAYER_WEIGHTS, [base.configuration.num_hidden_layers + 1]],
        ] as const)
      : []),
  ]);
}

function checkBase(
  subject: string,
  found: { readonly name: string; readonly identity: string },
  base: BaseManifest,
): void {
  if (found.identity === base.identity) return;
  throw new MismatchError(
    "prefix-base-mismatch",
    `${subject}: was trained for base ${shortIdentity(found)}, this is base ${shortIdentity(base)}; pretrain again on this base, or train with --base ${found.name}`,
  );
}

/**
 * The task as it is trained from `init`: of its method where it names none, with as many virtual
 * tokens. Throws InputError `init-unsupported` for a method that cannot start from it, MismatchError
 * `init-mismatch` for another number of virtual tokens.
 */
export function startingFrom(spec: TaskSpec, init: PretrainedPrefix): TaskSpec {
  const method = spec.method ?? init.method;
  const subject = `pretrained prefix "${init.name}"`;
  if (!isShared(method)) {
    throw new InputError(
      "init-unsupported",
      `${subject}: method "${method}" cannot start from it; allowed are ${SHARED_METHODS.join(", ")}`,
    );
  }
  if (init.method === "prefix-bias" && method === "prefix") {
    throw new InputError(
      "init-unsupported",
      `${subject}: holds deltas, which method "prefix" does not train; use --method prefix-bias`,
    );
  }
  const asked = spec.num_virtual_tokens ?? init.numVirtualTokens;
  if (asked !== init.numVirtualTokens) {
    throw new MismatchError(
      "init-mismatch",
      `${subject}: has ${init.numVirtualTokens} virtual tokens, the task asks for ${asked}; leave --num-virtual-tokens (num_virtual_tokens) out to take ${init.numVirtualTokens}`,
    );
  }
  return { ...spec, method, num_virtual_tokens: asked };
}
