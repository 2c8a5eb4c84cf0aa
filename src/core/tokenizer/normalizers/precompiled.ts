/**
 * Precompiled: SentencePiece's map of characters and what they become, as Python's library applies it.
 *
 * The map is a double array (darts) over UTF-8 bytes and a text of all replacements. A grapheme cluster
 * of fewer than 6 bytes is replaced as a whole, by what the shortest of its beginnings becomes that is
 * in the map; any other is replaced character by character.
 */
import { fromBase64 } from "../../base64.ts";
import type { RecordReader } from "../../record.ts";
import { decodeLoosely } from "../../text.ts";
import { codePointAt, widthOf, type TextBuffer } from "../text/text-buffer.ts";
import { forEachByte } from "../text/utf8.ts";
import { BREAKS, EXTENDS, PREPENDED, graphemeParts } from "../text/unicode.ts";
import { writerTo, type Made } from "./origins.ts";
import type { Rewriter } from "./rewriter.ts";

/** `{ "type": "Precompiled", .. }` of a tokenizer.json. */
export function readPrecompiled(fields: RecordReader): Rewriter {
  const map = readMap(fields);
  return (input, out) => {
    const made: Made[] = [];
    for (let start = 0; start < input.length;) {
      const end = clusterEnd(input, start);
      const whole = map.replacement(input, start, end);
      if (whole) {
        replace(made, countCodePoints(input, start, end), whole);
      } else {
        for (let i = start; i < end;) {
          const code = codePointAt(input, i);
          const to = i + widthOf(code);
          const one = map.replacement(input, i, to);
          if (one) replace(made, 1, one);
          else made.push({ code, taken: 1 });
          i = to;
        }
      }
      start = end;
    }
    const write = writerTo(input, out);
    for (const each of made) write(each);
  };
}

/** A cluster of so many UTF-8 bytes, or more, is never replaced as a whole. */
const MAX_CLUSTER_BYTES = 6;

/**
 * Adds a replacement of `count` characters. Of more characters than there were the last ones are added
 * ones, of fewer the last one takes what is left; where nothing is put in, the one before takes it.
 */
function replace(made: Made[], count: number, codes: readonly number[]): void {
  for (const [i, code] of codes.entries()) made.push({ code, taken: i < count ? 1 : 0 });
  const last = made.at(-1);
  if (codes.length < count && last) last.taken += count - codes.length;
}

function countCodePoints(input: TextBuffer, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i += widthOf(codePointAt(input, i))) count++;
  return count;
}

const [RETURN, LINE_FEED] = [0x0d, 0x0a];

/**
 * End of the grapheme cluster at `start`. Left out are the rules for flags, emoji and Indic conjuncts,
 * whose clusters have 6 bytes and more: they are replaced character by character either way.
 */
function clusterEnd(input: TextBuffer, start: number): number {
  const parts = graphemeParts();
  const first = codePointAt(input, start);
  let end = start + widthOf(first);
  if (parts[first] === BREAKS) {
    const isPair = first === RETURN && end < input.length && input.charCodeAt(end) === LINE_FEED;
    return isPair ? end + 1 : end;
  }
  for (let before = first; end < input.length;) {
    const code = codePointAt(input, end);
    const goesOn =
      parts[code] === EXTENDS ||
      (parts[before] === PREPENDED && parts[code] !== BREAKS) ||
      joinsHangul(before, code);
    if (!goesOn) break;
    end += widthOf(code);
    before = code;
  }
  return end;
}

/** Leading, vowel and trailing parts of a syllable, and whole syllables. */
function joinsHangul(before: number, code: number): boolean {
  const kind = hangulKind(code);
  switch (hangulKind(before)) {
    case "L":
      return kind !== null && kind !== "T";
    case "V":
    case "LV":
      return kind === "V" || kind === "T";
    case "T":
    case "LVT":
      return kind === "T";
    default:
      return false;
  }
}

function hangulKind(code: number): "L" | "V" | "T" | "LV" | "LVT" | null {
  if (code < 0x1100 || code > 0xd7fb) return null;
  if (code <= 0x115f || (code >= 0xa960 && code <= 0xa97c)) return "L";
  if (code <= 0x11a7 || (code >= 0xd7b0 && code <= 0xd7c6)) return "V";
  if (code <= 0x11ff || code >= 0xd7cb) return "T";
  if (code < 0xac00 || code > 0xd7a3) return null;
  return (code - 0xac00) % 28 === 0 ? "LV" : "LVT";
}

interface CharacterMap {
  /** What the shortest beginning of input[start, end) that is in the map becomes; null where none is. */
  replacement(input: TextBuffer, start: number, end: number): readonly number[] | null;
}

/** Units of 4 bytes; real files have 80,000. */
const MAX_UNITS = 4_000_000;

function readMap(fields: RecordReader): CharacterMap {
  const bytes = readBase64(fields, fields.string("precompiled_charsmap"));
  const view = new DataView(bytes.buffer);
  const trieBytes = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  if (trieBytes === 0 || trieBytes % 4 !== 0 || trieBytes / 4 > MAX_UNITS) {
    fields.fail(`"precompiled_charsmap" begins with a trie of ${trieBytes} bytes`);
  }
  if (4 + trieBytes > bytes.length) {
    fields.fail(`"precompiled_charsmap" ends within its trie of ${trieBytes} bytes`);
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) =>
    view.getUint32(4 + 4 * i, true),
  );
  return mapOf(units, bytes.subarray(4 + trieBytes));
}

function readBase64(fields: RecordReader, text: string): Uint8Array<ArrayBuffer> {
  const padded = text.padEnd(Math.ceil(text.length / 4) * 4, "=");
  return fromBase64(padded, () => fields.fail(`"precompiled_charsmap" is no base64`));
}

// A unit of the double array: the byte that leads to it, whether a key ends there, and where its
// children are. The unit behind the end of a key holds its value instead.
const labelOf = (unit: number): number => unit & 0x800000ff;
const hasLeaf = (unit: number): boolean => (unit & 0x100) !== 0;
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);
const valueOf = (unit: number): number => unit & 0x7fffffff;

function mapOf(units: Uint32Array, texts: Uint8Array): CharacterMap {
  const known = new Map<number, readonly number[]>();
  /** The text at an offset, up to the next NUL, as code points. */
  const textAt = (at: number): readonly number[] => {
    let codes = known.get(at);
    if (!codes) {
      const end = texts.indexOf(0, at);
      const text = decodeLoosely(texts.subarray(at, end < 0 ? texts.length : end));
      codes = Array.from(text, (character) => character.codePointAt(0)!);
      known.set(at, codes);
    }
    return codes;
  };
  const bytes: number[] = [];
  return {
    replacement(input, start, end) {
      bytes.length = 0;
      for (let i = start; i < end;) {
        const code = codePointAt(input, i);
        forEachByte(code, (byte) => bytes.push(byte));
        i += widthOf(code);
      }
      if (bytes.length >= MAX_CLUSTER_BYTES) return null;
      let node = offsetOf(units[0]!);
      for (const byte of bytes) {
        if (byte === 0) return null;
        node ^= byte;
        const unit = units[node] ?? 0;
        if (labelOf(unit) !== byte) return null;
        node ^= offsetOf(unit);
        if (hasLeaf(unit)) {
          const at = valueOf(units[node] ?? 0);
          return at < texts.length ? textAt(at) : [];
        }
      }
      return null;
    },
  };
}
