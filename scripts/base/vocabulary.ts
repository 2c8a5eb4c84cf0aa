/**
 * Cuts a vocabulary: counts which words a corpus uses, and writes a tokenizer.json with only those.
 * Ids are renumbered in their old order everywhere. A removed word is split into pieces.
 */
import { FormatError, InputError } from "../../src/core/errors.ts";
import type { Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import { corpusLines } from "../node/text-files.ts";

/** Distinct chunks held before they are tokenized and forgotten; bounds memory on any corpus. */
const MAX_CHUNKS = 500_000;

/** How often each id of the vocabulary occurs. */
export type IdCounts = Float64Array;

/**
 * Counts ids over text files. A chunk between white space is tokenized once and counted as often as
 * it occurs: no BERT-like tokenizer joins two chunks.
 */
export async function countIds(
  tokenizer: Tokenizer,
  paths: readonly string[],
  onProgress: (lines: number) => void = () => {},
): Promise<IdCounts> {
  const counts = new Float64Array(tokenizer.vocabSize);
  let chunks = new Map<string, number>();
  const flush = (): void => {
    for (const [chunk, times] of chunks) {
      for (const id of tokenizer.tokenize(chunk).ids) counts[id]! += times;
    }
    chunks = new Map();
  };
  let lines = 0;
  for (const path of paths) {
    for await (const line of corpusLines(path)) {
      for (const chunk of line.split(/\s+/)) {
        if (chunk !== "") chunks.set(chunk, (chunks.get(chunk) ?? 0) + 1);
      }
      if (chunks.size >= MAX_CHUNKS) flush();
      if (++lines % 10_000 === 0) onProgress(lines);
    }
  }
  flush();
  return counts;
}

interface WordPieceJson {
  readonly model: {
    readonly type: string;
    readonly vocab: Record<string, number>;
    readonly continuing_subword_prefix?: string;
    readonly unk_token?: string;
  };
  readonly added_tokens?: readonly { id: number; content: string }[];
  readonly post_processor?: Record<string, unknown> | null;
  readonly padding?: Record<string, unknown> | null;
}

/** A parsed tokenizer.json as WordPiece; throws FormatError `vocabulary-unsupported` for others. */
function asWordPiece(json: unknown): WordPieceJson {
  const tokenizer = json as WordPieceJson;
  const type = tokenizer?.model?.type;
  if (type !== "WordPiece") {
    throw new FormatError(
      "vocabulary-unsupported",
      `tokenizer.json: model type is ${JSON.stringify(type)}; a vocabulary can be cut for WordPiece`,
    );
  }
  return tokenizer;
}

/**
 * Chooses `size` ids, in ascending order: the added tokens and the unknown token; then single
 * characters and their continuing forms, so that any word still splits; then the words that the
 * corpus uses most. Equal counts go to the lower id. Throws InputError `vocabulary-size-invalid`.
 */
export function chooseIds(json: unknown, counts: IdCounts, size: number): Int32Array {
  const { model, added_tokens: added = [] } = asWordPiece(json);
  const prefix = model.continuing_subword_prefix ?? "##";
  const kept = new Set(added.map(({ id }) => id));
  const unknown = model.vocab[model.unk_token ?? "[UNK]"];
  if (unknown !== undefined) kept.add(unknown);
  const entries = Object.entries(model.vocab);
  if (size < kept.size || size > entries.length) {
    throw new InputError(
      "vocabulary-size-invalid",
      `--vocab-size: is ${size}, allowed are ${kept.size} (the special tokens alone) to ${entries.length} (all of it)`,
    );
  }
  const isCharacter = (token: string): boolean => {
    const bare = token.startsWith(prefix) ? token.slice(prefix.length) : token;
    return [...bare].length === 1;
  };
  const ranked = entries
    .map(([token, id]) => ({ id, rank: isCharacter(token) ? 0 : 1, count: counts[id] ?? 0 }))
    .sort((a, b) => a.rank - b.rank || b.count - a.count || a.id - b.id);
  for (const { id } of ranked) {
    if (kept.size >= size) break;
    kept.add(id);
  }
  return Int32Array.from(kept).sort();
}

/** The tokenizer.json with only the words `ids` (ascending); every id in it is renumbered. */
export function cutTokenizer(json: unknown, ids: Int32Array): Record<string, unknown> {
  const tokenizer = asWordPiece(json);
  const next = renumber(ids);
  const vocab = Object.fromEntries(
    Object.entries(tokenizer.model.vocab)
      .filter(([, id]) => next.has(id))
      .map(([token, id]) => [token, next.get(id)!] as const)
      .sort(([, a], [, b]) => a - b),
  );
  return {
    ...tokenizer,
    model: { ...tokenizer.model, vocab },
    added_tokens: (tokenizer.added_tokens ?? []).map((token) => ({
      ...token,
      id: next.get(token.id)!,
    })),
    post_processor: renumberProcessor(tokenizer.post_processor ?? null, next),
    padding: renumberPadding(tokenizer.padding ?? null, next),
  };
}

/** Old id -> new id. */
export const renumber = (ids: Int32Array): ReadonlyMap<number, number> =>
  new Map(Array.from(ids, (id, index) => [id, index]));

type Json = Record<string, unknown> | null;

/** TemplateProcessing lists ids by token, BertProcessing and RobertaProcessing have `sep` and `cls`. */
function renumberProcessor(processor: Json, next: ReadonlyMap<number, number>): Json {
  if (!processor) return null;
  const result: Record<string, unknown> = { ...processor };
  const {
    special_tokens: special,
    sep,
    cls,
    processors,
  } = processor as {
    special_tokens?: Record<string, { ids: number[] }>;
    sep?: [string, number];
    cls?: [string, number];
    processors?: Json[];
  };
  if (special) {
    result["special_tokens"] = Object.fromEntries(
      Object.entries(special).map(([token, entry]) => [
        token,
        { ...entry, ids: entry.ids.map((id) => next.get(id)!) },
      ]),
    );
  }
  if (sep) result["sep"] = [sep[0], next.get(sep[1])!];
  if (cls) result["cls"] = [cls[0], next.get(cls[1])!];
  if (processors) result["processors"] = processors.map((item) => renumberProcessor(item, next));
  return result;
}

function renumberPadding(padding: Json, next: ReadonlyMap<number, number>): Json {
  if (!padding) return null;
  return { ...padding, pad_id: next.get(padding["pad_id"] as number) ?? 0 };
}
