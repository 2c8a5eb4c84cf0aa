/** task.json: what it may say, what is chosen when it says nothing, and how it is written again. */
import fc from "../../support/properties.ts";
import { expect, test } from "vitest";
import { readTaskSpec, writeTaskSpec } from "../../../src/learn/task/spec.ts";
import { EdgePrefixError } from "../../../src/core/errors.ts";
import { encodeUtf8 } from "../../../src/core/text.ts";

const read = (json: unknown) => readTaskSpec(encodeUtf8(JSON.stringify(json)), "task.json");

const FULL = {
  name: "entities",
  description: "People and places.",
  base: "pocket",
  type: "token",
  labels: ["O", "B-person", "I-person"],
  method: "prefix",
  num_virtual_tokens: 32,
  max_length: 128,
  label_all_tokens: true,
  hyperparameters: { learning_rate: 0.02, epochs: 3, patience: 2 },
  seed: 7,
  data: {
    format: "conll",
    train: [
      "a.conll",
      { path: "b.txt", tag_column: 3, label_names: { PER: "person", MISC: null } },
      { path: "c.csv", format: "csv", label_separator: ";", max_rows: 500 },
    ],
    eval: "dev.conll",
    source: "somewhere",
    licence: "CC BY 4.0",
  },
  examples: ["one text", { text: "two", text_pair: "texts" }],
};

test("a full task.json is read, and read again after it was written", () => {
  const spec = read(FULL);
  expect(spec.data.train).toEqual([
    { format: "conll", path: "a.conll" },
    { format: "conll", path: "b.txt", tagColumn: 3, labelMap: { PER: "person", MISC: null } },
    { format: "csv", path: "c.csv", labelSeparator: ";", maxRows: 500 },
  ]);
  expect(spec.data.eval).toEqual([{ format: "conll", path: "dev.conll" }]);
  expect(spec.examples).toEqual([{ text: "one text" }, { text: "two", text_pair: "texts" }]);
  expect(readTaskSpec(encodeUtf8(writeTaskSpec(spec)), "again")).toEqual(spec);
});

test("an empty task.json leaves every choice open", () => {
  expect(read({})).toMatchObject({
    type: undefined,
    hyperparameters: {},
    data: { train: [], eval: [] },
  });
});

test.each([
  [{ type: "tokens" }, /"type" is "tokens", expected one of "sequence", "token"/],
  [{ name: "../x" }, /not a valid name/],
  [{ hyperparameters: { lr: 1 } }, /"lr" is not known; known are learning_rate/],
  [{ hyperparameters: { learning_rate: -1 } }, /"learning_rate" is -1, expected a number from/],
  [{ data: { train: [{ tag_column: 0, path: "x" }] } }, /train\[0\].*"tag_column" is 0/],
  [{ data: { train: [{}] } }, /"path" is missing/],
  [{ examples: [3] }, /"examples"\[0\]: is 3, expected an object/],
  [[], /is an array of 0, expected an object/],
])("what is wrong with %j is named", (json, message) => {
  expect(() => read(json)).toThrow(message);
});

test("any JSON is a task or an error of ours", () => {
  const keys = fc.constantFrom(...Object.keys(FULL), "path", "train", "format");
  const value = fc.letrec((tie) => ({
    node: fc.oneof(fc.jsonValue(), fc.dictionary(keys, tie("node"), { maxKeys: 5 })),
  })).node;
  fc.assert(
    fc.property(value, (json) => {
      try {
        read(json);
      } catch (error) {
        expect(error).toBeInstanceOf(EdgePrefixError);
      }
    }),
    { seed: 3, numRuns: 500 },
  );
});

test("a byte order mark before it is passed over, as in any other text that people write", () => {
  const json = JSON.stringify(FULL);
  const marked = readTaskSpec(encodeUtf8(`\uFEFF${json}`), "task.json");
  expect(marked).toEqual(readTaskSpec(encodeUtf8(json), "task.json"));
});

test("names with commas and equals signs and a separator are read, and written again", () => {
  const file = { path: "a.csv", separator: ";", label_names: ["a, b", "c=d"] };
  const spec = read({ data: { train: file } });
  const labelMap = { 0: "a, b", 1: "c=d" };
  expect(spec.data.train).toEqual([{ path: "a.csv", separator: ";", labelMap }]);
  expect(readTaskSpec(encodeUtf8(writeTaskSpec(spec)), "again")).toEqual(spec);
  expect(() => read({ data: { train: { ...file, separator: ";;" } } })).toThrow(/"separator" is/);
});
