/**
 * tokenizer.json as its bytes arrive: the vocabulary and the merges go entry by entry into flat memory,
 * and what is left, a few kilobytes, is parsed as JSON. The file is never held whole, neither as text
 * nor as objects.
 *
 *     {.., "model": {"type": "BPE", "vocab": {<entries>}, "merges": [<entries>]}}
 */
import { FormatError } from "../errors.ts";
import { decodeUtf8, parseJson } from "../text.ts";
import { MergeList } from "./models/merge-list.ts";
import { Vocabulary } from "./models/vocabulary.ts";
import { INVALID, SUBJECT } from "./json/fields.ts";
import {
  BACKSLASH,
  CLOSE_LIST,
  CLOSE_OBJECT,
  COMMA,
  JsonBytes,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
} from "./json/json-bytes.ts";

/** A tokenizer.json, read. */
export interface TokenizerFile {
  /** Everything but the vocabulary and the merges, which are null there. */
  readonly rest: unknown;
  /** null: the model has none, or one that is neither an object nor a list. */
  readonly vocabulary: Vocabulary | null;
  readonly merges: MergeList | null;
}

/** An entry is read when so many bytes are there: two words, each unit escaped, and white space. */
const MAX_ENTRY_BYTES = 16_384;
/** A key that is longer is none that is looked for. */
const MAX_KEY_BYTES = 64;
const REPLACEMENT = Uint8Array.from("null", (letter) => letter.charCodeAt(0));

/** What stands between the brackets of a long list, read entry by entry. */
interface Entries {
  readonly close: number;
  read(json: JsonBytes): void;
  /** What may come next. */
  state: "entry or end" | "comma or end" | "entry";
}

export class TokenizerFileReader {
  readonly #json = new JsonBytes();
  readonly #rest = new ByteList();
  #vocabulary: Vocabulary | null = null;
  #merges: MergeList | null = null;
  /** The list that is being read; null: the rest is. */
  #entries: Entries | null = null;
  /** Its first bytes wait for more: so many. */
  #buffer = new Uint8Array(MAX_ENTRY_BYTES);
  #waiting = 0;

  #depth = 0;
  #isInModel = false;
  #hasModel = false;
  #isInText = false;
  #isEscaped = false;
  /** Whether the next text is a key of the file or of its model. */
  #isKeyNext = false;
  /** Where in the rest the key begins that is being read; -1: none is. */
  #keyStart = -1;
  /** The key whose value comes next. */
  #key: string | null = null;

