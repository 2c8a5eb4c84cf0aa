/** CoNLL files: what is a word, what is a comment, and what separates. Expected values by hand. */
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { parseData } from "../../../../src/learn/data/read.ts";
import type { DataOptions } from "../../../../src/learn/data/read.ts";

/** Words with their tags, a sentence a list. */
const read = (text: string, options: DataOptions = {}) =>
  parseData(text, "d.conll", { strict: true, ...options }).examples.map(({ text, words, labels }) =>
    words.map(({ start, end }, i) => `${text.slice(start, end)}/${labels[i]}`),
  );

// Patterns that begin anew at each of these blanks would take minutes for them.
it("a line of blanks between two words is a line", () => {
  expect(read(`Rome${" ".repeat(500_000)}B-LOC\n`)).toEqual([["Rome/B-LOC"]]);
  expect(read(`Rome\t${" ".repeat(500_000)}x\tB-LOC\n`, { tagColumn: 3 })).toEqual([
    ["Rome/B-LOC"],
  ]);
});

describe("comments before a sentence are no words", () => {
  it.each([
    ["an id", "# id 5f3f\nIn O\nRome B-LOC\n"],
    ["a key and a value", "# text = In Rome\n# sent_id = 1\nIn O\nRome B-LOC\n"],
    ["without spaces", "#sent_id=1\nIn O\nRome B-LOC\n"],
    ["CoNLL-U's marks", "# newdoc id = a\n# newpar\n#\nIn O\nRome B-LOC\n"],
    ["MultiCoNER's ids with a tab", "# id 7c1\tdomain=en\nIn\tO\nRome\tB-LOC\n"],
    ["as many columns as the words", "# id 1 x\nIn a b O\nRome a b B-LOC\n", 4],
    ["as many words as the tags", "# id ext\nIn a O\nRome a B-LOC\n", 3],
    ["a key and a value within a sentence", "In O\n# sent_id = 3\nRome B-LOC\n"],
    ["between sentences", "In O\n\n# id 2\nRome B-LOC\n"],
    ["more than one sign", "## part 1 of 2\nIn O\nRome B-LOC\n"],
  ])("%s", (_name, text, tagColumn = 2) => {
    expect(read(text, { tagColumn }).flat()).toEqual(["In/O", "Rome/B-LOC"]);
  });

  it("even alone before a blank line, and line numbers stay", () => {
    const data = parseData("# id 1\n\nIn O\n\n# id 2\nRome\n", "d.conll");
    expect(data.examples).toHaveLength(1);
    expect(data.problems).toMatchObject([{ line: 6 }]);
  });
});

describe("a token # with a tag is a word", () => {
  it.each([
    ["first, outside", "# O\n1 B-NUM\n", ["#/O", "1/B-NUM"]],
    ["first, inside an entity", "# B-TAG\nmetoo I-TAG\n", ["#/B-TAG", "metoo/I-TAG"]],
    ["within a sentence", "we O\n# O\n1 O\n", ["we/O", "#/O", "1/O"]],
    ["by a tab", "#\tO\n1\tO\n", ["#/O", "1/O"]],
    ["a hashtag", "#metoo B-TAG\nis O\n", ["#metoo/B-TAG", "is/O"]],
    ["alone in its sentence", "a O\n\n# O\n", ["a/O", "#/O"]],
    ["the only line", "# O\n", ["#/O"]],
    ["with the tag # of parts of speech", "# #\n1 CD\n", ["#/#", "1/CD"]],
  ])("%s", (_name, text, words) => {
    expect(read(text).flat()).toEqual(words);
  });

  it("a hashtag without a tag is a bad row, not a comment", () => {
    expect(parseData("#metoo\nis O\n\nso O\n", "d.conll").problems).toHaveLength(1);
  });
});

describe("only tab, space and carriage return separate", () => {
  it.each(["\u00a0", "\ufeff", "\u3000", "\u2028", "\u0085", "\u000b", "a\u00a0b"])(
    "the word %j stays a word",
    (word) => {
      expect(read(`in O\n${word} O\nRome B-LOC\n`)).toEqual([["in/O", `${word}/O`, "Rome/B-LOC"]]);
      expect(read(`${word}\tO\nRome\tB-LOC\n`)).toEqual([[`${word}/O`, "Rome/B-LOC"]]);
    },
  );

  it("blanks at the ends of a line and between columns are none", () => {
    expect(read(" in   O  \r\n\t\r\nNew York \t B-LOC\t\r\n")).toEqual([
      ["in/O"],
      ["New York/B-LOC"],
    ]);
  });

  it("a file of old Mac line ends is read", () => {
    expect(read("in O\rRome B-LOC\r\rso O\r")).toEqual([["in/O", "Rome/B-LOC"], ["so/O"]]);
  });

  it("a line that begins with a tab has no word", () => {
    expect(parseData("\tx\tO\n\nso O\n", "d.conll").badRows).toBe(1);
  });
});

describe("tags that are numbers", () => {
  it("are refused with the way out, and named by --label-names", () => {
    expect(() => read("In 0\nRome 1\n")).toThrow(/numbers 0 to 1; name them with --label-names/);
    const labelMap = { 0: "O", 1: "B-LOC" };
    expect(read("In 0\nRome 1\n", { labelMap })).toEqual([["In/O", "Rome/B-LOC"]]);
    expect(() => read("In 0\nRome 2\n", { labelMap })).toThrow(/tag 2 has no name/);
  });
});

it("any words and tags are read back as they were written, comments or not", () => {
  const word = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 4 }),
    fc.constantFrom("#", "##", "#1", "\u00a0", "\ufeff", "-", "=", "-DOCSTART"),
  );
  const isWord = (text: string): boolean => !/[\t \r\n\uFFFD]/.test(text) && text.isWellFormed();
  const token = fc.tuple(word.filter(isWord), fc.constantFrom("O", "B-X", "I-X"));
  const sentence = fc
    .array(token, { minLength: 1, maxLength: 5 })
    .filter((tokens) => tokens.some(([text]) => text.trim() !== ""));
  const comment = fc.constantFrom("# id 12 ext", "# text = # O", "# newpar", "#a=b");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(comment, { maxLength: 2 }), sentence), { minLength: 1 }),
      fc.constantFrom(" ", "\t"),
      (sentences, separator) => {
        const lines = sentences.flatMap(([comments, tokens]) => [
          ...comments,
          ...tokens.map((columns) => columns.join(separator)),
          "",
        ]);
        const wanted = sentences.map(([, tokens]) => tokens.map((columns) => columns.join("/")));
        expect(read(lines.join("\n"))).toEqual(wanted);
      },
    ),
    { seed: 19, numRuns: 500 },
  );
});
