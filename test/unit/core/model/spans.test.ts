/** Entities: as transformers' pipeline finds them, for IO and BIO; BIOES and offsets by definition. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { findEntities, tagReader } from "../../../../src/core/model/spans.ts";
import type {
  AggregationStrategy,
  Entity,
  EntityOptions,
} from "../../../../src/core/model/spans.ts";
import { letterTokenizer } from "../../../support/letters.ts";

// Made with transformers; provenance inside the file. `word` is not in it: ours is the text's own slice.
interface Case {
  text: string;
  labels: string[];
  ignore_labels: string[];
  offsets: [number, number][];
  word_ids: number[];
  logits: number[][];
  expected: Record<AggregationStrategy, { score: number; start: number; end: number }[]>;
}
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../golden/core/spans.json"), "utf8"),
) as {
  cases: Case[];
};

/** UTF-16 offset of every code point offset of a text, its end included. */
function utf16Offsets(text: string): number[] {
  const offsets = [0];
  for (const letter of text) offsets.push(offsets.at(-1)! + letter.length);
  return offsets;
}

/** Everything of an entity but its score and its word. */
const placeOf = (entity: object) =>
  Object.fromEntries(Object.entries(entity).filter(([key]) => key !== "score" && key !== "word"));

describe.each(["none", "simple", "first", "average", "max"] as const)("strategy %s", (strategy) => {
  test("finds what transformers' pipeline finds", () => {
    let entities = 0;
    for (const {
      text,
      labels,
      ignore_labels,
      offsets,
      word_ids,
      logits,
      expected,
    } of golden.cases) {
      const utf16 = utf16Offsets(text);
      const pieces = {
        ids: new Int32Array(offsets.length),
        starts: Int32Array.from(offsets, ([start]) => utf16[start]!),
        ends: Int32Array.from(offsets, ([, end]) => utf16[end]!),
        wordIds: Int32Array.from(word_ids),
      };
      const rows = logits.map((row) => Float32Array.from(row));
      const found = findEntities(
        text,
        pieces,
        rows,
        { labels, temperature: 1 },
        { aggregation_strategy: strategy, ignore_labels },
      );
      const points = [...text];
      expect(found.map(({ word }) => word)).toEqual(
        found.map(({ start, end }) => points.slice(start, end).join("")),
      );
      expect(found.map(placeOf)).toEqual(expected[strategy].map(placeOf));
      found.forEach(({ score }, i) => expect(score).toBeCloseTo(expected[strategy][i]!.score, 5));
      entities += found.length;
    }
    expect(entities).toBeGreaterThan(60);
  });
});

const tokenizer = letterTokenizer();

/** Entities of a text whose letters carry these tags, a score of almost 1 each. */
function entitiesOf(text: string, tags: string[], options: EntityOptions = {}): Entity[] {
  const labels = [...new Set(["O", ...tags])];
  const logits = tags.map((tag) => Float32Array.from(labels, (label) => (label === tag ? 20 : 0)));
  return findEntities(text, tokenizer.tokenize(text), logits, { labels, temperature: 1 }, options);
}
const short = (entities: Entity[]) =>
  entities.map((entity) => [
    "entity_group" in entity ? entity.entity_group : entity.entity,
    entity.word,
  ]);

