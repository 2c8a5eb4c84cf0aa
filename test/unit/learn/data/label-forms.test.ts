/**
 * The forms in which labels are written: lists of 0 and 1, lists with repeats, numbers of any size,
 * Hugging Face's tokens with numbers as tags. Expected values by hand.
 */
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { labelMapOf, labelsOf, readLabelNames } from "../../../../src/learn/data/labels.ts";
import { parseData } from "../../../../src/learn/data/read.ts";
import type { DataOptions } from "../../../../src/learn/data/read.ts";

const jsonl = (...labels: string[]): string =>
  labels.map((label, i) => `{"text": "text ${i}", "label": ${label}}`).join("\n");
const read = (text: string, options: DataOptions = {}, name = "d.jsonl") =>
  parseData(text, name, { strict: true, ...options }).examples.map(({ labels }) => labels);
const names = { labelMap: labelMapOf(["a", "b", "c"]) };

describe("a list of 0 and 1 for each label", () => {
  it.each([
    ["integers", jsonl("[1,0,0]", "[0,1,1]", "[0,0,0]")],
    ["floats", jsonl("[1.0,0.0,0.0]", "[0.0,1.0,1.0]", "[0.0,0.0,0.0]")],
    ["text", jsonl('["1","0","0"]', '["0","1","1"]', '["0","0","0"]')],
    ["true and false", jsonl("[true,false,false]", "[false,true,true]", "[false,false,false]")],
  ])("of %s gives the names of the ones", (_name, text) => {
    expect(read(text, names)).toEqual([["a"], ["b", "c"], []]);
  });

  it.each([
    ["in the form of Python", 'text,label\nx,"[1, 0, 0]"\ny,"[0, 1, 1]"\n', {}],
    ["in the form of NumPy", "text,label\nx,[1. 0. 0.]\ny,[0. 1. 1.]\n", {}],
    ["between separators", "text,label\nx,1;0;0\ny,0;1;1\n", { labelSeparator: ";" }],
  ])("of a csv %s, too", (_name, text, options) => {
    expect(read(text, { ...names, ...options }, "d.csv")).toEqual([["a"], ["b", "c"]]);
  });

  it.each([
    [
      "printed in a string",
      jsonl('"[1, 0, 0]"', '"[0, 1, 1]"'),
      ["a", "b", "c"],
      [["a"], ["b", "c"]],
    ],
    ["of one label", jsonl("[1]", "[0]", "[1]"), ["toxic"], [["toxic"], [], ["toxic"]]],
  ])("%s is read as well", (_name, text, list, expected) => {
    expect(read(text, { labelMap: labelMapOf(list) })).toEqual(expected);
  });

  it("is none where a list of label numbers repeats one", () => {
    expect(read(jsonl("[1,1]", "[2,1]"))).toEqual([["1"], ["2", "1"]]);
    expect(read(jsonl("[1]", "[0]"), { labelMap: labelMapOf(["no", "yes"]) })).toEqual([
      ["yes"],
      ["no"],
    ]);
  });

  it.each([
    ["integers", jsonl("[1,0,0]", "[0,1,0]")],
    ["floats", jsonl("[1.0,0.0]", "[0.0,1.0]")],
    ["unequal lengths", jsonl("[1,0,0]", "[0,1]")],
    ["a name among them", jsonl("[1,0,0]", '"spam"')],
  ])("is refused without names: %s", (_name, text) => {
    expect(() => read(text)).toThrow(
      /lists of \d zeros and ones; name the places with --label-names/,
    );
    expect(() => read(text, { labelMap: { spam: "junk" } })).toThrow(/zeros and ones/);
  });

  it("is refused with another number of names, and a row of another length is a bad row", () => {
    expect(() => read(jsonl("[1,0]", "[0,1]"), names)).toThrow(/--label-names has 3 names/);
    const { examples, problems } = parseData(
      jsonl("[1,0,0]", "[0,1]", "[0,0,1]"),
      "d.jsonl",
      names,
    );
    expect(examples.map(({ labels }) => labels)).toEqual([["a"], ["c"]]);
    expect(problems).toEqual([
      { line: 2, what: 'the label is "0, 1", expected 3 zeros and ones as in other rows' },
    ]);
  });

  it("leaves out a label without a name, and keeps the row", () => {
    expect(read(jsonl("[1,0]", "[1,1]"), readLabelNames("0=,1=b"))).toEqual([[], ["b"]]);
  });

  it("is not seen in lists of ids of several lengths, in one number, or in numbers to learn", () => {
    expect(read(jsonl("[0]", "[0,1]", "[1]"), names)).toEqual([["a"], ["a", "b"], ["b"]]);
    expect(read(jsonl("0", "1"), names)).toEqual([["a"], ["b"]]);
    expect(read(jsonl("[0]", "[1]"), { problemType: "regression" })).toEqual([["0"], ["1"]]);
  });

  it("shares of labels are no labels", () => {
    expect(() => read(jsonl("[0.2,0.8]", "[0.7,0.3]"))).toThrow(/a list with the number 0.2/);
  });
});

