/**
 * What a corpus says of a vocabulary: how often it uses each token, and how many of its tokens change when
 * the vocabulary is cut.
 */
import type { Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import { corpusLines } from "../node/text-files.ts";
import { renumber } from "./cut-vocabulary.ts";
import type { IdCounts } from "./cut-vocabulary.ts";

/** Distinct texts held before they are tokenized and forgotten; bounds memory on any corpus. */
const MAX_TEXTS = 500_000;

export interface CorpusOptions {
  readonly paths: readonly string[];
  /**
   * Whether tokens never reach over white space, so that a word between spaces can be tokenized once and
   * counted as often as it occurs: true of BERT's tokenizers. Others see whole lines.
   */
  readonly splitsAtSpaces: boolean;
  readonly onProgress?: (lines: number) => void;
}

/** True of the tokenizers that cut at white space and leave no trace of it in their tokens. */
export const splitsAtSpaces = (json: unknown): boolean =>
  (json as { model?: { type?: unknown } } | null)?.model?.type === "WordPiece";

/** Different texts of a corpus, with how often each occurs. */
async function* countedTexts({
  paths,
  splitsAtSpaces: splits,
  onProgress = () => {},
}: CorpusOptions): AsyncGenerator<ReadonlyMap<string, number>> {
  let texts = new Map<string, number>();
  let lines = 0;
  let units = 0;
  for (const path of paths) {
    for await (const line of corpusLines(path)) {
      for (const text of splits ? line.split(/\s+/) : [line]) {
        if (text === "") continue;
        texts.set(text, (texts.get(text) ?? 0) + 1);
        units += text.length;
      }
      if (texts.size >= MAX_TEXTS || (!splits && units >= MAX_TEXTS)) {
        yield texts;
        texts = new Map();
        units = 0;
      }
      if (++lines % 10_000 === 0) onProgress(lines);
    }
  }
  yield texts;
}

/** Counts ids over the text files of a corpus. */
export async function countIds(tokenizer: Tokenizer, corpus: CorpusOptions): Promise<IdCounts> {
  const counts = new Float64Array(tokenizer.vocabSize);
  for await (const texts of countedTexts(corpus)) {
    for (const [text, times] of texts) {
      for (const id of tokenizer.tokenize(text).ids) counts[id]! += times;
    }
  }
  return counts;
}

/**
 * The share of a corpus' tokens, 0 to 1, that a tokenizer cut to `ids` does not have: there is no token
 * of the same place and of the new id.
 */
export async function changedShare(
  { before, after, ids }: { before: Tokenizer; after: Tokenizer; ids: Int32Array },
  corpus: CorpusOptions,
): Promise<number> {
  const next = renumber(ids);
  let [tokens, changed] = [0, 0];
  for await (const texts of countedTexts(corpus)) {
    for (const [text, times] of texts) {
      const [old, cut] = [before.tokenize(text), after.tokenize(text)];
      tokens += times * old.ids.length;
      let from = 0;
      for (const [i, id] of old.ids.entries()) {
        const [start, end] = [old.starts[i]!, old.ends[i]!];
        while (from < cut.ids.length && cut.starts[from]! < start) from++;
        let at = from;
        const isIt = (): boolean => cut.ids[at] === next.get(id) && cut.ends[at] === end;
        while (at < cut.ids.length && cut.starts[at] === start && !isIt()) at++;
        if (at === cut.ids.length || cut.starts[at] !== start) changed += times;
      }
    }
  }
  return tokens === 0 ? 0 : changed / tokens;
}
