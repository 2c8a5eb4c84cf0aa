/**
 * Entities against Hugging Face's token classification pipeline (test/golden/core/spans.json, made_by
 * there; scores are float32 in Python, hence six digits), and what goes beyond it: BIOES, UTF-16
 * offsets, `word` as a slice of the text.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findEntities, readTag } from "../../src/core/spans.ts";
import type { AggregationStrategy, Entity, EntityOptions } from "../../src/core/spans.ts";
import type { Pieces } from "../../src/core/tokenizer.ts";

const STRATEGIES: readonly AggregationStrategy[] = ["none", "simple", "first", "average", "max"];

interface Case {
  text: string;
  labels: string[];
  ignore_labels: string[];
  offsets: [number, number][];
  word_ids: number[];
  logits: number[][];
  expected: Record<
    AggregationStrategy,
    { entity?: string; entity_group?: string; score: number; start: number; end: number }[]
  >;
}

const golden = JSON.parse(
  readFileSync(new URL("../golden/core/spans.json", import.meta.url), "utf8"),
) as { cases: Case[] };

/** Python's offsets count code points, ours UTF-16 units. */
function utf16Offsets(text: string): number[] {
  const offsets = [0];
  for (const letter of text) offsets.push(offsets.at(-1)! + letter.length);
  return offsets;
}

function piecesOf({ text, offsets, word_ids }: Case): Pieces {
  const unit = utf16Offsets(text);
  return {
    ids: new Int32Array(offsets.length),
    starts: Int32Array.from(offsets, ([start]) => unit[start]!),
    ends: Int32Array.from(offsets, ([, end]) => unit[end]!),
    wordIds: Int32Array.from(word_ids),
  };
}

const rowsOf = (logits: readonly number[][]) => logits.map((row) => Float32Array.from(row));

describe.each(STRATEGIES)("aggregation_strategy %s", (strategy) => {
  test.each(golden.cases)("finds what Hugging Face finds in $text", (example) => {
    const { text, labels, ignore_labels } = example;
    const found = findEntities(
      text,
      piecesOf(example),
      rowsOf(example.logits),
      { labels, temperature: 1 },
      { aggregation_strategy: strategy, ignore_labels },
    );
    const points = [...text];
    expect(found).toEqual(
      example.expected[strategy].map((entity) => ({
        ...entity,
        score: expect.closeTo(entity.score, 6),
        word: points.slice(entity.start, entity.end).join(""),
      })),
    );
  });

  test.each(golden.cases)("slices the words out of $text by UTF-16 offsets", (example) => {
    const { text, labels, ignore_labels } = example;
    const options: EntityOptions = { aggregation_strategy: strategy, ignore_labels };
    const find = (unit: "utf16" | "codepoint") =>
      findEntities(
        text,
        piecesOf(example),
        rowsOf(example.logits),
        { labels, temperature: 1 },
        { ...options, offset_unit: unit },
      );
    const [units, points] = [find("utf16"), find("codepoint")];
    for (const { start, end, word } of units) expect(text.slice(start, end)).toBe(word);
    expect(units.map(({ word }) => word)).toEqual(points.map(({ word }) => word));
  });
});

/** One piece a letter; each tag is as sure as its digit says, and the words are as `wordIds` says. */
function find(tags: string, options: EntityOptions = {}, wordIds?: number[], temperature = 1) {
  const list = tags.split(" ");
  const labels = [...new Set(["O", ...list])];
  const text = "abcdefghijklmnop".slice(0, list.length);
  const index = Int32Array.from(list, (_, i) => i);
  return findEntities(
    text,
    {
      ids: index,
      starts: index,
      ends: index.map((i) => i + 1),
      wordIds: wordIds ? Int32Array.from(wordIds) : index,
    },
    list.map((tag) => Float32Array.from(labels, (label) => (label === tag ? 5 : 0))),
    { labels, temperature },
    options,
  );
}

const groups = (entities: readonly Entity[]) =>
  entities.map((entity) => {
    const name = "entity_group" in entity ? entity.entity_group : entity.entity;
    return `${name}:${entity.word}`;
  });

