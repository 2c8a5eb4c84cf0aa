/** Data files: every format, every kind of bad row, and no parser that throws what it should not. */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { parseData } from "../../../../src/learn/data/read.ts";
import { readDataFile } from "../../../../scripts/runs/task/data-files.ts";
import type { DataFormat, DataOptions } from "../../../../src/learn/data/read.ts";
import { labelsOf, problemTypeOf, readLabelNames } from "../../../../src/learn/data/labels.ts";
import { EdgePrefixError } from "../../../../src/core/errors.ts";

const pairs = (text: string, name: string, options?: DataOptions) =>
  parseData(text, name, options).examples.map(({ text, labels }) => [text, ...labels]);

describe("csv", () => {
  test("quotes hold commas, quotes and line breaks", () => {
    const csv = 'text,label\r\n"a, b",x\r\n"he said ""no""",y\r\n"two\nlines",x\r\n';
    expect(pairs(csv, "d.csv")).toEqual([
      ["a, b", "x"],
      ['he said "no"', "y"],
      ["two\nlines", "x"],
    ]);
  });

  test("the text and label columns may have other names and any order", () => {
    expect(pairs("category,x,sentence\nc,1,hello\n", "d.csv")).toEqual([["hello", "c"]]);
    const options = { textColumn: "Title", labelColumn: "Class Index" };
    expect(pairs("Class Index,Title\n3,News\n", "d.csv", options)).toEqual([["News", "3"]]);
  });

  test("each example is known by the line it begins in", () => {
    const data = parseData('text,label\n"multi\nline",x\nonly one\nlast,y\n', "d.csv");
    expect(data.examples.map((example) => data.lineOf.get(example))).toEqual([2, 5]);
  });

  test("bad rows are counted with the line they begin in", () => {
    const csv = 'text,label\ngood,x\nonly one\n"multi\nline",x\n,x\nno label,\nlast,y\n';
    const data = parseData(csv, "d.csv");
    expect(data.examples).toHaveLength(3);
    expect(data.badRows).toBe(3);
    expect(data.problems).toEqual([
      { line: 3, what: "has 1 columns, expected 2" },
      { line: 6, what: "the text is empty" },
      { line: 7, what: "the label is empty" },
    ]);
  });

  test.each([
    ["a quote that is never closed", '"open,x', "a quote opens and is never closed"],
    ["a quote that a later row closes", '"open,x\nkept,x\n"a, b",x', "text after a closing quote"],
    ["text after a closing quote", '"one" two,x', "text after a closing quote"],
  ])("%s costs the line it opens in, and no other row", (_name, lines, what) => {
    const data = parseData(`text,label\nfirst,x\n${lines}\nlast,y\n`, "d.csv");
    expect(data.problems).toEqual([{ line: 3, what: expect.stringContaining(what) }]);
    expect(data.badRows).toBe(1);
    const texts = data.examples.map(({ text }) => text);
    expect(texts).toEqual(["first", ...(lines.includes("kept") ? ["kept", "a, b"] : []), "last"]);
  });

  test("a quote within a field, blanks around quotes and lone carriage returns are read", () => {
    expect(pairs('text,label\nsaid "no" twice,x\n', "d.csv")).toEqual([['said "no" twice', "x"]]);
    expect(pairs('text,label\n"a, b" , "x"\n', "d.csv")).toEqual([["a, b", "x"]]);
    expect(pairs("text,label\ra,x\rb,y\r", "d.csv")).toEqual([
      ["a", "x"],
      ["b", "y"],
    ]);
  });

  test("a table whose first line has no comma is separated by semicolons or tabs", () => {
    expect(pairs('text;label\n"a; b, c";x\n', "d.csv")).toEqual([["a; b, c", "x"]]);
    expect(pairs("text\tlabel\na, b\tx\n", "d.csv")).toEqual([["a, b", "x"]]);
  });

  test("strict stops at the first bad row and names it", () => {
    expect(() => parseData("text,label\na,x\nb\n", "f/d.csv", { strict: true })).toThrow(
      "f/d.csv:3: has 1 columns, expected 2",
    );
  });

  test("a missing column lists the columns found and the way out", () => {
    expect(() => parseData("a,b\n1,2\n", "d.csv")).toThrow(/found "a", "b".*--text-column/);
  });

  test("a separator makes several labels of a field, or none of an empty one", () => {
    const csv = "text,label\na,x; y\nb,\nc,y;\n";
    const options = { labelSeparator: ";" };
    expect(pairs(csv, "d.csv", options)).toEqual([["a", "x", "y"], ["b"], ["c", "y"]]);
    expect(pairs("text\tlabel\na\tx|y\n", "d.tsv", { labelSeparator: "|" })).toEqual([
      ["a", "x", "y"],
    ]);
    // Without one the field is one label.
    expect(pairs(csv, "d.csv")[0]).toEqual(["a", "x; y"]);
  });

  test("a label that is no number is a bad row where numbers are learned", () => {
    const data = parseData("text,label\na,1.5\nb,many\nc,-2e1\n", "d.csv", {
      problemType: "regression",
    });
    expect(data.examples.map(({ labels }) => labels)).toEqual([["1.5"], ["-2e1"]]);
    expect(data.problems).toEqual([{ line: 3, what: 'the label "many" is no number' }]);
  });

  test("a file without a header is read with given columns", () => {
    expect(pairs("hello,x\n", "d.csv", { columns: ["text", "label"] })).toEqual([["hello", "x"]]);
  });
});

