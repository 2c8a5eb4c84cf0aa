/**
 * Bases and tasks from folders, in the very shape that the Worker gets from its bucket, so that the
 * command line answers through the same request path.
 */
import { existsSync } from "node:fs";
import { basename, join, normalize } from "node:path";
import { InputError, MismatchError } from "../../src/core/errors.ts";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import type { BaseManifest, TaskManifest } from "../../src/core/format/manifest.ts";
import type { Pooler } from "../../src/core/model/head.ts";
import { openPooler, openTask } from "../../src/core/format/task.ts";
import type { Task } from "../../src/core/format/task.ts";
import { parseJson } from "../../src/core/text.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Encoder, Engine, LoadedBase } from "../../src/engine/engine.ts";
import { readBaseFolder } from "../base/folder.ts";
import type { Base } from "../../src/encoder/base.ts";
import { sha256 } from "../node/hash.ts";
import { PACKAGE } from "../node/project.ts";
import { readFileOf } from "../node/folder.ts";
import { readTaskFolder } from "./publish-task.ts";

/** `web` is the runtime that serves, `node` the native one. */
export type RuntimeName = "web" | "node";

/** Opens a base folder on a runtime. Every file is checked against its manifest. */
export async function openBaseFolder(dir: string, runtime: RuntimeName): Promise<LoadedBase> {
  return openBase(await readBaseFolder(dir), runtime);
}

/** Opens a base that is already in memory. */
export async function openBase(base: Base, runtime: RuntimeName): Promise<LoadedBase> {
  return {
    manifest: base.manifest,
    tokenizer: tokenizerOf(base),
    encoder: await loadEncoder(base, runtime),
    pooler: poolerOf(base),
  };
}

/** The tokenizer of a base in memory. */
export const tokenizerOf = ({ manifest, files }: Base): Tokenizer =>
  createTokenizer(parseJson(files.get(manifest.tokenizer)!, manifest.tokenizer));

/** The pooler of a base in memory, null where it has none. */
export const poolerOf = ({ manifest, files }: Base): Pooler | null =>
  manifest.pooler === null ? null : openPooler(files.get(manifest.pooler)!, manifest);

/** Loads a base in memory on a runtime, which is itself loaded only now: a verb needs but one of them. */
export async function loadEncoder(base: Base, runtime: RuntimeName): Promise<Encoder> {
  switch (runtime) {
    case "web":
      return load((await import("../node/runtime-web.ts")).webEngine, base);
    case "node":
      return load((await import("../node/runtime-node.ts")).nodeEngine(), base);
    default:
      return runtime satisfies never;
  }
}

/** Loads a base in memory by an engine. */
export async function load(engine: Engine, { manifest, files }: Base): Promise<Encoder> {
  const source = {
    manifest: Promise.resolve(manifest),
    file: (name: string) => Promise.resolve(files.get(name)!),
    image: null,
  };
  return (await engine.prepare(source))();
}

/** A task from its folder, matched with `base`; throws what core/task.ts throws. */
export async function openTaskFolder(
  dir: string,
  base: BaseManifest,
  options: { anyImport?: boolean } = {},
): Promise<Task> {
  const { manifest, version } = await readTaskFolder(dir);
  const prefix = await readFileOf(dir, "prefix.safetensors", "task-folder-not-found");
  return openTask(manifest, version, prefix, base, sha256, options);
}

/**
 * Whether a task may be measured on `given` although it was trained for `own`: only when both are
 * imports of one checkpoint. Returns a note for people, null when it is the same base; throws
 * MismatchError `prefix-base-mismatch` otherwise.
 */
export function compareImports(
  task: TaskManifest,
  given: BaseManifest,
  own: BaseManifest | null,
): string | null {
  if (task.base.identity === given.identity) return null;
  if (own !== null && own.identity === task.base.identity && own.checkpoint === given.checkpoint) {
    return `note: task "${task.task}" was trained for ${shortIdentity(task.base)}; ${shortIdentity(given)} is another import of the same checkpoint (${given.dtype})`;
  }
  throw new MismatchError(
    "prefix-base-mismatch",
    `task "${task.task}": was trained for base ${shortIdentity(task.base)}, this is base ${shortIdentity(given)}${own === null ? ` and ${task.base.name} was not found to compare checkpoints; name it with --task-base DIR` : ", an import of another checkpoint"}`,
  );
}

/** Where bases are looked for when a verb is given a name or nothing. */
const MODELS_DIR = "models";

/**
 * Where the base that a task names is expected: `models/<name>` below the working directory, else
 * the one in this package. Throws InputError `name-invalid` when the name is a path.
 */
export function bundledBaseDir(name: string): string {
  if (name.includes("/") || name.includes("\\") || name.startsWith(".")) {
    throw new InputError("name-invalid", `base "${name}": is a path; use --base DIR for a folder`);
  }
  const own = join(MODELS_DIR, name);
  const bundled = join(PACKAGE, own);
  return !existsSync(own) && existsSync(bundled) ? bundled : own;
}

/** The base in this package. */
export const BUNDLED_BASE = bundledBaseDir("pocket");

/**
 * The folder that `--base` names: a folder that exists, or a base of this package by its name
 * (`pocket`, or `models/pocket` as in a clone). Anything else is returned as it is, for the error of
 * the reader to name.
 */
export function baseFolder<T extends string | undefined>(given: T): T | string {
  if (given === undefined || existsSync(given)) return given;
  const bundled = join(PACKAGE, MODELS_DIR, basename(given));
  const isName = [basename(given), join(MODELS_DIR, basename(given))].includes(normalize(given));
  return isName && existsSync(bundled) ? bundled : given;
}
