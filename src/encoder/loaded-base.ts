/** A base in memory, loaded by an engine in the very shape that a Worker gets from its bucket. */
import { openPooler } from "../core/format/task.ts";
import type { Pooler } from "../core/model/head.ts";
import { createTokenizer } from "../core/tokenizer/tokenizer.ts";
import type { Tokenizer } from "../core/tokenizer/tokenizer.ts";
import type { BaseSource, Encoder, Engine, LoadedBase } from "../engine/engine.ts";
import type { Base } from "./base.ts";

/** A base in memory with its encoder. */
export const withEncoder = (base: Base, encoder: Encoder): LoadedBase => ({
  manifest: base.manifest,
  tokenizer: tokenizerOf(base),
  encoder,
  pooler: poolerOf(base),
});

/** The tokenizer of a base in memory. */
export const tokenizerOf = ({ manifest, files }: Pick<Base, "manifest" | "files">): Tokenizer =>
  createTokenizer(files.get(manifest.tokenizer)!);

/** The pooler of a base in memory, null where it has none. */
export const poolerOf = ({ manifest, files }: Base): Pooler | null =>
  manifest.pooler === null ? null : openPooler(files.get(manifest.pooler)!, manifest);

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