describe("tsv", () => {
  test("a quote is a character like any other, as in SST-2", () => {
    const tsv = 'label\tsentence\r\n0\t"bad " film\r\n1\tgood\r\n';
    expect(pairs(tsv, "train.tsv")).toEqual([
      ['"bad " film', "0"],
      ["good", "1"],
    ]);
  });

  test("numeric labels get names when they are given", () => {
    const { labelMap } = readLabelNames("negative,positive");
    expect(pairs("label\ttext\n1\ta\n0\tb\n", "d.tsv", { labelMap })).toEqual([
      ["a", "positive"],
      ["b", "negative"],
    ]);
  });
});

describe("jsonl", () => {
  test("pairs, lists of labels and token rows", () => {
    const [pair, multi] = parseData(
      '{"premise":"p","hypothesis":"h","label":1}\n\n{"premise":"t","label":["a","b"]}\n',
      "d.jsonl",
      { textColumn: "premise", pairColumn: "hypothesis" },
    ).examples;
    expect(pair).toEqual({ text: "p", pair: "h", labels: ["1"], words: [] });
    expect(multi).toEqual({ text: "t", labels: ["a", "b"], words: [] });
    const tokens = '{"tokens":["In","Rome"],"tags":["O","B-LOC"]}';
    expect(parseData(tokens, "d.jsonl", { type: "token" }).examples[0]).toMatchObject({
      text: "In Rome",
      labels: ["O", "B-LOC"],
    });
  });

  test("every kind of bad line is named", () => {
    const lines = [
      "{",
      "[]",
      '{"text":1,"label":"x"}',
      '{"text":"a"}',
      '{"text":"\\ud800","label":"x"}',
      '{"text":"ok","label":"x"}',
    ];
    expect(parseData(lines.join("\n"), "d.jsonl").problems.map(({ what }) => what)).toEqual([
      "is not valid JSON",
      "is an array of 0, expected an object",
      '"text" is 1, expected a string',
      '"label" or "labels" or "category" (found "text") is missing, expected a label',
      "the text has a lone surrogate",
    ]);
  });
});

describe("conll", () => {
  test("a sentence becomes its words joined by spaces, with their spans", () => {
    const conll = "-DOCSTART- -X- O\n\nEU B-ORG 0\nrejects O 0\n\n\nPeter\tB-PER\nBlackburn\tI-PER";
    const { type, examples } = parseData(conll, "train.txt");
    expect(type).toBe("token");
    expect(examples).toEqual([
      {
        text: "EU rejects",
        labels: ["B-ORG", "O"],
        words: [
          { start: 0, end: 2 },
          { start: 3, end: 10 },
        ],
      },
      {
        text: "Peter Blackburn",
        labels: ["B-PER", "I-PER"],
        words: [
          { start: 0, end: 5 },
          { start: 6, end: 15 },
        ],
      },
    ]);
  });

  test("the tag column can be chosen, and types mapped or dropped", () => {
    const options = { tagColumn: 3, labelMap: { PER: "person", MISC: null } };
    expect(
      parseData("A 1 B-PER\nb 1 I-PER\nC 1 B-MISC\n", "d.conll", options).examples[0]!.labels,
    ).toEqual(["B-person", "I-person", "O"]);
  });

  test("a word without a tag costs its sentence and names the line", () => {
    const data = parseData("a O\nb\n\nc O\n", "d.conll");
    expect(data.examples).toHaveLength(1);
    expect(data.problems).toEqual([
      { line: 1, what: "line 2 has 1 columns, expected a word and a tag in column 2" },
    ]);
  });
});

