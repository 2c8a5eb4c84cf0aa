/**
 * Which tokens of two tokenizers mean the same stretch of text. A student with a smaller vocabulary
 * splits rare words into more pieces than its teacher; what both can be compared by is the finest
 * stretches whose borders both have: a single token nearly everywhere, a few pieces on either side
 * where the two disagree.
 */
import { MismatchError } from "../../../src/core/errors.ts";
import type { Encoding, Pieces, Tokenizer } from "../../../src/core/tokenizer/tokenizer.ts";

/** One side's tokens, and to which shared stretch each belongs. */
export interface AlignedSide {
  readonly ids: Int32Array; // [t], special tokens included
  readonly typeIds: Int32Array; // [t]
  /** Of each token the number of its stretch, ascending over the pieces. */
  readonly units: Int32Array; // [t]
}

/** A text as teacher and student read it. */
export interface AlignedText {
  readonly student: AlignedSide;
  readonly teacher: AlignedSide;
  /** Stretches, special tokens among them. */
  readonly numUnits: number;
}

/** Where a stretch ends in the pieces of each side. */
interface Border {
  readonly student: number;
  readonly teacher: number;
}

/**
 * Reads a text with both tokenizers and aligns them. At most `maxLength` tokens a side remain: whole
 * stretches are cut off at the end. Throws MismatchError `distill-tokenizers` when the two do not
 * add equally many special tokens.
 */
export function alignText(
  text: string,
  student: Tokenizer,
  teacher: Tokenizer,
  maxLength: number,
): AlignedText {
  const special = student.specialTokenCount(false);
  if (special !== teacher.specialTokenCount(false)) {
    throw new MismatchError(
      "distill-tokenizers",
      `tokenizers: the student's adds ${special} special tokens to a text, the teacher's ${teacher.specialTokenCount(false)}; they must be of one family`,
    );
  }
  const pieces = { student: student.tokenize(text), teacher: teacher.tokenize(text) };
  const room = maxLength - special;
  const borders = bordersOf(pieces.student, pieces.teacher).filter(
    (border) => border.student <= room && border.teacher <= room,
  );
  const side = (tokenizer: Tokenizer, of: "student" | "teacher"): AlignedSide => {
    const end = borders.at(-1)?.[of] ?? 0;
    const encoding = tokenizer.combine(firstPieces(pieces[of], end));
    return { ids: encoding.ids, typeIds: encoding.typeIds, units: unitsOf(encoding, borders, of) };
  };
  return {
    student: side(student, "student"),
    teacher: side(teacher, "teacher"),
    numUnits: borders.length + special,
  };
}

/** The ends of the finest stretches that both sides have borders around. */
export function bordersOf(
  student: Pick<Pieces, "starts" | "ends">,
  teacher: Pick<Pieces, "starts" | "ends">,
): Border[] {
  const borders: Border[] = [];
  let [s, t] = [0, 0];
  while (s < student.ends.length && t < teacher.ends.length) {
    // Whichever side is behind takes its next piece, until both end at the same character; pieces
    // that still lie before that character (several of one character) belong to it, too.
    let [endS, endT] = [student.ends[s++]!, teacher.ends[t++]!];
    for (;;) {
      if (s < student.ends.length && (endS < endT || student.starts[s]! < endS)) {
        endS = Math.max(endS, student.ends[s++]!);
      } else if (t < teacher.ends.length && (endT < endS || teacher.starts[t]! < endT)) {
        endT = Math.max(endT, teacher.ends[t++]!);
      } else break;
    }
    borders.push({ student: s, teacher: t });
  }
  return borders;
}

/** Pieces are numbered by their stretch, special tokens one by one after all of those. */
function unitsOf(
  { sequenceIds }: Encoding,
  borders: readonly Border[],
  side: "student" | "teacher",
): Int32Array {
  let [piece, unit, special] = [0, 0, borders.length];
  return Int32Array.from(sequenceIds, (sequence) => {
    if (sequence !== 0) return special++;
    if (piece++ >= borders[unit]![side]) unit++;
    return unit;
  });
}

const firstPieces = (pieces: Pieces, count: number): Pieces => ({
  ids: pieces.ids.subarray(0, count),
  starts: pieces.starts.subarray(0, count),
  ends: pieces.ends.subarray(0, count),
  wordIds: pieces.wordIds.subarray(0, count),
});
