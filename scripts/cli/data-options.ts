/** The options that every verb with a labelled data file shares, and reading them. */
import type { DataFormat, DataOptions } from "../../src/learn/data/read.ts";
import { readLabelNames } from "../../src/learn/data/labels.ts";
import { UsageError, readChoice, readInteger } from "./command.ts";
import type { Options, ValuesOf } from "./command.ts";

const FORMATS = ["csv", "tsv", "jsonl", "conll", "parallel"] as const satisfies DataFormat[];

export const DATA_OPTIONS = {
  format: {
    type: "string",
    value: FORMATS.join("|"),
    hint: "format of the data files, when their names do not tell",
  },
  "text-column": { type: "string", value: "NAME", hint: "column of the text (text, sentence)" },
  "pair-column": { type: "string", value: "NAME", hint: "column of a second text (text_pair)" },
  "label-column": { type: "string", value: "NAME", hint: "column of the label (label)" },
  columns: {
    type: "string",
    value: "A,B,..",
    hint: "names of the columns of a file without header",
  },
  "tag-column": { type: "string", value: "N", hint: "conll: column of the tag, from 1 (2)" },
  separator: {
    type: "string",
    value: "S",
    hint: "csv: what stands between columns: one character, or tab (what the first rows agree on)",
  },
  "label-separator": {
    type: "string",
    value: "S",
    hint: "csv and tsv: what stands between several labels of one text, such as ;",
  },
  "label-names": {
    type: "string",
    value: "A,B,..",
    hint: "names for the labels 0, 1, ..; or label=name,.. (label= drops it)",
  },
  strict: { type: "boolean", hint: "stop at the first bad row instead of leaving it out" },
} as const satisfies Options;

/** What the command line says about reading data; absent options are left out. */
export function readDataOptions(values: ValuesOf<typeof DATA_OPTIONS>): DataOptions {
  const format = readChoice(values.format, "--format", FORMATS);
  const tagColumn = readInteger(values["tag-column"], "--tag-column", { min: 1, max: 1000 });
  const { columns, "label-names": names } = values;
  const separator = readSeparator(values.separator);
  const labelSeparator = values["label-separator"];
  const { "text-column": text, "pair-column": pair, "label-column": label } = values;
  return {
    ...(format && { format }),
    ...(text !== undefined && { textColumn: text }),
    ...(pair !== undefined && { pairColumn: pair }),
    ...(label !== undefined && { labelColumn: label }),
    ...(columns !== undefined && { columns: columns.split(",") }),
    ...(tagColumn !== undefined && { tagColumn }),
    ...(separator !== undefined && { separator }),
    ...(labelSeparator && { labelSeparator }),
    ...(names !== undefined && { labelMap: readLabelNames(names).labelMap }),
    ...(values.strict === true && { strict: true }),
  };
}

/** A shell makes a tab hard to type, so its name and its escape stand for it, too. */
function readSeparator(value: string | undefined): string | undefined {
  const separator = value === "tab" || value === "\\t" ? "\t" : value;
  if (separator === undefined || /^[^"\r\n]$/.test(separator)) return separator;
  throw new UsageError(
    `--separator is ${JSON.stringify(separator)}, expected one character such as ; or "tab"`,
  );
}
