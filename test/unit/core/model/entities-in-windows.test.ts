/**
 * Tokenizer, windows, merge and spans together, on any text: what a piece is tagged depends here on
 * nothing but its id, so that a text read in windows must answer exactly as if it were read whole.
 */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { findEntities } from "../../../../src/core/model/spans.ts";
import type { AggregationStrategy } from "../../../../src/core/model/spans.ts";
import { mergeTokens, splitWindows } from "../../../../src/core/model/windows.ts";
import type { WindowOptions } from "../../../../src/core/model/windows.ts";
import { tinyTokenizerJson } from "../../../support/tiny-base.ts";
import { tokenizerOf } from "../../../support/tokenizer-file.ts";

const tokenizer = tokenizerOf(tinyTokenizerJson());
const idOf = (word: string): number => tokenizer.tokenize(word).ids[0]!;
const whole = { maxLength: 100_000, stride: 0, truncation: false };
const STRATEGIES = ["none", "simple", "first", "average", "max"] as const;
const LABELS = ["O", "B-A", "I-A", "E-A", "S-B"];

interface Reading {
  readonly labels: readonly string[];
  /** The label of a piece, by its id. */
  readonly tagOf: (id: number) => string;
  readonly aggregation_strategy?: AggregationStrategy;
  readonly offset_unit?: "codepoint" | "utf16";
}

/** Entities of a text that is read in windows. */
function entitiesIn(text: string, windows: WindowOptions, { labels, tagOf, ...how }: Reading) {
  const split = splitWindows(tokenizer, text, undefined, windows);
  const rows = split.windows.map(({ encoding }) =>
    Array.from(encoding.ids, (id) => {
      const tag = tagOf(id);
      return Float32Array.from(labels, (label) => (label === tag ? 9 : 0));
    }),
  );
  const logits = mergeTokens(split, rows);
  const found = findEntities(text, split.pieces, logits, { labels, temperature: 1 }, how);
  return { found, windows: split.windows.length };
}

describe("an entity across a seam", () => {
  const [angela, merkel] = [idOf("angela"), idOf("merkel")];
  const names: Reading = {
    labels: ["O", "B-PER", "I-PER"],
    tagOf: (id) => (id === angela ? "B-PER" : id === merkel ? "I-PER" : "O"),
    offset_unit: "utf16",
  };

  test.each([0, 1, 2, 5])("is found once, wherever it stands, with a stride of %i", (stride) => {
    for (let at = 0; at < 40; at++) {
      const words = Array.from({ length: 40 }, () => "film");
      words.splice(at, 1, "Angela Merkel");
      const text = words.join(" ");
      const windows = { maxLength: 10, stride, truncation: false };
      const read = entitiesIn(text, windows, names);
      expect(read.windows).toBeGreaterThan(4);
      expect(read.found).toMatchObject([{ entity_group: "PER", word: "Angela Merkel" }]);
      expect(read.found).toEqual(entitiesIn(text, whole, names).found);
    }
  });
});

describe("any Unicode text", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 60 }),
    // Any code point but halves of pairs: those are refused before they come here.
    fc.string({ unit: "binary", maxLength: 60 }),
    fc
      .array(
        fc.constantFrom(
          "Angela",
          "e\u0301",
          "\u{1F1E9}\u{1F1EA}",
          "日本",
          "İ",
          "ß",
          "👩🏽‍🚀",
          " ",
          "-",
          "\0",
        ),
        { maxLength: 40 },
      )
      .map((parts) => parts.join("")),
  );
  const setting = fc.record({
    text: anyText,
    maxLength: fc.integer({ min: 3, max: 20 }),
    stride: fc.nat({ max: 17 }),
    salt: fc.nat({ max: 1000 }),
    aggregation_strategy: fc.constantFrom(...STRATEGIES),
  });

  test("has entities that cut their words out of it, in order, the same in windows as in one", () => {
    fc.assert(
      fc.property(setting, ({ text, maxLength, stride, salt, aggregation_strategy }) => {
        const tagOf = (id: number): string => LABELS[(id * 31 + salt) % LABELS.length]!;
        const windows = { maxLength, stride: stride % (maxLength - 2), truncation: false };
        const how = { labels: LABELS, tagOf, aggregation_strategy };
        const { found } = entitiesIn(text, windows, { ...how, offset_unit: "utf16" });
        let end = 0;
        for (const entity of found) {
          expect(text.slice(entity.start, entity.end)).toBe(entity.word);
          expect(entity.word.isWellFormed()).toBe(true);
          expect(entity.start).toBeGreaterThanOrEqual(end);
          end = entity.end;
        }
        const points = [...text];
        for (const { word, start, end: last } of entitiesIn(text, windows, how).found) {
          expect(points.slice(start, last).join("")).toBe(word);
        }
        expect(found).toEqual(entitiesIn(text, whole, { ...how, offset_unit: "utf16" }).found);
      }),
      { seed: 11, numRuns: 2000 },
    );
  });
});