describe("labels of one row", () => {
  it("count once, however often they are written, also under one name", () => {
    expect(read(jsonl('["x","y","x"]', '["x","x"]', "[2,3,2]"))).toEqual([
      ["x", "y"],
      ["x"],
      ["2", "3"],
    ]);
    expect(read(jsonl('["x","y"]'), { labelMap: { x: "z", y: "z" } })).toEqual([["z"]]);
    expect(read("text,label\nt,x;y;x\n", { labelSeparator: ";" }, "d.csv")).toEqual([["x", "y"]]);
  });

  it.each(['""', '" "', '"\\ud800"', '"\\ufffd"', "[null]", "{}", "[[1]]", "null"])(
    "the label %s is a bad row",
    (label) => {
      expect(() => read(jsonl(label))).toThrow(/label/);
    },
  );
});

describe("numbers as labels keep their digits", () => {
  it.each([
    ["9007199254740992", "9007199254740993"],
    ["-9007199254740993", "-9007199254740992"],
    ["12345678901234567890", "12345678901234567891"],
    ["1e400", "1e401"],
    ["0.1234567890123456789", "0.1234567890123456788"],
    ["9007199254740993.0", "9007199254740992.0"],
  ])("%s and %s are two labels, alone and in lists", (a, b) => {
    const alone = read(jsonl(a, b)).flat();
    expect(new Set(alone).size).toBe(2);
    expect(read(jsonl(`["x", ${a}]`, `["x", ${b}]`))).toEqual(alone.map((label) => ["x", label]));
    const csv = read(`text,label\nx,${a}\ny,${b}\n`, {}, "d.csv").flat();
    expect(csv).toEqual([a, b]);
  });

  it("any integer is its digits, in a text beside it, too", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 90n), max: 2n ** 90n }), (id) => {
        expect(read(jsonl(String(id)))).toEqual([[String(id)]]);
        const row = `{"text": "12345678901234567890", "label": ${id}, "id": ${id}}`;
        expect(parseData(row, "d.jsonl").examples[0]!.text).toBe("12345678901234567890");
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it.each([
    ["1.0", "1"],
    ["1e2", "100"],
    ["0.50", "0.5"],
    ["-0", "0"],
    ["1E3", "1000"],
  ])("%s is the label %s, as JavaScript writes it", (written, label) => {
    expect(read(jsonl(written))).toEqual([[label]]);
  });

  it("are listed by value, and before names, whatever the order of the rows", () => {
    const labels = ["9", "10", "1x", "9007199254740993", "-3", "9007199254740992", "a", "007"];
    const sorted = ["-3", "007", "9", "10", "9007199254740992", "9007199254740993", "1x", "a"];
    fc.assert(
      fc.property(fc.shuffledSubarray(labels, { minLength: labels.length }), (shuffled) => {
        const rows = shuffled.map((label) => ({ text: "t", labels: [label], words: [] }));
        expect(labelsOf(rows, "sequence")).toEqual(sorted);
      }),
      { seed: 3, numRuns: 50 },
    );
  });

  it("a table with gaps writes 1 as 1.0, which has the name of 1", () => {
    expect(read("text,label\nx,1.0\ny,0.0\n", names, "d.csv")).toEqual([["b"], ["a"]]);
  });
});

