/** A table of texts: read from csv, asked row by row, written as csv with the answers beside the rows. */
import { csvRecords, separatorOf } from "../../learn/data/csv.ts";
import type { Scored } from "./bars.ts";
import type { TaskDescription } from "./client.ts";
import type { FoundEntity } from "./segments.ts";

export interface TextTable {
  readonly columns: readonly string[];
  /** Each as long as `columns`. */
  readonly rows: readonly (readonly string[])[];
  /** What was left out, with its line. */
  readonly problems: readonly string[];
}

/** Columns that hold the text by their names, and the second text of a pair (docs/training.md). */
const TEXT_NAMES = ["text", "sentence", "review", "comment", "message", "content"];
const PAIR_NAMES = ["text_pair"];
/** Rows that tell which column holds texts. */
const SAMPLE_ROWS = 50;

/** Reads a table; its first record names the columns. A row of another length is left out, and told. */
export function readTable(content: string): TextTable {
  const text = content.replace(/^\uFEFF/, "");
  const separator = separatorOf(text, { names: [TEXT_NAMES, PAIR_NAMES] });
  const problems: string[] = [];
  const rows: (readonly string[])[] = [];
  let columns: readonly string[] | null = null;
  for (const record of csvRecords(text, separator)) {
    if ("problem" in record) problems.push(`line ${record.line} ${record.problem}`);
    else if (columns === null) columns = record.fields.map((name) => name.trim());
    else if (record.fields.length === columns.length) rows.push(record.fields);
    else {
      const { line, fields } = record;
      problems.push(`line ${line} has ${fields.length} fields, the header ${columns.length}`);
    }
  }
  return { columns: columns ?? [], rows, problems };
}

/** The column that holds the texts: by its name, or else the one with the longest fields. */
export function textColumn({ columns, rows }: TextTable): number {
  const names = columns.map((name) => name.toLowerCase());
  const named = TEXT_NAMES.map((name) => names.indexOf(name)).find((at) => at >= 0);
  if (named !== undefined) return named;
  const lengths = columns.map((_, at) =>
    rows.slice(0, SAMPLE_ROWS).reduce((sum, row) => sum + (row[at]?.length ?? 0), 0),
  );
  return Math.max(0, lengths.indexOf(Math.max(...lengths)));
}

/** The column with the second text of a pair by its name; -1 where there is none. */
export const pairColumn = ({ columns }: TextTable): number =>
  columns.findIndex((name) => PAIR_NAMES.includes(name.toLowerCase()));

/** What became of one question. */
export type CellOutcome =
  | { readonly result: unknown }
  | { readonly error: { readonly code: string; readonly detail: string } };

/** Names of the columns that a task adds. */
export const answerColumns = ({ task, type }: Pick<TaskDescription, "task" | "type">): string[] =>
  type === "token" ? [task] : [task, `${task}_score`];

/**
 * The fields that a task adds to a row: the best label and its score; every label that reached its
 * threshold, for a task of many labels; a number; entities as JSON. An error is its code.
 */
export function answerCells(task: TaskDescription, outcome: CellOutcome | undefined): string[] {
  const width = answerColumns(task).length;
  if (outcome === undefined) return Array.from({ length: width }, () => "");
  if ("error" in outcome) {
    const failed = [`error: ${outcome.error.code}`, ""];
    return failed.slice(0, width);
  }
  if (task.type === "token") return [JSON.stringify(outcome.result)];
  const labels = outcome.result as readonly Scored[];
  if (task.problem_type === "regression") {
    return [labels.map(({ score }) => String(score)).join("; "), ""];
  }
  const shown = task.problem_type === "multi_label_classification" ? labels : labels.slice(0, 1);
  return [
    shown.map(({ label }) => label).join("; "),
    shown.map(({ score }) => String(score)).join("; "),
  ];
}

/** One task's answer to a row in few words, for the table on the page. */
export function answerInShort(task: TaskDescription, outcome: CellOutcome | undefined): string {
  if (outcome && "result" in outcome && task.type === "token") {
    const entities = outcome.result as readonly FoundEntity[];
    return entities.map(({ word, entity_group: group }) => `${word} (${group})`).join(", ");
  }
  return answerCells(task, outcome)[0] ?? "";
}

/** Records as csv: RFC 4180, with line ends that every program reads. */
export const writeCsv = (records: readonly (readonly string[])[]): string =>
  records.map((fields) => `${fields.map(csvField).join(",")}\r\n`).join("");

const csvField = (field: string): string =>
  /[",\r\n]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
