/**
 * Plain text -> the texts that a student reads. Lines are cut into sentences and runs of sentences,
 * so that short and long inputs both occur; some lines are held back whole and measure how far the
 * student is. Which ones follows from the line itself: more steps or another seed never train on
 * them.
 */
import { basename } from "node:path";
import { InputError } from "../../../src/core/errors.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";
import { sha256Hex } from "../../node/hash.ts";
import { corpusLines } from "../../node/text-files.ts";
import { derive, permutation, uniforms } from "../../../src/learn/random.ts";
import type { Key } from "../../../src/learn/random.ts";

export interface Corpus {
  /** In random order. */
  readonly texts: readonly string[];
  readonly heldBack: readonly HeldBack[];
  readonly sources: readonly Source[];
  /** Hash of all that was chosen. */
  readonly sha256: string;
}

export interface HeldBack {
  readonly text: string;
  /** Name of its file. */
  readonly source: string;
}

/** What was found in one file. */
export interface Source {
  readonly name: string;
  readonly lines: number;
  readonly texts: number;
  readonly heldBack: number;
}

export interface CorpusOptions {
  /** Texts kept of each file, by random choice; what bounds memory on any corpus. */
  readonly maxTexts: number;
  /** Texts held back of each file. */
  readonly maxHeldBack: number;
  readonly key: Key;
  readonly onProgress?: (lines: number) => void;
}

/** One line in so many is held back. */
const HELD_BACK_EVERY = 50;
/** How many sentences a text has, each number as likely; Infinity: the rest of the line. */
const RUNS = [1, 1, 2, 3, Infinity];
/** A line shorter than this many characters says nothing. */
const MIN_CHARACTERS = 8;

/**
 * Reads text files, a line a text. Throws InputError `corpus-unreadable`, FormatError
 * `corpus-invalid`, InputError `corpus-empty` when the files hold too little.
 */
export async function readCorpus(
  paths: readonly string[],
  { maxTexts, maxHeldBack, key, onProgress = () => {} }: CorpusOptions,
): Promise<Corpus> {
  const texts: string[] = [];
  const heldBack: HeldBack[] = [];
  const sources: Source[] = [];
  let lines = 0;
  for (const [file, path] of paths.entries()) {
    const source = basename(path);
    const own = startChoice(maxTexts, derive(key, "texts", file));
    const held = startChoice(maxHeldBack, derive(key, "held back", file));
    const run = uniforms(derive(key, "runs", file));
    const first = lines;
    for await (const line of corpusLines(path)) {
      if (++lines % 100_000 === 0) onProgress(lines);
      const text = line.trim();
      if (text.length < MIN_CHARACTERS) continue;
      if (isHeldBack(text)) held.offer(text);
      else for (const part of cutLine(text, run)) own.offer(part);
    }
    for (const text of own.chosen) texts.push(text);
    for (const text of held.chosen) heldBack.push({ text, source });
    sources.push({
      name: source,
      lines: lines - first,
      texts: own.chosen.length,
      heldBack: held.chosen.length,
    });
  }
  if (texts.length === 0 || heldBack.length < 2) {
    throw new InputError(
      "corpus-empty",
      `corpus ${paths.join(", ")}: found ${texts.length} texts to train on and ${heldBack.length} held back in ${lines} lines, expected at least 1 and 2; one line in ${HELD_BACK_EVERY} is held back, and lines below ${MIN_CHARACTERS} characters are passed over`,
    );
  }
  const order = permutation(derive(key, "order"), texts.length);
  const shuffled = Array.from(order, (i) => texts[i]!);
  const all = [...shuffled, ...heldBack.map(({ text }) => text)].join("\n");
  return { texts: shuffled, heldBack, sources, sha256: sha256Hex(encodeUtf8(all)) };
}

/** FNV-1a over the line's code units, spread by a last multiplication. */
function isHeldBack(line: string): boolean {
  let hash = 0x811c9dc5;
  for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
  return (Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0) % HELD_BACK_EVERY === 0;
}

/** A line in runs of sentences; `random` decides how many each. */
export function cutLine(line: string, random: () => number): string[] {
  const sentences = line.split(/(?<=[.!?]["')\]]*)\s+(?=["'([]*[\p{Lu}\p{N}])/u);
  const parts: string[] = [];
  for (let at = 0; at < sentences.length;) {
    const count = RUNS[Math.floor(random() * RUNS.length)]!;
    const part = sentences.slice(at, at + count).join(" ");
    if (part.length >= MIN_CHARACTERS) parts.push(part);
    at += count;
  }
  return parts;
}

/** A random choice of at most `size` of however many are offered, each as likely (Vitter's algorithm R). */
function startChoice(size: number, key: Key) {
  const random = uniforms(key);
  const chosen: string[] = [];
  let offered = 0;
  return {
    chosen,
    offer(text: string): void {
      offered += 1;
      if (chosen.length < size) chosen.push(text);
      else {
        const at = Math.floor(random() * offered);
        if (at < size) chosen[at] = text;
      }
    },
  };
}
