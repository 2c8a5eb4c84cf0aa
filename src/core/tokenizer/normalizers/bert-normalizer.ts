/**
 * BertNormalizer: clean -> spaces around CJK -> NFD without nonspacing marks -> lowercase, in one
 * pass over the text, with the origin of every character that comes out.
 *
 * The steps are separate passes in Python; one pass gives the same because each step looks at one
 * code point only, except NFD, which may reorder a run of combining marks. Such a run is held back
 * until its end is known. Origins then follow Python's rule: a character that NFD adds shares the
 * origin of the one before it, all others take the origins of the run in order of position.
 */
import type { RecordReader } from "../../record.ts";
import { readFlag } from "../json/fields.ts";
import { pushLowercase } from "../text/lowercase.ts";
import { codePointAt, widthOf, type TextBuffer } from "../text/text-buffer.ts";
import {
  CJK,
  DECOMPOSES,
  MARK,
  NONSTARTER,
  REMOVED,
  SPACE,
  UPPERCASE,
  codePointFlags,
  combiningClass,
  decompose,
  lowercaseOf,
} from "../text/unicode.ts";
import type { Normalizer } from "./normalizer.ts";

export interface BertNormalizerOptions {
  readonly cleanText: boolean;
  readonly handleChineseChars: boolean;
  readonly stripAccents: boolean;
  readonly lowercase: boolean;
}

const BLANK = 0x20;
// A pending mark is packed into one integer: class, whether NFD added it, code point.
const CLASS_SHIFT = 22;
const ADDED = 1 << 21;
const CODE_MASK = ADDED - 1;

/** Makes the normalizer for one set of options; it keeps scratch space and is not reentrant. */
export function bertNormalizer(options: BertNormalizerOptions): Normalizer {
  const { cleanText, handleChineseChars, stripAccents, lowercase } = options;
  const flags = codePointFlags();
  let out: TextBuffer;

  // What becomes of each ASCII character, -1 when it is removed: the fast path of most text.
  const ascii = Int32Array.from({ length: 128 }, (_, code) => {
    if (cleanText && flags[code]! & REMOVED) return -1;
    if (cleanText && flags[code]! & SPACE) return BLANK;
    return lowercase && flags[code]! & UPPERCASE ? lowercaseOf(code) : code;
  });

  const pending: number[] = [];
  const pendingOrigins: number[] = []; // of those in `pending` that NFD did not add
  let lastOrigin = 0;

  const emit = (code: number, origin: number): void => {
    if (stripAccents && flags[code]! & MARK) return;
    if (lowercase) pushLowercase(code, origin, out);
    else out.push(code, origin);
  };

  const flushPending = (): void => {
    let isSorted = true;
    for (let i = 1; i < pending.length; i++) {
      if (pending[i - 1]! >> CLASS_SHIFT > pending[i]! >> CLASS_SHIFT) isSorted = false;
    }
    if (!isSorted) pending.sort((a, b) => (a >> CLASS_SHIFT) - (b >> CLASS_SHIFT)); // stable
    let taken = 0;
    for (const mark of pending) {
      if ((mark & ADDED) === 0) lastOrigin = pendingOrigins[taken++]!;
      emit(mark & CODE_MASK, lastOrigin);
    }
    pending.length = 0;
    pendingOrigins.length = 0;
  };

  const starter = (code: number, origin: number): void => {
    if (pending.length > 0) flushPending();
    lastOrigin = origin;
    emit(code, origin);
  };

  /** One code point of a decomposition, or one that is not decomposed. */
  const part = (code: number, origin: number, isAdded: boolean): void => {
    if ((flags[code]! & NONSTARTER) === 0) {
      starter(code, origin);
      return;
    }
    pending.push((combiningClass(code) << CLASS_SHIFT) | (isAdded ? ADDED : 0) | code);
    if (!isAdded) pendingOrigins.push(origin);
  };

  const normalizeOne = (code: number, origin: number): void => {
    if (!stripAccents) {
      emit(code, origin);
    } else if (flags[code]! & DECOMPOSES) {
      const parts = decompose(code);
      for (let i = 0; i < parts.length; i++) part(parts[i]!, origin, i > 0);
    } else {
      part(code, origin, false);
    }
  };

  return (text, from, to, target) => {
    out = target;
    let width = 1;
    for (let i = from; i < to; i += width) {
      width = 1;
      const unit = text.charCodeAt(i);
      if (unit < 128) {
        const mapped = ascii[unit]!;
        if (mapped < 0) continue;
        if (pending.length > 0) flushPending();
        lastOrigin = i;
        out.push(mapped, i);
        continue;
      }
      let code = codePointAt(text, i);
      width = widthOf(code);
      if (cleanText) {
        if (flags[code]! & REMOVED) continue;
        if (flags[code]! & SPACE) code = BLANK;
      }
      if (handleChineseChars && flags[code]! & CJK) {
        starter(BLANK, i);
        normalizeOne(code, i);
        starter(BLANK, i);
      } else {
        normalizeOne(code, i);
      }
    }
    flushPending();
  };
}

/** `{ "type": "BertNormalizer", .. }` of a tokenizer.json. */
export function readBertNormalizer(fields: RecordReader): Normalizer {
  const lowercase = readFlag(fields, "lowercase");
  return bertNormalizer({
    cleanText: readFlag(fields, "clean_text"),
    handleChineseChars: readFlag(fields, "handle_chinese_chars"),
    // null means: as the original BERT did, together with lowercasing.
    stripAccents: fields.has("strip_accents") ? readFlag(fields, "strip_accents") : lowercase,
    lowercase,
  });
}