describe("tokens with tags", () => {
  const tags = { labelMap: labelMapOf(["O", "B-LOC", "I-LOC"]) };
  const row = (field: string, value: string): string =>
    `{"id": "0", "tokens": ["In", "New", "York"], "${field}": ${value}}`;

  it.each(["ner_tags", "tags", "labels", "label"])("are read from %s without a type", (field) => {
    const expected = { type: "token", examples: [{ labels: ["O", "B-LOC", "I-LOC"] }] };
    expect(parseData(row(field, "[0,1,2]"), "d.jsonl", tags)).toMatchObject(expected);
    const text = row(field, '["O","B-LOC","I-LOC"]');
    expect(parseData(text, "d.jsonl")).toMatchObject(expected);
    expect(parseData(text.replace("tokens", "words"), "d.jsonl")).toMatchObject(expected);
  });

  it("are read from the column that is named", () => {
    const text = '{"tokens": ["In"], "ner_tags": ["O"], "pos_tags": ["IN"]}';
    expect(read(text, { labelColumn: "pos_tags" })).toEqual([["IN"]]);
    expect(read(text)).toEqual([["O"]]);
  });

  it("numbers without names are refused with the way out", () => {
    expect(() => read(row("ner_tags", "[0,3,4]"))).toThrow(
      /the tags are the numbers 0 to 4; name them with --label-names O,B-PER/,
    );
    expect(() => read(row("ner_tags", "[0,3,4]"), tags)).toThrow(/the tag 3 has no name/);
  });

  it.each([
    [row("ner_tags", "[0,1]"), /3 words and 2 tags/],
    [row("ner_tags", "[0,null,1]"), /tag 2 is null/],
    [row("ner_tags", "3"), /is 3, expected a list of tags/],
    ['{"tokens": ["a", ""], "tags": ["O", "O"]}', /word 2 is ""/],
    ['{"tokens": ["a", 5], "tags": ["O", "O"]}', /word 2 is 5/],
  ])("%s is a bad row", (text, message) => {
    expect(() => read(text, { ...tags, type: "token" })).toThrow(message);
  });

  it("a row with both is read as the type asks", () => {
    const text =
      '{"text": "In Rome", "label": "x", "tokens": ["In", "Rome"], "tags": ["O", "B-LOC"]}';
    expect(read(text)).toEqual([["x"]]);
    expect(read(text, { type: "sequence" })).toEqual([["x"]]);
    expect(read(text, { type: "token" })).toEqual([["O", "B-LOC"]]);
  });
});

describe("--label-names", () => {
  it("cuts at the first =, and keeps the rest in the name", () => {
    expect(readLabelNames("0=sentiment=negative, 1 = a == b").labelMap).toEqual({
      0: "sentiment=negative",
      1: "a == b",
    });
  });

  it.each(["=x", "a=1,b", "0=a,0=b", "a,,b", ""])("refuses %j", (text) => {
    expect(() => readLabelNames(text)).toThrow(/is not allowed/);
  });

  it("names a label that is called like a property of every object", () => {
    const { labelMap } = readLabelNames("__proto__=x,constructor=y");
    expect(read(jsonl('"__proto__"', '"constructor"', '"toString"'), { labelMap })).toEqual([
      ["x"],
      ["y"],
      ["toString"],
    ]);
  });

  it("of a task.json may hold a comma or =", () => {
    expect(labelMapOf(["a, b", "c=d"])).toEqual({ 0: "a, b", 1: "c=d" });
  });
});

it("a tag of -100, which Hugging Face's loss passes over, is no name beside numbers", () => {
  const text = '{"tokens": ["a", "b"], "labels": [0, -100]}\n{"tokens": ["c"], "labels": [1]}';
  const found = parseData(text, "d.jsonl", { labelMap: labelMapOf(["O", "B-PER"]) });
  expect(found.examples.map(({ labels }) => labels)).toEqual([["B-PER"]]);
  expect(found.problems[0]!.what).toBe("the tag -100 has no name in --label-names");
});

it("a row without the field says which fields it has", () => {
  expect(() => read('{"tokens": ["a"], "pos_tags": [1]}')).toThrow(
    /"tags" or .* \(found "tokens", "pos_tags"\) is missing, .*; --label-column names the field/,
  );
});