describe("tag sets", () => {
  test.each([
    ["B-PER", { type: "PER", isBegin: true, isEnd: false }],
    ["I-PER", { type: "PER", isBegin: false, isEnd: false }],
    ["E-PER", { type: "PER", isBegin: false, isEnd: true }],
    ["L-PER", { type: "PER", isBegin: false, isEnd: true }],
    ["S-PER", { type: "PER", isBegin: true, isEnd: true }],
    ["U-PER", { type: "PER", isBegin: true, isEnd: true }],
    ["B-HOME-TOWN", { type: "HOME-TOWN", isBegin: true, isEnd: false }],
    ["PER", { type: "PER", isBegin: false, isEnd: false }],
    ["B-", { type: "B-", isBegin: false, isEnd: false }],
    ["O", { type: "O", isBegin: false, isEnd: false }],
  ])("%s", (tag, expected) => {
    expect(tagReader(["O", "B-PER", "I-PER"])(tag)).toEqual(expected);
  });

  test("prefixes are positions only where a label begins with B- or I-", () => {
    for (const tag of ["E-MAIL", "S-CLASS", "U-BOAT"]) {
      expect(tagReader(["O", "E-MAIL", "S-CLASS", "U-BOAT"])(tag).type).toBe(tag);
    }
    expect(tagReader(["O", "I-PER", "S-PER"])("S-PER").type).toBe("PER");
  });

  test("BIOES: an end closes, a single stands alone", () => {
    const tags = ["B-A", "I-A", "E-A", "I-A", "S-A", "S-A", "O", "E-A", "I-B"];
    expect(short(entitiesOf("abcdefghi", tags))).toEqual([
      ["A", "abc"],
      ["A", "d"],
      ["A", "e"],
      ["A", "f"],
      ["A", "h"],
      ["B", "i"],
    ]);
  });

  test("BIO: a begin separates neighbours, another type too, an inside without a begin still counts", () => {
    expect(short(entitiesOf("abcdef", ["B-A", "I-A", "B-A", "I-B", "O", "I-A"]))).toEqual([
      ["A", "ab"],
      ["A", "c"],
      ["B", "d"],
      ["A", "f"],
    ]);
  });

  // transformers 5.23 would name both groups "other": it drops what stands before the first hyphen.
  test("IO: a label with a hyphen keeps its whole name", () => {
    expect(short(entitiesOf("abcd", ["event-other", "event-other", "place-other", "O"]))).toEqual([
      ["event-other", "ab"],
      ["place-other", "c"],
    ]);
    const options = { ignore_labels: ["O", "event-other"] };
    expect(short(entitiesOf("ab", ["event-other", "place-other"], options))).toEqual([
      ["place-other", "b"],
    ]);
  });

  test("IO: neighbours of a type are one", () => {
    expect(short(entitiesOf("abcd", ["A", "A", "B", "A"]))).toEqual([
      ["A", "ab"],
      ["B", "c"],
      ["A", "d"],
    ]);
  });
});

