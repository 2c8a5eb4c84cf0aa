/**
 * Files of texts without labels, which a teacher answers: one text a line (`.txt`), or a table or jsonl
 * file of which only the columns of the text and of its second text are read.
 */
import { FormatError, InputError } from "../../core/errors.ts";
import { csvRows, jsonlRows, tsvRows } from "./formats.ts";
import type { Columns, RawRow } from "./formats.ts";
import { lines } from "./lines.ts";
import { columnsOf, formatOf, problemOfText } from "./read.ts";
import type { DataOptions, Example } from "./read.ts";

/** Its texts, each with an empty list of labels, and how many lines hold none. */
export interface UnlabelledTexts {
  readonly examples: readonly Example[];
  readonly badRows: number;
}

/**
 * Reads the text of a file; `name` tells its format where `options` do not. Throws InputError
 * `data-format-unknown`, `data-column-missing`; FormatError `data-empty`.
 */
export function parseUnlabelled(
  text: string,
  name: string,
  options: DataOptions = {},
): UnlabelledTexts {
  const examples: Example[] = [];
  let badRows = 0;
  for (const row of rowsOf(text, name, options)) {
    if ("problem" in row || !isUsable(row.text) || !isUsable(row.pair ?? row.text)) badRows += 1;
    else {
      const { text: own, pair } = row;
      examples.push({ text: own, ...(pair !== undefined && { pair }), labels: [], words: [] });
    }
  }
  if (examples.length > 0) return { examples, badRows };
  throw new FormatError("data-empty", `${name}: has no usable text; ${badRows} rows are bad`);
}

const isUsable = (text: string): boolean => text.trim() !== "" && problemOfText(text) === null;

function rowsOf(text: string, name: string, options: DataOptions): Iterable<RawRow> {
  const columns: Columns = { ...columnsOf(options), label: null, subject: name };
  // Of labelled files .txt is a word and its tag a line.
  const isPlain = options.format === undefined && /\.txt(?:\.gz)?$/i.test(name);
  if (isPlain) return plainRows(text);
  const format = options.format ?? formatOf(name);
  switch (format) {
    case "csv":
      return csvRows(text, columns);
    case "tsv":
      return tsvRows(text, columns);
    case "jsonl":
      return jsonlRows(text, columns, "sequence");
    case "conll":
    case "parallel":
      throw new InputError(
        "data-format-unknown",
        `${name}: texts without labels are read of csv, tsv and jsonl files, and of .txt files with a text a line; this is "${format}"`,
      );
    default:
      return format satisfies never;
  }
}

function* plainRows(text: string): Generator<RawRow> {
  for (const [line, content] of lines(text)) {
    const own = content.trim();
    if (own !== "") yield { line, text: own, labels: [] };
  }
}
