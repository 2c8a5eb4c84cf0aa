/** The simplest tokenizer there is: a piece a code point, words between spaces, BERT's template. */
import type { Encoding, Pieces, Tokenizer } from "../../src/core/tokenizer/tokenizer.ts";

const CLS = 1;
const SEP = 2;

/** A tokenizer whose pieces are the text's code points without the spaces. */
export function letterTokenizer(): Tokenizer {
  const tokenize = (text: string): Pieces => {
    const rows: [number, number, number, number][] = [];
    let at = 0;
    let word = 0;
    for (const letter of text) {
      if (letter === " ") word++;
      else rows.push([letter.codePointAt(0)! + 10, at, at + letter.length, word]);
      at += letter.length;
    }
    const column = (c: 0 | 1 | 2 | 3) => Int32Array.from(rows, (row) => row[c]);
    return { ids: column(0), starts: column(1), ends: column(2), wordIds: column(3) };
  };
  const combine = (first: Pieces, second?: Pieces): Encoding => {
    const column = (of: (pieces: Pieces) => Int32Array, cls: number, sep: number) =>
      Int32Array.from([cls, ...of(first), sep, ...(second ? [...of(second), sep] : [])]);
    const a = first.ids.length;
    const b = second?.ids.length ?? 0;
    return {
      ids: column((p) => p.ids, CLS, SEP),
      typeIds: Int32Array.from({ length: a + 2 + (second ? b + 1 : 0) }, (_, i) =>
        i < a + 2 ? 0 : 1,
      ),
      starts: column((p) => p.starts, 0, 0),
      ends: column((p) => p.ends, 0, 0),
      wordIds: column((p) => p.wordIds, -1, -1),
      sequenceIds: Int32Array.from([
        -1,
        ...Array.from({ length: a }, () => 0),
        -1,
        ...(second ? [...Array.from({ length: b }, () => 1), -1] : []),
      ]),
    };
  };
  return {
    vocabSize: 0x110000 + 10,
    padId: 0,
    tokenize,
    combine,
    encode: (text, pair) =>
      combine(tokenize(text), pair === undefined ? undefined : tokenize(pair)),
    specialTokenCount: (isPair) => (isPair ? 3 : 2),
  };
}
