/**
 * A base beside the larger one that it was distilled from, on texts that `distill` holds back: each
 * reads them by its serving graph, the smaller one on the runtime that serves.
 */
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { openBaseFolder } from "../../scripts/base/open-base.ts";
import { alignText } from "../../scripts/runs/distill/align.ts";
import { readCorpus } from "../../scripts/runs/distill/corpus.ts";
import type { Corpus } from "../../scripts/runs/distill/corpus.ts";
import { similarityOf, viewOf } from "../../scripts/runs/distill/similarity.ts";
import type { Similarity } from "../../scripts/runs/distill/similarity.ts";
import { servedStates } from "../../scripts/runs/distill/states.ts";
import { derive, keyOf } from "../../src/learn/random.ts";

/** As distill cuts what it measures on. */
const MAX_LENGTH = 128;

export interface Compared {
  readonly teacher: BaseManifest;
  readonly base: BaseManifest;
  readonly sources: Corpus["sources"];
  readonly similarity: Similarity;
}

/** Both are base folders; `maxHeldBack` texts of each file of `corpus` are read. */
export async function compareBases(
  dirs: { readonly teacher: string; readonly base: string },
  corpus: readonly string[],
  maxHeldBack: number,
  signal: AbortSignal,
): Promise<Compared> {
  const teacher = await openBaseFolder(dirs.teacher, "node");
  const base = await openBaseFolder(dirs.base, "serving");
  const key = derive(keyOf(0), "corpus");
  const { heldBack, sources } = await readCorpus(corpus, { maxTexts: 1, maxHeldBack, key });
  const texts = heldBack.map(({ text, source }) => ({
    ...alignText(text, base.tokenizer, teacher.tokenizer, MAX_LENGTH),
    source,
  }));
  const { hidden_size: hidden } = teacher.manifest.configuration;
  const view = (read: typeof base, side: "teacher" | "student") =>
    viewOf(servedStates(read), texts, side, hidden, signal);
  const [wanted, found] = [await view(teacher, "teacher"), await view(base, "student")];
  await teacher.encoder.release();
  await base.encoder.release();
  return {
    teacher: teacher.manifest,
    base: base.manifest,
    sources,
    similarity: similarityOf(wanted, found, texts, hidden),
  };
}
