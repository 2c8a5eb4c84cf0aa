/** Data files that are nearly right, and what must hold for whatever is read of them. */
import fc from "./properties.ts";
import { expect } from "vitest";
import { EdgePrefixError } from "../../src/core/errors.ts";
import { parseData } from "../../src/learn/data/read.ts";
import type { DataFormat, DataOptions, Dataset } from "../../src/learn/data/read.ts";

/** Pieces that the readers of data files look for. */
const dataText = fc.array(
  fc.oneof(
    fc.constantFrom(
      "text",
      "label",
      "tokens",
      "ner_tags",
      "-DOCSTART-",
      "# id 1",
      "# a = b",
      "#",
      "B-X",
      "O",
      "sep=;",
      "0.0",
      "1e400",
      "9007199254740993",
      ",",
      ";",
      "\t",
      "|",
      '"',
      "\n",
      "\r\n",
      " ",
      "\u00a0",
      "\ufeff",
      "[1,0]",
      "[1, 0, 0]",
      '{"text":"a","label":',
      '{"tokens":["a"],"tags":',
      "}",
      '["O"]',
      "[0]",
      '"x"',
      "null",
    ),
    fc.string({ maxLength: 6 }),
  ),
  { maxLength: 40 },
);
export const dataFile = fc.tuple(
  fc.constantFrom<DataFormat>("csv", "tsv", "jsonl", "conll"),
  dataText.map((parts) => parts.join("")),
  fc.record<DataOptions>(
    {
      type: fc.constantFrom("sequence", "token"),
      columns: fc.constant(["text", "label"]),
      labelSeparator: fc.constantFrom(";", "|"),
      separator: fc.constantFrom(",", ";"),
      problemType: fc.constantFrom("regression", "multi_label_classification"),
      labelMap: fc.constantFrom({ 0: "a", 1: "b" }, { X: null }),
    },
    { requiredKeys: [] },
  ),
);

/** Every row that is read is usable: a text, labels with a name, words that lie in the text. */
export function checkData([format, content, options]: [DataFormat, string, DataOptions]): string {
  let data: Dataset;
  try {
    data = parseData(content, `fuzz.${format}`, options);
  } catch (error) {
    if (error instanceof EdgePrefixError) return "refused";
    throw error;
  }
  for (const { text: read, labels, words } of data.examples) {
    if (read.trim() === "" || labels.some((label) => label.trim() === "")) expect.fail(read);
    if (data.type === "sequence" && new Set(labels).size < labels.length) expect.fail(read);
    if (words.some(({ start, end }) => read.slice(start, end) === "")) expect.fail(read);
  }
  return "read";
}
