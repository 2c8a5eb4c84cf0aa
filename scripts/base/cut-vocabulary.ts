/**
 * A tokenizer.json with fewer tokens. Ids are renumbered in their old order everywhere; text of a token
 * that goes is split into others. A token of byte pairs is kept with those that its merges go through, so
 * that each one that is kept can still be made.
 */
import { FormatError, InputError } from "../../src/core/errors.ts";

/** How often each id of the vocabulary occurs. */
export type IdCounts = Float64Array;

type Merge = string | readonly [string, string];
type Scored = readonly [string, number];

interface TokenizerJson {
  readonly model: {
    readonly type: string;
    readonly vocab: Readonly<Record<string, number>> | readonly Scored[];
    readonly merges?: readonly Merge[];
    readonly continuing_subword_prefix?: string;
    readonly unk_token?: string;
    readonly unk_id?: number;
  };
  readonly added_tokens?: readonly { id: number; content: string }[];
  readonly post_processor?: Record<string, unknown> | null;
  readonly padding?: Record<string, unknown> | null;
}

const CUTTABLE = ["WordPiece", "BPE", "Unigram"];

/** A parsed tokenizer.json of a kind that can be cut; throws FormatError `vocabulary-unsupported`. */
function asCuttable(json: unknown): TokenizerJson {
  const tokenizer = json as TokenizerJson;
  const type = tokenizer?.model?.type;
  if (!CUTTABLE.includes(type)) {
    throw new FormatError(
      "vocabulary-unsupported",
      `tokenizer.json: model type is ${JSON.stringify(type)}; a vocabulary can be cut for ${CUTTABLE.join(", ")}`,
    );
  }
  return tokenizer;
}

/** The tokens of the model with their ids; those of a list are numbered by their places. */
const entriesOf = ({
  model: { vocab },
}: TokenizerJson): (readonly [token: string, id: number])[] =>
  Array.isArray(vocab)
    ? (vocab as readonly Scored[]).map(([token], id) => [token, id] as const)
    : Object.entries(vocab as Readonly<Record<string, number>>);

const partsOf = (merge: Merge): readonly string[] =>
  typeof merge === "string" ? merge.split(" ") : merge;

/**
 * Chooses up to `size` ids, in ascending order: the added tokens, the unknown token and, of byte pairs, the
 * bytes; then single characters, so that any word still splits; then the tokens that the corpus uses most,
 * each with those that it is made of. Equal counts go to the lower id. Throws InputError
 * `vocabulary-size-invalid`.
 */
export function chooseIds(json: unknown, counts: IdCounts, size: number): Int32Array {
  const tokenizer = asCuttable(json);
  const { model, added_tokens: added = [] } = tokenizer;
  const entries = entriesOf(tokenizer);
  const kept = new Set(added.map(({ id }) => id));
  const isCharacter = characterTest(model, entries, counts);
  const ids = new Map(entries);
  const unknown = model.type === "Unigram" ? model.unk_id : ids.get(model.unk_token ?? "[UNK]");
  if (unknown !== undefined) kept.add(unknown);
  if (model.type === "BPE") for (const [token, id] of entries) if (isCharacter(token)) kept.add(id);
  const all = new Set([...kept, ...ids.values()]).size;
  if (size < kept.size || size > all) {
    const least = model.type === "BPE" ? "special tokens and bytes" : "special tokens";
    throw new InputError(
      "vocabulary-size-invalid",
      `--vocab-size: is ${size}, allowed are ${kept.size} (the ${least} alone) to ${all} (all of it)`,
    );
  }
  const ranked = entries
    .map(([token, id]) => ({ id, rank: isCharacter(token) ? 0 : 1, count: counts[id] ?? 0 }))
    .sort((a, b) => a.rank - b.rank || b.count - a.count || a.id - b.id);
  const madeOf = partIds(model.merges ?? [], ids);
  for (const { id } of ranked) {
    if (kept.size >= size) break;
    const more = withParts(id, madeOf, kept);
    if (kept.size + more.size <= size) for (const each of more) kept.add(each);
  }
  return Int32Array.from(kept).sort();
}

/** Tells single characters; of Unigram, whose lists have those of all scripts, the ones in tokens that are used. */
function characterTest(
  {
    type,
    continuing_subword_prefix: prefix = type === "WordPiece" ? "##" : "",
  }: TokenizerJson["model"],
  entries: readonly (readonly [string, number])[],
  counts: IdCounts,
): (token: string) => boolean {
  const used = new Set<string>();
  if (type === "Unigram") {
    for (const [token, id] of entries) if (counts[id]! > 0) for (const c of token) used.add(c);
  }
  return (token) => {
    const bare = prefix !== "" && token.startsWith(prefix) ? token.slice(prefix.length) : token;
    return [...bare].length === 1 && (type !== "Unigram" || used.has(token));
  };
}

/** Of each token that a merge makes: the two that the first such merge takes. */
function partIds(
  merges: readonly Merge[],
  ids: ReadonlyMap<string, number>,
): ReadonlyMap<number, readonly number[]> {
  const parts = new Map<number, readonly number[]>();
  for (const merge of merges) {
    const pair = partsOf(merge);
    const made = ids.get(pair.join(""));
    if (made !== undefined && !parts.has(made))
      parts.set(
        made,
        pair.map((token) => ids.get(token)!),
      );
  }
  return parts;
}

/** An id and all that it is made of, without those that are kept already. */
function withParts(
  id: number,
  madeOf: ReadonlyMap<number, readonly number[]>,
  kept: ReadonlySet<number>,
): Set<number> {
  const found = new Set<number>();
  const open = [id];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (kept.has(next) || found.has(next)) continue;
    found.add(next);
    open.push(...(madeOf.get(next) ?? []));
  }
  return found;
}

/** The tokenizer.json with only the tokens `ids` (ascending); every id in it is renumbered. */
export function cutTokenizer(json: unknown, ids: Int32Array): Record<string, unknown> {
  const tokenizer = asCuttable(json);
  const next = renumber(ids);
  return {
    ...tokenizer,
    model: cutModel(tokenizer, next),
    added_tokens: (tokenizer.added_tokens ?? []).map((token) => ({
      ...token,
      id: next.get(token.id)!,
    })),
    post_processor: renumberProcessor(tokenizer.post_processor ?? null, next),
    padding: renumberPadding(tokenizer.padding ?? null, next),
  };
}

function cutModel(tokenizer: TokenizerJson, next: ReadonlyMap<number, number>): object {
  const { model } = tokenizer;
  if (Array.isArray(model.vocab)) {
    const vocab = (model.vocab as readonly Scored[]).filter((_, id) => next.has(id));
    return { ...model, vocab, unk_id: next.get(model.unk_id ?? -1) ?? null };
  }
  const left = entriesOf(tokenizer)
    .filter(([, id]) => next.has(id))
    .map(([token, id]) => [token, next.get(id)!] as const)
    .sort(([, a], [, b]) => a - b);
  const vocab = Object.fromEntries(left);
  if (!model.merges) return { ...model, vocab };
  const tokens = new Set(left.map(([token]) => token));
  const merges = model.merges.filter((merge) => {
    const pair = partsOf(merge);
    return [...pair, pair.join("")].every((token) => tokens.has(token));
  });
  return { ...model, vocab, merges };
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
