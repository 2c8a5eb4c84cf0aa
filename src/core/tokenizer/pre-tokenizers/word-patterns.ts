/**
 * The patterns by which byte-level tokenizers cut text into words, read by hand over the library's own
 * classes: an engine's \p{..} would differ in thousands of code points.
 */
import { codePointAt, widthOf, type Units } from "../text/text-buffer.ts";
import { LETTER, NUMBER, PATTERN_SPACE, patternKinds } from "../text/unicode.ts";
import type { WordSplitter } from "./pre-tokenizer.ts";

/** End of the word that begins at `start`, which is before `to`. */
type WordEnd = (text: Units, start: number, to: number) => number;

const [BLANK, APOSTROPHE, LINE_FEED, RETURN] = [0x20, 0x27, 0x0a, 0x0d] as const;
const LONG_S = 0x17f;

/** What follows the apostrophe of a contraction, in the order of the patterns. */
const CONTRACTIONS = ["s", "t", "re", "ve", "m", "ll", "d"];

/** End of a contraction at `start`, or `start`. */
function contractionEnd(text: Units, start: number, to: number, ignoresCase: boolean): number {
  if (text.charCodeAt(start) !== APOSTROPHE) return start;
  const isSame = (found: number, wanted: number): boolean =>
    found === wanted ||
    (ignoresCase && (found === wanted - 32 || (found === LONG_S && wanted === 0x73)));
  for (const rest of CONTRACTIONS) {
    const end = start + 1 + rest.length;
    if (end > to) continue;
    let i = 0;
    while (i < rest.length && isSame(text.charCodeAt(start + 1 + i), rest.charCodeAt(i))) i++;
    if (i === rest.length) return end;
  }
  return start;
}

/** End of the run of one kind that begins at `from`, of `most` characters at most. */
function runEnd(text: Units, from: number, to: number, kind: number, most = Infinity): number {
  const kinds = patternKinds();
  let i = from;
  for (let count = 0; i < to && count < most; count++) {
    const code = codePointAt(text, i);
    if (kinds[code] !== kind) break;
    i += widthOf(code);
  }
  return i;
}

/** White space without the last of several, which belongs to what follows. It is one unit each. */
function spaceEnd(text: Units, start: number, to: number): number {
  const end = runEnd(text, start, to, PATTERN_SPACE);
  return end < to && end - start > 1 ? end - 1 : end;
}

const gpt2: WordEnd = (text, start, to) => {
  const contraction = contractionEnd(text, start, to, false);
  if (contraction > start) return contraction;
  const kinds = patternKinds();
  const first = text.charCodeAt(start) === BLANK && start + 1 < to ? start + 1 : start;
  const kind = kinds[codePointAt(text, first)]!;
  return kind === PATTERN_SPACE ? spaceEnd(text, start, to) : runEnd(text, first, to, kind);
};

const isLineBreak = (unit: number): boolean => unit === LINE_FEED || unit === RETURN;

const llama3: WordEnd = (text, start, to) => {
  const contraction = contractionEnd(text, start, to, true);
  if (contraction > start) return contraction;
  const kinds = patternKinds();
  const code = codePointAt(text, start);
  const kind = kinds[code]!;
  const second = start + widthOf(code);
  if (kind === LETTER) return runEnd(text, start, to, LETTER);
  // Any character but a line break or a number may stand before letters.
  if (kind !== NUMBER && !isLineBreak(code)) {
    const letters = runEnd(text, second, to, LETTER);
    if (letters > second) return letters;
  }
  if (kind === NUMBER) return runEnd(text, start, to, NUMBER, 3);
  const first = code === BLANK ? second : start;
  let end = runEnd(text, first, to, 0);
  if (end > first) {
    while (end < to && isLineBreak(text.charCodeAt(end))) end++;
    return end;
  }
  // White space up to the last line break in it, where it has one.
  const all = runEnd(text, start, to, PATTERN_SPACE);
  for (let i = all; i > start; i--) if (isLineBreak(text.charCodeAt(i - 1))) return i;
  return spaceEnd(text, start, to);
};

/** The patterns as files write them. */
export const GPT2 =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const LLAMA3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const PATTERNS = new Map<string, WordEnd>([
  [GPT2, gpt2],
  [LLAMA3, llama3],
]);

/** Cuts by a pattern; null for one that is not known here. */
export function splitterOf(pattern: string): WordSplitter | null {
  const wordEnd = PATTERNS.get(pattern);
  if (!wordEnd) return null;
  return (text, from, to, word) => {
    for (let start = from; start < to;) {
      const end = wordEnd(text, start, to);
      word(start, end);
      start = end;
    }
  };
}
