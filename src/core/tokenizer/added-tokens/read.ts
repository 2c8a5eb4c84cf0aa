/** `"added_tokens"` of a tokenizer.json: the splitters that they make, and the ids that they take. */
import { FormatError } from "../../errors.ts";
import { describe, readRecord, type RecordReader } from "../../record.ts";
import { INVALID, SUBJECT, checkId, readFlag, readText } from "../json/fields.ts";
import type { Vocabulary } from "../models/vocabulary.ts";
import type { Normalizer } from "../normalizers/normalizer.ts";
import { TextBuffer } from "../text/text-buffer.ts";
import { addedTokenSplitter, type AddedToken, type Splitter } from "./splitter.ts";

/** More than any file has; bounds the work per text. */
const MAX_ADDED_TOKENS = 100_000;

export interface AddedTokenOfFile extends AddedToken {
  readonly isNormalized: boolean;
  readonly isSpecial: boolean;
}

/**
 * Added tokens in the order in which they are tried: special ones first. As in Python, the vocabulary
 * decides a token's id, then the next free one, never the file; and of several tokens with the same
 * content the flags of the last count for all.
 */
export function readAddedTokens(file: RecordReader, vocabulary: Vocabulary): AddedTokenOfFile[] {
  if (!file.has("added_tokens")) return [];
  const ids = new Map<string, number>();
  const last = new Map<string, AddedTokenOfFile>();
  let highest = -1;
  const found = file.list("added_tokens", MAX_ADDED_TOKENS, (value, name) => {
    const fields = readRecord(value, name, INVALID);
    const content = readText(fields, "content");
    checkId(fields, "id", fields.raw("id"));
    let id = vocabulary.get(content) ?? ids.get(content);
    if (id === undefined) {
      id = Math.max(vocabulary.size, highest + 1);
      checkId(fields, "id", id);
    }
    const token: AddedTokenOfFile = {
      id,
      content,
      isSingleWord: readFlag(fields, "single_word"),
      stripsLeft: readFlag(fields, "lstrip"),
      stripsRight: readFlag(fields, "rstrip"),
      isNormalized: readFlag(fields, "normalized"),
      isSpecial: readFlag(fields, "special"),
    };
    if (content !== "") {
      highest = Math.max(highest, id);
      ids.set(content, id);
      last.set(content, token);
    }
    return token;
  });
  return found
    .filter((token) => token.content !== "") // Python ignores them
    .map((token) => ({
      ...(last.get(token.content) ?? token),
      isNormalized: token.isNormalized,
      isSpecial: token.isSpecial,
    }))
    .sort((a, b) => Number(b.isSpecial) - Number(a.isSpecial));
}

/** The splitter of the raw text and that of the normalized text; undefined where there is nothing to find. */
export function splittersOf(
  tokens: readonly AddedTokenOfFile[],
  normalizer: Normalizer,
): { raw: Splitter | undefined; normalized: Splitter | undefined } {
  const raw = tokens.filter((token) => !token.isNormalized);
  const normalized = tokens.filter((token) => token.isNormalized);
  const contents = raw.map(({ content }) => content);
  return {
    raw: addedTokenSplitter(raw, contents),
    normalized: addedTokenSplitter(normalized, normalizedContents(normalized, normalizer)),
  };
}

function normalizedContents(tokens: readonly AddedToken[], normalizer: Normalizer): string[] {
  const buffer = new TextBuffer();
  return tokens.map(({ content }) => {
    buffer.reset();
    normalizer(content, 0, content.length, buffer);
    if (buffer.length === 0) {
      throw new FormatError(
        INVALID,
        `${SUBJECT}: added token ${describe(content)} is "normalized", and nothing is left of it; ` +
          `an empty token would match everywhere`,
      );
    }
    return buffer.toString();
  });
}