describe("files", () => {
  test("gzip is read as it is, a byte order mark is not part of the first column", async () => {
    const dir = await mkdtemp(join(tmpdir(), "edge-prefix-data-"));
    await writeFile(join(dir, "a.tsv.gz"), gzipSync("\uFEFFtext\tlabel\nhello\tx\n"));
    expect((await readDataFile(join(dir, "a.tsv.gz"))).examples[0]!.text).toBe("hello");
  });

  test("three parallel files serve both types of task", async () => {
    const dir = await mkdtemp(join(tmpdir(), "edge-prefix-data-"));
    await writeFile(join(dir, "seq.in"), "play step to me \nstop\n");
    await writeFile(join(dir, "seq.out"), "O B-x I-x I-x \nO\n");
    await writeFile(join(dir, "label"), "Play\nStop\n");
    const tokens = await readDataFile(join(dir, "seq.in"));
    expect(tokens.examples[0]).toMatchObject({
      text: "play step to me",
      labels: ["O", "B-x", "I-x", "I-x"],
    });
    const classes = await readDataFile(join(dir, "seq.in"), { type: "sequence" });
    expect(classes.examples.map(({ labels }) => labels[0])).toEqual(["Play", "Stop"]);
  });

  test.each(["utf16le", "utf16be"])("%s is told by its byte order mark", async (encoding) => {
    const path = join(await mkdtemp(join(tmpdir(), "data-")), "d.tsv");
    const bytes = Buffer.from("\uFEFFtext\tlabel\nnaïve\tx\n", "utf16le");
    await writeFile(path, encoding === "utf16le" ? bytes : bytes.swap16());
    expect((await readDataFile(path)).examples).toMatchObject([{ text: "naïve", labels: ["x"] }]);
  });

  test("bytes that are not UTF-8 are a bad row", async () => {
    const dir = await mkdtemp(join(tmpdir(), "edge-prefix-data-"));
    const latin1 = Buffer.from("text\tlabel\ncaf\u00e9\tx\nok\tx\n", "latin1");
    await writeFile(join(dir, "a.tsv"), latin1);
    const data = await readDataFile(join(dir, "a.tsv"));
    expect(data.problems).toEqual([
      { line: 2, what: "the text is not valid UTF-8 (or has U+FFFD in it)" },
    ]);
  });

  test("an unknown extension, a missing file and an empty file say so", async () => {
    await expect(readDataFile("x.parquet")).rejects.toThrow(/known are csv, tsv/);
    await expect(readDataFile("/nonexistent/x.csv")).rejects.toThrow(/no such file/);
    await expect(readDataFile(tmpdir(), { format: "csv" })).rejects.toThrow(/cannot be read/);
    expect(() => parseData("", "d.conll")).toThrow(/has no usable row/);
    expect(() => parseData("text,label\n,x\n", "d.csv")).toThrow(/1 bad rows, the first in line 2/);
  });
});

describe("labels", () => {
  const example = (...labels: string[]) => ({ text: "t", labels, words: [] });

  test("are sorted whatever the order of rows: integers by value, names by code unit", () => {
    expect(
      labelsOf(
        ["10", "9", "1"].map((l) => example(l)),
        "sequence",
      ),
    ).toEqual(["1", "9", "10"]);
    expect(
      labelsOf(
        ["b", "a", "B"].map((l) => example(l)),
        "sequence",
      ),
    ).toEqual(["B", "a", "b"]);
  });

  test("of tags begin with O and have an I- for every B-", () => {
    expect(labelsOf([example("I-b", "B-b", "O", "B-a")], "token")).toEqual([
      "O",
      "B-a",
      "I-a",
      "B-b",
      "I-b",
    ]);
  });

  test("of BIOES tags have what the parts of a word of one need, where prefixes are positions", () => {
    const bioes = labelsOf([example("S-LOC", "B-PER", "E-PER", "O")], "token");
    const loc = ["B-LOC", "I-LOC", "E-LOC", "S-LOC"];
    expect(bioes).toEqual(["O", ...loc, "B-PER", "I-PER", "E-PER"]);
    const bilou = labelsOf([example("U-LOC", "B-PER")], "token");
    expect(bilou).toEqual(["O", "B-LOC", "I-LOC", "L-LOC", "U-LOC", "B-PER", "I-PER"]);
    expect(labelsOf([example("S-CLASS", "E-MAIL")], "token")).toEqual(["O", "S-CLASS", "E-MAIL"]);
  });

  test("names are read as a list or as pairs", () => {
    expect(readLabelNames("neg,pos").labelMap).toEqual({ 0: "neg", 1: "pos" });
    expect(readLabelNames("PER=person,MISC=")).toEqual({
      labelMap: { PER: "person", MISC: null },
      labels: ["person"],
    });
    expect(() => readLabelNames("a,,b")).toThrow(/is not allowed/);
  });
});

