/** Tags chosen together: against every tagging of a text, one by one. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import {
  continuations,
  decideWords,
  maxMarginals,
} from "../../../../src/core/model/transitions.ts";
import type { Transitions } from "../../../../src/core/model/transitions.ts";
import { atOnce } from "../../../../src/core/turns.ts";

/** Every list of `length` tags out of 0..C-1. */
const taggings = (length: number, C: number): number[][] =>
  length === 0
    ? [[]]
    : taggings(length - 1, C).flatMap((tags) => Array.from({ length: C }, (_, c) => [...tags, c]));

function scoreOf(tags: number[], logits: Float32Array[], { between, start }: Transitions): number {
  return tags.reduce((sum, tag, w) => {
    const step = w === 0 ? start[tag]! : between[tags[w - 1]! * start.length + tag]!;
    return sum + step + logits[w]![tag]!;
  }, 0);
}

/** The rows that are handed over are written over. */
const copies = (rows: readonly Float32Array[]): Float32Array[] => rows.map((row) => row.slice());

const numbers = (length: number) =>
  fc
    .array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: length, maxLength: length })
    .map((values) => Float32Array.from(values));

const chains = fc.integer({ min: 1, max: 4 }).chain((C) =>
  fc.record({
    logits: fc.array(numbers(C), { minLength: 1, maxLength: 5 }),
    transitions: fc.record({ between: numbers(C * C), start: numbers(C) }),
  }),
);

describe("max-marginals", () => {
  test("say for each tag of each word how far the best tagging with it is from the best of all", () => {
    fc.assert(
      fc.property(chains, ({ logits, transitions }) => {
        const C = transitions.start.length;
        const all = taggings(logits.length, C).map((tags) => ({
          tags,
          score: scoreOf(tags, logits, transitions),
        }));
        const best = Math.max(...all.map(({ score }) => score));
        const found = atOnce(maxMarginals(copies(logits), transitions));
        for (const [w, row] of found.entries()) {
          for (let c = 0; c < C; c++) {
            const withTag = all.filter(({ tags }) => tags[w] === c).map(({ score }) => score);
            expect(row[c]).toBeCloseTo(Math.max(...withTag) - best, 3);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test("differ from the logits by a constant where no pair of tags earns anything", () => {
    const transitions = { between: new Float32Array(9), start: new Float32Array(3) };
    const found = atOnce(
      maxMarginals([Float32Array.of(1, 4, 2), Float32Array.of(0, -1, 3)], transitions),
    );
    expect(found.map((row) => [...row])).toEqual([
      [-3, 0, -2],
      [-3, -4, 0],
    ]);
  });

  test("of a text without words there are none", () => {
    const free = { between: new Float32Array(4), start: new Float32Array(2) };
    expect(atOnce(maxMarginals([], free))).toEqual([]);
  });

  test("a tag that cannot follow gives way, or takes its neighbour with it", () => {
    // O, B-X, I-X: the second word says I-X, which may not stand after O.
    const transitions = {
      between: Float32Array.of(0, 0, -100, 0, 0, 0, 0, 0, 0),
      start: Float32Array.of(0, 0, -100),
    };
    const tagsOf = (first: number[]): number[] =>
      atOnce(maxMarginals([Float32Array.from(first), Float32Array.of(0, 1, 3)], transitions)).map(
        (row) => row.indexOf(0),
      );
    expect(tagsOf([5, 0, 0])).toEqual([0, 1]); // a sure O: the next begins
    expect(tagsOf([1, 0.5, 0])).toEqual([1, 2]); // an unsure one becomes a beginning
  });
});

describe("a long text", () => {
  const C = 4;
  const words = (count: number): Float32Array[] =>
    Array.from({ length: count }, (_, w) =>
      Float32Array.from({ length: C }, (_, c) => 30 * Math.sin(w * 12.9898 + c * 78.233)),
    );
  const transitions = {
    between: Float32Array.from({ length: C * C }, (_, i) => Math.sin(i)),
    start: new Float32Array(C),
  };

  test("is as exact at its end as a short one is", () => {
    // Its scores add up to millions, of which single precision would keep no tenths.
    const long = words(300_000);
    const alone = atOnce(maxMarginals(copies(long.slice(-500)), transitions));
    const found = atOnce(maxMarginals(long, transitions));
    for (const [w, row] of alone.slice(-400).entries()) {
      const same = found[found.length - 400 + w]!;
      for (let c = 0; c < C; c++) expect(same[c]).toBeCloseTo(row[c]!, 3);
    }
  });

  test("leaves turns to others, and has the same answer with them", () => {
    const labels = 128;
    const logits = Array.from({ length: 1200 }, (_, w) =>
      Float32Array.from({ length: labels }, (_, c) => Math.sin(w * 0.7 + c)),
    );
    const free = { between: new Float32Array(labels ** 2), start: new Float32Array(labels) };
    const work = maxMarginals(copies(logits), free);
    let turns = 0;
    let step = work.next();
    for (; !step.done; step = work.next()) turns += 1;
    expect(turns).toBe(8); // twice 1,200 words, 256 of them a turn
    expect(step.value).toEqual(atOnce(maxMarginals(logits, free)));
  });
});

describe("whole words", () => {
  const labels = ["O", "B-X", "I-X"];
  const free = { between: new Float32Array(9), start: new Float32Array(3) };

  test("a label goes on as its I- form, if there is one", () => {
    expect([...continuations(labels)]).toEqual([0, 2, 2]);
    expect([...continuations(["O", "B-X", "PER"])]).toEqual([0, 1, 2]);
  });

  test("later pieces of a word go on with what its first piece says", () => {
    const pieces = [
      Float32Array.of(0, 5, 1), // B-X
      Float32Array.of(9, 0, 0), // a later piece, sure of O
      Float32Array.of(7, 0, 0), // O
      Float32Array.of(0, 0, 9), // a later piece, sure of I-X
    ];
    const rows = atOnce(decideWords(pieces, Int32Array.of(0, 0, 1, 1), labels, free));
    expect(rows.map((row) => labels[row.indexOf(0)])).toEqual(["B-X", "I-X", "O", "O"]);
    expect([...rows[1]!]).toEqual([-5, -4, 0]);
  });
});
