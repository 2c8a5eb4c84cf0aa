/** The first rows of a table with the names of its columns, for a person who is to say which are which. */
import { csvRecords, separatorOf } from "./csv.ts";
import { isBlank, lines } from "./lines.ts";
import { LABEL_COLUMNS, PAIR_COLUMNS, TEXT_COLUMNS } from "./read.ts";
import type { DataFormat } from "./read.ts";

export interface TableStart {
  /** Names of the columns, or of the fields of the first object; empty for a format without names. */
  readonly columns: readonly string[];
  /** Fields of the first rows, one for each column. */
  readonly rows: readonly (readonly string[])[];
  /** The columns that are read when none is named; null where no name is known. */
  readonly text: string | null;
  readonly pair: string | null;
  readonly label: string | null;
}

const ROWS = 3;

/** Looks at the beginning of a data file; what cannot be read is left out, since reading it all says why. */
export function startOfTable(text: string, format: DataFormat): TableStart {
  const { columns, rows } = firstRows(text, format);
  const known = (names: readonly string[]): string | null =>
    names.find((name) => columns.includes(name)) ?? null;
  return {
    columns,
    rows,
    text: known(TEXT_COLUMNS),
    pair: known(PAIR_COLUMNS),
    label: known(LABEL_COLUMNS),
  };
}

function firstRows(text: string, format: DataFormat): Pick<TableStart, "columns" | "rows"> {
  switch (format) {
    case "csv": {
      const separator = separatorOf(text, { names: [TEXT_COLUMNS, LABEL_COLUMNS] });
      return withHeader(csvFields(text, separator));
    }
    case "tsv":
      return withHeader(tsvFields(text));
    case "jsonl":
      return fieldsOfObjects(text);
    case "conll":
    case "parallel":
      return { columns: [], rows: [] };
    default:
      return format satisfies never;
  }
}

function* csvFields(text: string, separator: string): Generator<readonly string[]> {
  for (const record of csvRecords(text, separator)) if ("fields" in record) yield record.fields;
}

function* tsvFields(text: string): Generator<readonly string[]> {
  for (const [, line] of lines(text)) if (!isBlank(line)) yield line.split("\t");
}

function withHeader(records: Generator<readonly string[]>): Pick<TableStart, "columns" | "rows"> {
  const found: (readonly string[])[] = [];
  for (const record of records) {
    found.push(record);
    if (found.length > ROWS) break;
  }
  const [header = [], ...rows] = found;
  return { columns: header.map((name) => name.trim()), rows };
}

function fieldsOfObjects(text: string): Pick<TableStart, "columns" | "rows"> {
  const objects = [...firstObjects(text)];
  const columns = Object.keys(objects[0] ?? {});
  const shown = (value: unknown): string =>
    typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return { columns, rows: objects.map((object) => columns.map((name) => shown(object[name]))) };
}

function* firstObjects(text: string): Generator<Readonly<Record<string, unknown>>> {
  let count = 0;
  for (const [, line] of lines(text)) {
    if (count === ROWS) return;
    if (isBlank(line)) continue;
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
      count += 1;
      yield value as Readonly<Record<string, unknown>>;
    } catch {
      continue;
    }
  }
}