describe("options", () => {
  const text = "😀b 𝒳d";
  const tags = ["B-A", "I-A", "O", "B-A"];

  test("the default is simple, without O, in code points", () => {
    expect(entitiesOf(text, tags).map(placeOf)).toEqual([
      { entity_group: "A", start: 0, end: 2 },
      { entity_group: "A", start: 4, end: 5 },
    ]);
    expect(
      entitiesOf(text, tags, { aggregation_strategy: undefined, ignore_labels: undefined }),
    ).toHaveLength(2);
  });

  test("offsets in UTF-16 units cut the word out of the text", () => {
    for (const { word, start, end } of entitiesOf(text, tags, { offset_unit: "utf16" })) {
      expect(text.slice(start, end)).toBe(word);
    }
  });

  test("ignore_labels replaces O; groups are ignored by type, single pieces by tag", () => {
    expect(short(entitiesOf(text, tags, { ignore_labels: [] }))).toHaveLength(3);
    expect(short(entitiesOf(text, tags, { ignore_labels: ["A"] }))).toEqual([["O", "𝒳"]]);
    expect(
      short(entitiesOf(text, tags, { ignore_labels: ["B-A"], aggregation_strategy: "none" })),
    ).toEqual([
      ["I-A", "b"],
      ["O", "𝒳"],
    ]);
  });

  test("without aggregation, index counts rows of the model's input", () => {
    const index = (options: EntityOptions) =>
      entitiesOf(text, tags, { aggregation_strategy: "none", ...options }).map((entity) =>
        "index" in entity ? entity.index : null,
      );
    expect(index({})).toEqual([1, 2, 4]);
    expect(index({ firstRow: 5 })).toEqual([5, 6, 8]);
  });

  test("the task's temperature flattens scores", () => {
    const run = (temperature: number) =>
      findEntities("a", tokenizer.tokenize("a"), [Float32Array.of(0, 2)], {
        labels: ["O", "A"],
        temperature,
      })[0]!.score;
    expect(run(1)).toBeCloseTo(1 / (1 + Math.exp(-2)), 12);
    expect(run(2)).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
  });

  test("ties go to the first label, the first piece", () => {
    const [entity] = findEntities(
      "ab",
      tokenizer.tokenize("ab"),
      [Float32Array.of(0, 1, 1), Float32Array.of(0, 1, 1)],
      { labels: ["O", "A", "B"], temperature: 1 },
      { aggregation_strategy: "max" },
    );
    expect(entity).toMatchObject({ entity_group: "A", word: "ab" });
  });

  test("max takes the first of two equally sure pieces, as Python's max does", () => {
    // In this order of labels both softmax sums round alike, so that the tie is exact.
    const rows = [Float32Array.of(2, 0, 0), Float32Array.of(0, 2, 0)];
    const [entity] = findEntities(
      "ab",
      tokenizer.tokenize("ab"),
      rows,
      { labels: ["A", "B", "O"], temperature: 1 },
      { aggregation_strategy: "max" },
    );
    expect(entity).toMatchObject({ entity_group: "A", word: "ab" });
  });

  describe("decided by whole words", () => {
    const words = ["B-A", "I-A", "I-A", "S-B", "S-B"];
    const groups = (strategy: AggregationStrategy) =>
      short(entitiesOf("abc de", words, { aggregation_strategy: strategy, isByWord: true }));

    test.each(["simple", "first", "average", "max"] as const)(
      "no entity ends within a word: %s takes the word's first tag",
      (strategy) => {
        expect(groups(strategy)).toEqual([
          ["A", "abc"],
          ["B", "de"],
        ]);
      },
    );

    test("pieces are still answered one by one when no aggregation is asked for", () => {
      expect(groups("none").map(([tag]) => tag)).toEqual(words);
    });
  });

  test.each(["none", "simple"] as const)(
    "%s leaves out what scores lower than min_score",
    (aggregation_strategy) => {
      const all = entitiesOf("ab cd", ["A", "A"], { aggregation_strategy });
      const score = all[0]!.score;
      const found = (min_score: number): number =>
        entitiesOf("ab cd", ["A", "A"], { aggregation_strategy, min_score }).length;
      expect([found(score), found(score + 1e-12)]).toEqual([all.length, 0]);
    },
  );

  test("an empty text has no entities", () => {
    expect(entitiesOf("", [])).toEqual([]);
  });
});

test("a word is always the text between its offsets, in both units, with any letters", () => {
  const letter = fc.oneof(
    fc.constantFrom("a", " ", "é", "😀", "𝒳", "👩🏽‍🚀", "日", "e\u0301"),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
  );
  const tag = fc.constantFrom("O", "B-A", "I-A", "E-A", "S-B");
  fc.assert(
    fc.property(
      fc.array(letter, { maxLength: 12 }),
      fc.infiniteStream(tag),
      fc.constantFrom<AggregationStrategy>("none", "simple", "first", "average", "max"),
      (parts, stream, aggregation_strategy) => {
        const text = parts.join("");
        const tags = Array.from(tokenizer.tokenize(text).ids, () => stream.next().value as string);
        const utf16 = entitiesOf(text, tags, { aggregation_strategy, offset_unit: "utf16" });
        const points = entitiesOf(text, tags, { aggregation_strategy });
        expect(utf16.map(({ start, end }) => text.slice(start, end))).toEqual(
          utf16.map(({ word }) => word),
        );
        expect(points.map(({ start, end }) => [...text].slice(start, end).join(""))).toEqual(
          points.map(({ word }) => word),
        );
        expect(points.map(({ word }) => word)).toEqual(utf16.map(({ word }) => word));
        for (let i = 1; i < utf16.length; i++)
          expect(utf16[i]!.start).toBeGreaterThanOrEqual(utf16[i - 1]!.end);
      },
    ),
    { seed: 5, numRuns: 500 },
  );
});
