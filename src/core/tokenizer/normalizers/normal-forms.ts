/**
 * NFD, NFKD, NFC and NFKC (UAX #15) in the Unicode version of Python's library, with origins.
 *
 * Decompositions and compositions are the engine's own, which is safe: they never change once a
 * character exists, and the tables keep out characters that are newer than the library's.
 */
import { codePointAt, widthOf, type TextBuffer } from "../text/text-buffer.ts";
import {
  DECOMPOSES,
  NONSTARTER,
  codePointFlags,
  combiningClass,
  decompose,
  decomposeCompatibly,
} from "../text/unicode.ts";
import { writerTo, type Made } from "./origins.ts";
import type { Rewriter } from "./rewriter.ts";

export type NormalForm = "NFC" | "NFD" | "NFKC" | "NFKD";

export function normalForm(form: NormalForm): Rewriter {
  const isComposed = form.endsWith("C");
  const decomposeOne = form.includes("K") ? decomposeCompatibly : decomposeCanonically;
  return (input, out) => {
    const write = writerTo(input, out);
    const compose = isComposed ? composer(write) : null;
    const take = compose ? compose.take : write;
    decomposeAll(input, decomposeOne, take);
    compose?.end();
  };
}

const decomposeCanonically = (code: number): readonly number[] =>
  codePointFlags()[code]! & DECOMPOSES ? decompose(code) : [code];

/** Every code point's decomposition; runs of marks in the order of their classes. */
function decomposeAll(
  input: TextBuffer,
  decomposeOne: (code: number) => readonly number[],
  take: (made: Made) => void,
): void {
  const flags = codePointFlags();
  const marks: { made: Made; mark: number }[] = [];
  const flush = (): void => {
    marks.sort((a, b) => a.mark - b.mark); // stable
    for (const { made } of marks) take(made);
    marks.length = 0;
  };
  for (let i = 0; i < input.length;) {
    const code = codePointAt(input, i);
    i += widthOf(code);
    for (const [k, part] of decomposeOne(code).entries()) {
      const made = { code: part, taken: k === 0 ? 1 : 0 };
      if (flags[part]! & NONSTARTER) {
        marks.push({ made, mark: combiningClass(part) });
      } else {
        flush();
        take(made);
      }
    }
  }
  flush();
}

/** Composes a starter with the marks behind it that are not blocked, and with a starter next to it. */
function composer(write: (made: Made) => void): { take: (made: Made) => void; end: () => void } {
  let starter: Made | null = null;
  let lastClass = -1; // of a mark that stayed behind the starter
  const kept: Made[] = [];
  const end = (): void => {
    if (starter) write(starter);
    for (const mark of kept) write(mark);
    kept.length = 0;
    starter = null;
    lastClass = -1;
  };
  const take = (made: Made): void => {
    const ownClass = combiningClass(made.code);
    if (!starter) {
      if (ownClass > 0) write(made);
      else starter = made;
      return;
    }
    const isBlocked = lastClass >= 0 && lastClass >= ownClass;
    const composed = isBlocked ? -1 : composition(starter.code, made.code);
    if (composed >= 0) {
      starter = { code: composed, taken: starter.taken + made.taken };
    } else if (ownClass === 0) {
      end();
      starter = made;
    } else {
      kept.push(made);
      lastClass = ownClass;
    }
  };
  return { take, end };
}

/** What two characters compose to, or -1. */
function composition(first: number, second: number): number {
  const key = first * 0x110000 + second;
  const known = compositions.get(key);
  if (known !== undefined) return known;
  const text = String.fromCodePoint(first, second).normalize("NFC");
  const code = text.codePointAt(0)!;
  const isOne = text.length === widthOf(code) && (codePointFlags()[code]! & DECOMPOSES) !== 0;
  const found = isOne ? code : -1;
  if (compositions.size < MAX_COMPOSITIONS) compositions.set(key, found);
  return found;
}

const compositions = new Map<number, number>();
const MAX_COMPOSITIONS = 20_000;