  /** Reads the next bytes; they may be changed afterwards. Throws `json-invalid`, `tokenizer-invalid`. */
  write(bytes: Uint8Array): void {
    const waiting = this.#waiting;
    if (waiting === 0) {
      this.#readAll(bytes, false);
      return;
    }
    // Waiting bytes and new ones together, in the one array that is kept for it.
    if (waiting + bytes.length > this.#buffer.length) this.#grow(waiting + bytes.length);
    this.#buffer.set(bytes, waiting);
    this.#readAll(this.#buffer.subarray(0, waiting + bytes.length), false);
  }

  /** What the bytes were, once all have been written. */
  end(): TokenizerFile {
    this.#readAll(this.#buffer.subarray(0, this.#waiting), true);
    if (this.#entries) throw this.#json.invalid("more of the list");
    const rest = parseJson(this.#rest.bytes(), SUBJECT);
    this.#vocabulary?.trim();
    return { rest, vocabulary: this.#vocabulary, merges: this.#merges };
  }

  /** Reads bytes of the file; those at the end that must wait for more go to the buffer's beginning. */
  #readAll(bytes: Uint8Array, isLast: boolean): void {
    const json = this.#json;
    json.bytes = bytes;
    json.at = 0;
    this.#read(isLast);
    json.before += json.at;
    this.#waiting = bytes.length - json.at;
    if (this.#waiting > this.#buffer.length) this.#grow(this.#waiting);
    this.#buffer.set(bytes.subarray(json.at));
  }

  #grow(length: number): void {
    const buffer = new Uint8Array(2 * length);
    buffer.set(this.#buffer.subarray(0, this.#waiting));
    this.#buffer = buffer;
  }

  #read(isLast: boolean): void {
    const json = this.#json;
    for (;;) {
      const { at } = json;
      if (this.#entries) this.#readEntries(this.#entries, isLast);
      else this.#readRest();
      if (json.at === at || json.at === json.bytes.length) return;
    }
  }

  #readEntries(entries: Entries, isLast: boolean): void {
    const json = this.#json;
    for (;;) {
      json.skipSpace();
      if (json.at === json.bytes.length) return;
      const byte = json.bytes[json.at];
      if (byte === entries.close && entries.state !== "entry") {
        json.at++;
        this.#entries = null;
        return;
      }
      if (entries.state === "comma or end") {
        json.take(COMMA);
        entries.state = "entry";
        continue;
      }
      if (!isLast && json.bytes.length - json.at < MAX_ENTRY_BYTES) return;
      entries.read(json);
      entries.state = "comma or end";
    }
  }

  /** Reads up to the next long list, following only brackets and keys: whether it is JSON is seen later. */
  #readRest(): void {
    const { bytes } = this.#json;
    let from = this.#json.at; // what has not been added to the rest
    let i = from;
    for (; i < bytes.length && !this.#entries; i++) {
      const byte = bytes[i]!;
      if (this.#isInText) {
        if (this.#isEscaped) {
          this.#isEscaped = false;
        } else if (byte === BACKSLASH) {
          this.#isEscaped = true;
        } else if (byte === QUOTE) {
          this.#isInText = false;
          if (this.#keyStart < 0) continue;
          this.#rest.add(bytes.subarray(from, i + 1));
          from = i + 1;
          this.#key = keyOf(this.#rest.bytes().subarray(this.#keyStart));
        }
      } else if (byte === QUOTE) {
        this.#isInText = true;
        this.#keyStart = this.#isKeyNext ? this.#rest.length + i - from : -1;
        this.#isKeyNext = false;
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        this.#open(byte);
        if (!this.#entries) continue;
        this.#rest.add(bytes.subarray(from, i));
        this.#rest.add(REPLACEMENT);
        from = i + 1;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        this.#depth--;
        if (this.#depth <= 1) this.#isInModel = false;
        this.#isKeyNext = false;
      } else if (byte === COMMA) {
        this.#key = null;
        this.#isKeyNext = this.#depth === 1 || (this.#depth === 2 && this.#isInModel);
      }
    }
    this.#rest.add(bytes.subarray(from, i));
    this.#json.at = i;
  }

  /** A bracket: of a long list, of the model, or of anything else. */
  #open(bracket: number): void {
    const key = this.#key;
    this.#key = null;
    if (this.#depth === 2 && this.#isInModel && (key === "vocab" || key === "merges")) {
      this.#entries = this.#begin(key, bracket);
      if (this.#entries) return;
    }
    if (this.#depth === 1 && key === "model") {
      if (this.#hasModel) throw twice("model");
      this.#hasModel = true;
      this.#isInModel = bracket === OPEN_OBJECT;
    }
    this.#depth++;
    this.#isKeyNext =
      bracket === OPEN_OBJECT && (this.#depth === 1 || (this.#depth === 2 && this.#isInModel));
  }

  #begin(key: "vocab" | "merges", bracket: number): Entries | null {
    const close = bracket === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST;
    if (key === "merges") {
      if (bracket === OPEN_OBJECT) return null;
      if (this.#merges) throw twice("merges");
      const merges = new MergeList();
      this.#merges = merges;
      return { close, read: (json) => merges.read(json), state: "entry or end" };
    }
    if (this.#vocabulary) throw twice("vocab");
    const vocabulary = new Vocabulary(bracket === OPEN_LIST);
    this.#vocabulary = vocabulary;
    return { close, read: (json) => vocabulary.read(json), state: "entry or end" };
  }
}

const twice = (key: string): FormatError =>
  new FormatError(INVALID, `${SUBJECT}: has "${key}" twice`);

/** A key without its quotes; null for one that is longer than any that is looked for. */
function keyOf(bytes: Uint8Array): string | null {
  if (bytes.length > MAX_KEY_BYTES) return null;
  try {
    return JSON.parse(decodeUtf8(bytes)) as string;
  } catch {
    return null; // the rest is found to be no JSON at the end
  }
}

/** Bytes that grow. */
class ByteList {
  length = 0;
  #bytes = new Uint8Array(4096);

  add(bytes: Uint8Array): void {
    const length = this.length + bytes.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      grown.set(this.bytes());
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.length);
    this.length = length;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}
