/**
 * Whether a tokenizer and an encoder's tables belong together. An id beyond its table fails at
 * serving, in whatever batch such a text is, so it is found at import.
 */
import { FormatError } from "../../src/core/errors.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import { parseJson } from "../../src/core/text.ts";
import type { EncoderConfig } from "../../src/encoder/families/architecture.ts";

const SUBJECT = "tokenizer.json";
/** Tokens that are named in the error. */
const MAX_NAMED = 3;

/**
 * Throws FormatError `tokenizer-mismatch` when tokens or the template have ids beyond the word or
 * type table, `tokenizer-unsupported` or `tokenizer-invalid` for one that cannot be read. Tables
 * with more rows than the tokenizer needs are usual.
 */
export function checkTokenizerFits(
  bytes: Uint8Array,
  { vocab, typeVocab }: Pick<EncoderConfig, "vocab" | "typeVocab">,
): void {
  const tokenizer = createTokenizer(bytes);
  if (tokenizer.vocabSize > vocab) {
    const found = tokensBeyond(parseJson(bytes, SUBJECT), tokenizer, vocab);
    const named = found.slice(0, MAX_NAMED).map((token) => JSON.stringify(token));
    throw new FormatError(
      "tokenizer-mismatch",
      `${SUBJECT}: its highest id is ${tokenizer.vocabSize - 1}${named.length > 0 ? ` (${named.join(", ")}${found.length > MAX_NAMED ? ", .." : ""})` : ""}, the word table has ${vocab} rows, so ids up to ${vocab - 1}; were tokens added without resize_token_embeddings? Remove them from ${SUBJECT}, or resize the table`,
    );
  }
  if (typeVocab === 0) return; // an encoder that reads no types
  for (const [what, encoding] of [
    ["one text", tokenizer.encode("a")],
    ["a pair of texts", tokenizer.encode("a", "a")],
  ] as const) {
    const highest = encoding.typeIds.reduce((max, id) => Math.max(max, id), 0);
    if (highest < typeVocab) continue;
    throw new FormatError(
      "tokenizer-mismatch",
      `${SUBJECT}: its post_processor gives ${what} the type id ${highest}, config.json's type_vocab_size is ${typeVocab}, so type ids up to ${typeVocab - 1}; set "type_id" to 0 there`,
    );
  }
}

/** Contents of added tokens and words of the vocabulary whose ids have no row. */
function tokensBeyond(json: unknown, tokenizer: Tokenizer, rows: number): string[] {
  const { added_tokens: added, model } = json as {
    added_tokens?: readonly { content?: unknown }[];
    model?: { vocab?: unknown };
  };
  const isBeyond = (content: unknown): content is string =>
    typeof content === "string" && tokenizer.tokenize(content).ids.some((id) => id >= rows);
  const words = Object.entries(model?.vocab ?? {}).filter(([, id]) => Number(id) >= rows);
  const tokens = (added ?? []).map(({ content }) => content).filter(isBeyond);
  return [...new Set([...tokens, ...words.map(([word]) => word)])];
}
