/**
 * Bases from folders or from memory, in the very shape that the Worker gets from its bucket, so that
 * the command line answers through the same code.
 */
import type { Pooler } from "../../src/core/model/head.ts";
import { openPooler } from "../../src/core/format/task.ts";
import { parseJson } from "../../src/core/text.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { BaseSource, Encoder, Engine, LoadedBase } from "../../src/engine/engine.ts";
import { readBaseFolder } from "./base-folder.ts";
import { namedRuntime } from "./runtimes.ts";
import type { Runtime } from "./runtimes.ts";

/** Opens a base folder on a runtime. Every file is checked against its manifest. */
export async function openBaseFolder(dir: string, runtime: Runtime): Promise<LoadedBase> {
  return openBase(await readBaseFolder(dir), runtime);
}

/** Opens a base that is already in memory. */
export async function openBase(base: Base, runtime: Runtime): Promise<LoadedBase> {
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
export async function loadEncoder(base: Base, runtime: Runtime): Promise<Encoder> {
  const named = namedRuntime(runtime, base.manifest.dtype);
  switch (named) {
    case "web":
      return load((await import("../node/runtime-web.ts")).webEngine, base);
    case "node":
      return load((await import("../node/runtime-node.ts")).nodeEngine(), base);
    case "simd":
      return load((await import("../node/runtime-simd.ts")).simdNodeEngine, base);
    default:
      return named satisfies never;
  }
}

/** Loads a base in memory by an engine. */
export async function load(engine: Engine, base: Base): Promise<Encoder> {
  return (await engine.prepare(sourceOf(base)))();
}

/** A base in memory, as an engine reads it. */
export const sourceOf = ({ manifest, files }: Base): BaseSource => ({
  manifest: Promise.resolve(manifest),
  file: (name) => Promise.resolve(files.get(name)!),
  stream: (name) => wholeFile(files.get(name)!),
  image: null,
});

/** A file in memory as a stream of one piece. */
async function* wholeFile(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
