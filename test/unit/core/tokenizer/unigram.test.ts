/** Unigram vocabularies and SentencePiece's maps: what is refused, and small sums by hand. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { EXPECTED_OUTCOME, file, idsOf, outcome } from "../../../support/tokenizer-file.ts";

const SEED = 25;

describe("of a file with Unigram, refuses", () => {
  const scored = (changes: object) => {
    const { added_tokens: _, post_processor: __, ...rest } = file();
    return {
      ...rest,
      normalizer: null,
      pre_tokenizer: { type: "Metaspace", replacement: "_", prepend_scheme: "never" },
      model: {
        type: "Unigram",
        unk_id: 0,
        vocab: [
          ["?", -9],
          ["a", -1],
          ["b", -2.5],
          ["ab", -3],
        ],
        ...changes,
      },
    };
  };
  test.each([
    ["an unknown token that is not there", { unk_id: 4 }, /"unk_id"/],
    ["no unknown token", { unk_id: null }, /"unk_id"/],
    ["a word without a score", { vocab: [["a"]] }, /score is missing, expected a number/],
    ["a score that is text", { vocab: [["a", "1"]] }, /score is "1", expected a number/],
    ["a word that is a number", { vocab: [[1, 1]] }, /"vocab"\[0\] is .*, expected a word/],
    ["bytes for what is unknown", { byte_fallback: true }, /"byte_fallback" is true/],
  ])("%s of a Unigram model", (_, changes, message) => {
    expect(outcome(scored(changes))).toMatch(EXPECTED_OUTCOME);
    expect(outcome(scored(changes))).toMatch(message);
  });

  test("no way to cut a word but the one with the highest sum of scores", () => {
    // ab is -3, a and b are -3.5; b and a are -3.5 where nothing joins them.
    expect(idsOf(scored({}), "abba")).toEqual([3, 2, 1]);
    expect(idsOf(scored({}), "axyb")).toEqual([1, 0, 2]);
  });

  const charsmap = (bytes: readonly number[]) =>
    file({
      normalizer: {
        type: "Precompiled",
        precompiled_charsmap: Buffer.from(Uint8Array.from(bytes)).toString("base64"),
      },
    });
  test.each([
    ["nothing", [], /begins with a trie of 0 bytes/],
    ["half a unit", [6, 0, 0, 0, 1, 2, 3, 4, 5, 6], /begins with a trie of 6 bytes/],
    ["less than it says", [8, 0, 0, 0, 1, 2, 3, 4], /ends within its trie of 8 bytes/],
    ["more than memory holds", [0, 0, 0, 255], /begins with a trie of 4278190080 bytes/],
  ])("a precompiled map of %s", (_, bytes, message) => {
    expect(outcome(charsmap(bytes))).toMatch(message);
  });

  test("no precompiled map of random bytes but with a FormatError, or reads it and works", () => {
    const units = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(units, fc.uint8Array({ maxLength: 20 }), (trie, texts) => {
        const bytes = new Uint8Array(new Uint32Array([4 * trie.length, ...trie]).buffer);
        expect(outcome(charsmap([...bytes, ...texts]))).toMatch(EXPECTED_OUTCOME);
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });
});