describe("grouping", () => {
  test.each([
    ["an inside tag continues", "B-PER I-PER O", ["PER:ab"]],
    ["an inside tag may begin", "O I-PER I-PER", ["PER:bc"]],
    ["a begin tag separates neighbours", "B-PER B-PER I-PER", ["PER:a", "PER:bc"]],
    ["another type separates", "B-PER I-LOC", ["PER:a", "LOC:b"]],
    ["plain tags group while they are the same", "PER PER LOC O PER", ["PER:ab", "LOC:c", "PER:e"]],
    ["an end tag closes", "B-PER I-PER E-PER I-PER", ["PER:abc", "PER:d"]],
    ["two singles stay two", "S-PER S-PER", ["PER:a", "PER:b"]],
    ["a single separates what surrounds it", "I-PER S-PER I-PER", ["PER:a", "PER:b", "PER:c"]],
    ["an end tag alone is an entity", "O E-PER O", ["PER:b"]],
    ["BILOU reads like BIOES", "B-PER I-PER L-PER U-PER U-LOC", ["PER:abc", "PER:d", "LOC:e"]],
    ["a type may have hyphens", "B-A-B I-A-B I-A", ["A-B:ab", "A:c"]],
    ["nothing but O is nothing", "O O O", []],
  ])("%s: %s", (_, tags, expected) => {
    expect(groups(find(tags))).toEqual(expected);
  });

  test("the score of a group is the mean of its pieces' scores", () => {
    const sure = Math.exp(5) / (Math.exp(5) + 2);
    expect(find("B-PER I-PER")).toEqual([
      { entity_group: "PER", score: expect.closeTo(sure, 12), word: "ab", start: 0, end: 2 },
    ]);
  });

  test("a temperature flattens the scores and changes no entity", () => {
    const [sharp, flat] = [find("B-PER I-PER"), find("B-PER I-PER", {}, undefined, 4)];
    expect(groups(flat)).toEqual(groups(sharp));
    expect(flat[0]!.score).toBeLessThan(sharp[0]!.score);
  });

  test.each(["first", "average", "max"] as const)("%s tags whole words", (strategy) => {
    const tags = "B-PER O O B-LOC";
    const found = find(tags, { aggregation_strategy: strategy }, [0, 0, 1, 2]);
    // Of "ab" both tags are equally sure: the first label wins, as numpy's argmax has it.
    expect(groups(found)).toEqual(strategy === "average" ? ["LOC:d"] : ["PER:ab", "LOC:d"]);
  });

  test("none gives every piece with its row in the model's input", () => {
    const found = find("O B-PER I-PER", { aggregation_strategy: "none", firstRow: 4 });
    expect(found).toMatchObject([
      { entity: "B-PER", index: 5, word: "b" },
      { entity: "I-PER", index: 6, word: "c" },
    ]);
  });

  test("ignore_labels names groups, or tags with none", () => {
    const tags = "B-PER O B-LOC";
    expect(groups(find(tags, { ignore_labels: [] }))).toEqual(["PER:a", "O:b", "LOC:c"]);
    expect(groups(find(tags, { ignore_labels: ["PER"] }))).toEqual(["O:b", "LOC:c"]);
    const none: EntityOptions = { aggregation_strategy: "none", ignore_labels: ["O", "B-PER"] };
    expect(groups(find(tags, none))).toEqual(["B-LOC:c"]);
  });
});

test("a text without pieces has no entities", () => {
  const none = new Int32Array(0);
  const pieces = { ids: none, starts: none, ends: none, wordIds: none };
  for (const strategy of STRATEGIES) {
    const options = { aggregation_strategy: strategy };
    expect(findEntities("", pieces, [], { labels: ["O"], temperature: 1 }, options)).toEqual([]);
  }
});

test.each([
  ["O", "O", false, false],
  ["B-PER", "PER", true, false],
  ["I-PER", "PER", false, false],
  ["E-PER", "PER", false, true],
  ["L-PER", "PER", false, true],
  ["S-PER", "PER", true, true],
  ["U-PER", "PER", true, true],
  ["B-", "B-", false, false],
  ["X-PER", "X-PER", false, false],
  ["b-PER", "b-PER", false, false],
  ["I-A-B", "A-B", false, false],
  ["B-new\nline", "new\nline", true, false],
])("the tag %j is of type %j, begins: %j, ends: %j", (tag, type, isBegin, isEnd) => {
  expect(readTag(tag)).toEqual({ type, isBegin, isEnd });
});

test("every piece that is not ignored is in exactly one entity, in order, for any tags", () => {
  const tag = fc.constantFrom("O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "A", "B");
  const strategy = fc.constantFrom<AggregationStrategy>("simple", "first", "max");
  fc.assert(
    fc.property(fc.array(tag, { minLength: 1, maxLength: 16 }), strategy, (tags, strategy) => {
      const found = find(tags.join(" "), { aggregation_strategy: strategy, ignore_labels: [] });
      const covered = found.flatMap(({ start, end }) =>
        Array.from({ length: end - start }, (_, i) => start + i),
      );
      expect(covered).toEqual(tags.map((_, i) => i));
    }),
    { seed: 6, numRuns: 300 },
  );
});
