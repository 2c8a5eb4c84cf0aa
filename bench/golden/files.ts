/**
 * Finding golden values: which files under a folder are what, whatever the folder is called and
 * whether it is one set (hidden, grad-*, adamw-*, peft-*) or holds sets, tokenizer/ and
 * architectures/. Shapes are read from the files and never assumed.
 */
import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { NotFoundError } from "../../src/core/errors.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { toFloat32 } from "../../src/core/model/tensor.ts";
import { parseJson } from "../../src/core/text.ts";

/** One folder of golden values for one checkpoint. */
export interface GoldenSet {
  readonly dir: string;
  readonly hidden: string | null;
  /** "seq", "token": the part after "grad-". */
  readonly grads: readonly string[];
  readonly adamw: readonly string[];
  /** Folders with an adapter_config.json. */
  readonly adapters: readonly string[];
}

export interface GoldenFolder {
  readonly sets: readonly GoldenSet[];
  readonly tokenizer: string | null;
  readonly architectures: string | null;
}

/** Looks at `dir` and one level below it; throws NotFoundError `golden-not-found` when nothing is golden. */
export async function findGolden(dir: string): Promise<GoldenFolder> {
  const below = await folders(dir);
  const sets: GoldenSet[] = [];
  for (const each of [dir, ...below.map((name) => join(dir, name))]) {
    const set = await readSet(each);
    if (set) sets.push(set);
  }
  const folder = (name: string): string | null => (below.includes(name) ? join(dir, name) : null);
  const found = { sets, tokenizer: folder("tokenizer"), architectures: folder("architectures") };
  if (sets.length > 0 || found.tokenizer || found.architectures) return found;
  throw new NotFoundError(
    "golden-not-found",
    `golden folder ${dir}: found none of hidden.safetensors, grad-*.safetensors, adamw-*.json, peft-*/, tokenizer/, architectures/ in it or one level below`,
  );
}

async function readSet(dir: string): Promise<GoldenSet | null> {
  const names = await readdir(dir);
  const parts = (pattern: RegExp): string[] =>
    names.flatMap((name) => pattern.exec(name)?.[1] ?? []).toSorted();
  const adapters: string[] = [];
  for (const name of (await folders(dir)).toSorted()) {
    const inside = await readdir(join(dir, name));
    const isAdapter = inside.includes("adapter_config.json") && inside.includes(EXPECTED);
    if (isAdapter) adapters.push(join(dir, name));
  }
  const set: GoldenSet = {
    dir,
    hidden: names.includes("hidden.safetensors") ? join(dir, "hidden.safetensors") : null,
    grads: parts(/^grad-(.+)\.safetensors$/),
    adamw: parts(/^adamw-(.+)\.json$/),
    adapters,
  };
  const isEmpty = !set.hidden && set.grads.length + set.adamw.length + adapters.length === 0;
  return isEmpty ? null : set;
}

/** What every adapter and every tiny checkpoint is compared to. */
export const EXPECTED = "expected.safetensors";

/** Names of the folders inside `dir`. */
export async function folders(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

export type Tensors = (name: string) => Tensor;

/** Reads a safetensors file; the answer throws for a name that the file does not hold. */
export async function readTensors(
  path: string,
): Promise<{ at: Tensors; has: (name: string) => boolean }> {
  const { tensors } = readSafetensors(await readFile(path), path);
  return {
    has: (name) => tensors.has(name),
    at: (name) => {
      const tensor = tensors.get(name);
      if (tensor) return tensor;
      throw new NotFoundError(
        "golden-not-found",
        `${path}: has no tensor "${name}", only ${[...tensors.keys()].join(", ")}`,
      );
    },
  };
}

export const readJson = async (path: string): Promise<unknown> =>
  parseJson(await readFile(path), basename(path));

/** Integers of an int32 or int64 tensor. */
export const integers = (tensor: Tensor): Int32Array => Int32Array.from(tensor.data, Number);

/** Floats, checked for the number of them. */
export const floats = (tensor: Tensor): Float32Array => toFloat32(tensor);