/** Texts made of the characters that parsers care about. */
const nasty = fc
  .array(
    fc.constantFrom(
      "a",
      " ",
      "\t",
      ",",
      '"',
      "\n",
      "\r\n",
      "{",
      "}",
      '"text":',
      "text",
      "label",
      "O",
      "B-X",
      "\uFEFF",
      "\ud800",
      "-DOCSTART-",
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(""));

test.each<DataFormat>(["csv", "tsv", "jsonl", "conll"])(
  "any text gives examples or an error of ours: %s",
  (format) => {
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string()), fc.boolean(), (text, hasHeader) => {
        const columns = hasHeader ? {} : { columns: ["text", "label"] };
        try {
          const { examples, badRows } = parseData(text, `d.${format}`, { format, ...columns });
          expect(badRows).toBeGreaterThanOrEqual(0);
          for (const { text, labels, words } of examples) {
            expect(text.trim()).not.toBe("");
            expect(text.isWellFormed()).toBe(true);
            expect(labels.length).toBeGreaterThan(0);
            for (const { start, end } of words) expect(text.slice(start, end)).not.toBe("");
          }
        } catch (error) {
          expect(error).toBeInstanceOf(EdgePrefixError);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  },
);

test.each(["csv", "tsv"] as const)("what is written as %s is read back", (format) => {
  const cell = fc.stringMatching(/^[a-z"' ,]{0,8}[a-z]$/);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(cell, fc.stringMatching(/^[a-z]{1,4}$/)), { minLength: 1 }),
      (rows) => {
        const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
        const written = rows.map(([text, label]) =>
          format === "csv" ? `${quote(text)},${label}` : `${text}\t${label}`,
        );
        const header = format === "csv" ? "text,label" : "text\tlabel";
        expect(pairs([header, ...written].join("\n"), `d.${format}`)).toEqual(rows);
      },
    ),
    { seed: 2, numRuns: 200 },
  );
});

test("the project's own golden files are where the tests expect them", async () => {
  const text = await readFile(new URL("../../../golden/metrics.json", import.meta.url), "utf8");
  expect(JSON.parse(text)).toMatchObject({ magic: "edge-prefix metrics", version: 1 });
});

describe("what kind of problem the labels pose", () => {
  const rows = (...labels: string[][]) =>
    labels.map((names) => ({ text: "x", labels: names, words: [] }));
  const numbers = Array.from({ length: 11 }, (_, i) => [String(i / 2)]);

  test("one label a text is the usual one, and so are tags", () => {
    expect(problemTypeOf(rows(["a"], ["b"]), "sequence")).toBe("single_label_classification");
    expect(problemTypeOf(rows(["O", "O"], ["O"]), "token")).toBe("single_label_classification");
  });

  test("several labels of any text, or none, make it multi-label", () => {
    expect(problemTypeOf(rows(["a"], ["a", "b"]), "sequence")).toBe("multi_label_classification");
    expect(problemTypeOf(rows(["a"], []), "sequence")).toBe("multi_label_classification");
  });

  test("many different numbers with fractions are numbers; a few, or whole ones, are names", () => {
    expect(problemTypeOf(rows(...numbers), "sequence")).toBe("regression");
    expect(problemTypeOf(rows(...numbers.slice(0, 10)), "sequence")).toMatch(/^single/);
    expect(problemTypeOf(rows(...numbers.map(([n]) => [`${2 * Number(n)}`])), "sequence")).toMatch(
      /^single/,
    );
    expect(problemTypeOf(rows(...numbers, ["n/a"]), "sequence")).toMatch(/^single/);
  });
});
