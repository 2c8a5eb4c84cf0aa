/**
 * `"vocab"` of a tokenizer.json: an object of words to ids, or a list of words with scores. The words are
 * in a trie, which is also what models look them up in: there is no other copy of them.
 */
import { FormatError } from "../../errors.ts";
import { INVALID, MAX_ID, SUBJECT, isId } from "../json/fields.ts";
import { CLOSE_LIST, COLON, COMMA, OPEN_LIST, QUOTE, type JsonBytes } from "../json/json-bytes.ts";
import { TextBuffer, type Units } from "../text/text-buffer.ts";
import { Trie } from "../text/trie.ts";

/** Four times the largest public vocabularies; bounds the memory of the trie. */
const MAX_VOCABULARY = 1_000_000;

export class Vocabulary {
  /** Words to ids. */
  readonly trie = new Trie();
  /** Different words. */
  size = 0;
  /** -1 when there are no words. */
  highestId = -1;
  /** Of a list: the score of each id. */
  #scores: Float64Array | null;
  #entries = 0;
  readonly #word = new TextBuffer();

  constructor(isList: boolean) {
    this.#scores = isList ? new Float64Array(256) : null;
  }

  /** The id of a word. */
  get(word: Units): number | undefined {
    const node = this.trie.find(word);
    const id = node < 0 ? -1 : this.trie.value(node);
    return id < 0 ? undefined : id;
  }

  /** The scores of a list, by id; null for an object. */
  get scores(): Float64Array | null {
    return this.#scores;
  }

  /** Reads the next entry of the object or the list. A word that is there twice has the last id. */
  read(json: JsonBytes): void {
    if (this.#entries === MAX_VOCABULARY) {
      throw invalid(`"vocab" has more than ${MAX_VOCABULARY} words`);
    }
    const index = this.#entries++;
    if (this.#scores) this.#readScored(json, index);
    else this.#readWord(json);
  }

  /** Gives back the room for further words. */
  trim(): void {
    this.trie.trim();
    this.#scores &&= this.#scores.slice(0, this.#entries);
  }

  #readWord(json: JsonBytes): void {
    this.#text(json);
    json.take(COLON);
    json.skipSpace();
    const { at } = json;
    const id = json.number();
    if (!isId(id)) {
      json.at = at;
      const value = Number.isNaN(id) ? json.describe() : id;
      throw invalid(
        `"vocab" ${JSON.stringify(this.#word.toString())}: id is ${value}, expected an integer from 0 to ${MAX_ID}`,
      );
    }
    this.#add(id);
  }

  #readScored(json: JsonBytes, index: number): void {
    const where = `"vocab"[${index}]`;
    if (!json.isNext(OPEN_LIST)) throw invalid(`${where} is ${json.describe()}, expected a word and its score`);
    json.take(OPEN_LIST);
    if (!json.isNext(QUOTE)) throw invalid(`${where} is a list of ${json.describe()}, expected a word and its score`);
    this.#text(json);
    if (json.isNext(CLOSE_LIST)) throw invalid(`${where}: its score is missing, expected a number`);
    json.take(COMMA);
    json.skipSpace();
    const { at } = json;
    const score = json.score();
    if (!Number.isFinite(score)) {
      json.at = at;
      throw invalid(`${where}: its score is ${json.describe()}, expected a number`);
    }
    if (!json.isNext(CLOSE_LIST)) throw invalid(`${where}: has more than a word and its score`);
    json.take(CLOSE_LIST);
    if (index === this.#scores!.length) {
      const scores = new Float64Array(Math.ceil(1.5 * index));
      scores.set(this.#scores!);
      this.#scores = scores;
    }
    this.#scores![index] = score;
    this.#add(index);
  }

  #add(id: number): void {
    if (this.trie.set(this.#word, id)) this.size++;
    if (id > this.highestId) this.highestId = id;
  }

  #text(json: JsonBytes): void {
    const wrong = json.text(this.#word);
    if (wrong !== null) throw invalid(`"vocab" ${wrong}`);
  }
}

const invalid = (what: string): FormatError =>
  new FormatError(INVALID, `${SUBJECT}: "model": ${what}`);
