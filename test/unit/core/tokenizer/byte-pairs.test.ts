/**
 * Byte-level BPE against its definition: as long as a list of merges has a pair of neighbours, the
 * earliest merge of the list is made where it is found first. Seeded.
 */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import {
  EXPECTED_OUTCOME,
  file,
  idsOf,
  outcome,
  tokenizerOf,
} from "../../../support/tokenizer-file.ts";

const SEED = 24;
const LETTERS = ["a", "b", "c"];

/** Merges of what the merges before have made, as training makes them. */
const merges = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 12 }).map((choices) => {
  const known = [...LETTERS];
  const list: [string, string][] = [];
  for (const [i, j] of choices) {
    const pair: [string, string] = [known[i % known.length]!, known[j % known.length]!];
    list.push(pair);
    if (!known.includes(pair.join(""))) known.push(pair.join(""));
  }
  return { list, known };
});

/** The definition, word for word. */
function mergeOneByOne(word: string, list: readonly [string, string][]): string[] {
  const tokens = [...word];
  // Of a pair that is listed twice, the later place counts.
  const rankOf = (i: number): number =>
    list.findLastIndex(([left, right]) => tokens[i] === left && tokens[i + 1] === right);
  for (;;) {
    let best = -1;
    for (let i = 0; i + 1 < tokens.length; i++) {
      const rank = rankOf(i);
      if (rank >= 0 && (best < 0 || rank < rankOf(best))) best = i;
    }
    if (best < 0) return tokens;
    tokens.splice(best, 2, tokens[best]! + tokens[best + 1]!);
  }
}

test("merges the earliest pair of the list first, the leftmost of equal ones", () => {
  const words = fc.array(fc.constantFrom(...LETTERS), { maxLength: 40 }).map((l) => l.join(""));
  fc.assert(
    fc.property(merges, words, ({ list, known }, word) => {
      const tokenizer = tokenizerOf({
        pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
        model: {
          type: "BPE",
          vocab: Object.fromEntries(known.map((t, i) => [t, i])),
          merges: list,
        },
      });
      const found = Array.from(tokenizer.tokenize(word).ids, (id) => known[id]);
      expect(found).toEqual(mergeOneByOne(word, list));
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

test("merges a word of a hundred thousand letters", () => {
  const known = [...LETTERS, "aa", "aaaa"];
  const tokenizer = tokenizerOf({
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(known.map((t, i) => [t, i])),
      merges: [
        ["a", "a"],
        ["aa", "aa"],
      ],
    },
  });
  const { ids, ends } = tokenizer.tokenize("a".repeat(100_000));
  expect(ids).toEqual(new Int32Array(25_000).fill(4));
  expect(ends.at(-1)).toBe(100_000);
});

describe("of a file with BPE, refuses", () => {
  const bytes = { pre_tokenizer: { type: "ByteLevel", add_prefix_space: false } };
  const pairs = (changes: object) =>
    file({
      ...bytes,
      added_tokens: [],
      post_processor: null,
      model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]], ...changes },
    });
  test.each([
    ["a merge of one text", { merges: [["ab"]] }, /merges.*expected a pair of texts/],
    ["a merge of a token that is not there", { merges: [["a", "c"]] }, /"c" is not in the/],
    [
      "a merge whose result is not there",
      { merges: [["b", "a"]] },
      /"ba" is not in the vocabulary/,
    ],
    ["dropout", { dropout: 0.1 }, /tokenizer-unsupported: .*"dropout" 0.1/],
    ["an ending of words", { end_of_word_suffix: "</w>" }, /"end_of_word_suffix" "<\/w>"/],
    ["bytes for what is unknown", { byte_fallback: true }, /"byte_fallback" true/],
  ])("%s of a BPE model", (_, changes, message) => {
    expect(outcome(pairs(changes))).toMatch(EXPECTED_OUTCOME);
    expect(outcome(pairs(changes))).toMatch(message);
  });

  test("no merge that older files write as one text", () => {
    expect(idsOf(pairs({ merges: ["a b"] }), "abb")).toEqual([2, 1]);
  });
});
