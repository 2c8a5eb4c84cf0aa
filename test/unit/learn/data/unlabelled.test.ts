/** Texts without labels, out of files of every form. Expected values by hand. */
import { expect, it } from "vitest";
import { parseUnlabelled } from "../../../../src/learn/data/unlabelled.ts";
import type { DataOptions } from "../../../../src/learn/data/read.ts";

const read = (text: string, name: string, options?: DataOptions) =>
  parseUnlabelled(text, name, options).examples.map((example) => example.text);

it.each([
  ["a text a line", "a.txt", "good film \r\n\n\u00fcber, alles\n"],
  ["a packed file of lines", "a.txt.gz", "good film\n\u00fcber, alles\n"],
  ["a csv file without a label column", "a.csv", 'id,text\n1,good film\n2,"\u00fcber, alles"\n'],
  [
    "a tsv file whose labels are left alone",
    "a.tsv",
    "text\tlabel\ngood film\t\n\u00fcber, alles\tx\n",
  ],
  ["a jsonl file", "a.jsonl", '{"text": "good film", "label": {}}\n{"text": "\u00fcber, alles"}\n'],
])("reads %s", (_name, name, text) => {
  expect(read(text, name)).toEqual(["good film", "\u00fcber, alles"]);
});

it("takes the columns that are named, and a second text", () => {
  const { examples } = parseUnlabelled("q,text_pair\none,two\n", "a.csv", { textColumn: "q" });
  expect(examples).toEqual([{ text: "one", pair: "two", labels: [], words: [] }]);
});

it("counts lines that hold no text", () => {
  const text = '{"text": "a"}\nnot json\n{"text": " "}\n';
  expect(parseUnlabelled(text, "a.jsonl")).toMatchObject({ badRows: 2, examples: [{ text: "a" }] });
});

it.each([
  ["no text at all", "a.txt", "\n \n", "data-empty"],
  ["no column of texts", "a.csv", "a,b\n1,2\n", "data-column-missing"],
  ["words and tags", "a.conll", "a O\n", "data-format-unknown"],
  ["no known ending", "a.dat", "a\n", "data-format-unknown"],
])("refuses %s", (_name, name, text, code) => {
  expect(() => read(text, name)).toThrow(expect.objectContaining({ code }));
});
