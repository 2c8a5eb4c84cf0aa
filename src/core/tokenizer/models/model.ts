/** What a model is: it cuts a word into tokens of its vocabulary. */
import { describe, type RecordReader } from "../../record.ts";
import { checkText, failId, isId } from "../json/fields.ts";
import type { Units } from "../text/text-buffer.ts";

/** Calls `token` for each piece of the word text[start, end), in order. */
export type Model = (
  text: Units,
  start: number,
  end: number,
  token: (id: number, start: number, end: number) => void,
) => void;

/** Token -> id. */
export type Vocabulary = ReadonlyMap<string, number>;

/** Four times the largest public vocabularies; bounds the memory of the trie. */
const MAX_VOCABULARY = 1_000_000;

/** The words of `"vocab"` by their ids: an object, or a list of words with scores. */
export function readVocabulary(model: RecordReader): Vocabulary {
  const vocab = model.raw("vocab");
  if (Array.isArray(vocab)) return readScoredWords(model, vocab);
  if (typeof vocab !== "object" || vocab === null) {
    return model.fail(`"vocab" is ${describe(vocab)}, expected an object of words to ids`);
  }
  const vocabulary = new Map<string, number>();
  // Keys, and a subject that is only put together for an error: this loop is part of every cold start.
  const ids = vocab as Readonly<Record<string, unknown>>;
  for (const word of Object.keys(ids)) {
    const id = ids[word];
    checkText(model, "vocab", word);
    vocabulary.set(word, isId(id) ? id : failId(model, `vocab ${describe(word)}`, id));
    if (vocabulary.size > MAX_VOCABULARY) {
      return model.fail(`"vocab" has more than ${MAX_VOCABULARY} words`);
    }
  }
  return vocabulary;
}

/** Words of a list: the id is the place, of a word that is there twice the last one. */
function readScoredWords(model: RecordReader, list: readonly unknown[]): Vocabulary {
  if (list.length > MAX_VOCABULARY) {
    return model.fail(`"vocab" has more than ${MAX_VOCABULARY} words`);
  }
  const vocabulary = new Map<string, number>();
  for (const [id, item] of list.entries()) {
    const word: unknown = Array.isArray(item) ? item[0] : undefined;
    if (typeof word !== "string") {
      return model.fail(`"vocab"[${id}] is ${describe(item)}, expected a word and its score`);
    }
    vocabulary.set(checkText(model, "vocab", word), id);
  }
  return vocabulary;
}
