/**
 * The rows of a range: each record of the file -> what to ask, or what is wrong with that record. A
 * record that cannot be read costs its own error and nothing else.
 */
import { EdgePrefixError, FormatError, InputError, LimitError } from "../../core/errors.ts";
import { excessOf, decodeUtf8 } from "../../core/text.ts";
import { csvRecords } from "../../learn/data/csv.ts";
import type { TextInput } from "../prediction.ts";
import type { Job, Plan } from "./job.ts";
import { RANGE_BYTES } from "./ranges.ts";
import { MAX_RECORD_BYTES, countLineEnds, isBlank, recordEnd } from "./records.ts";

/** What a client calls its row: of OpenAI's lines `custom_id`, else `id`, else the line's number. */
export type RowId = string | number | null;

/** A request in OpenAI's form: the body goes to the job's route as it is. */
export interface RequestRow {
  readonly kind: "request";
  readonly body: unknown;
}
export interface TextRow {
  readonly kind: "text";
  readonly input: TextInput;
}

export interface Row {
  /** Bytes [start, end) of the file. */
  readonly start: number;
  readonly end: number;
  readonly line: number;
  /** Number of the line at `end`. */
  readonly nextLine: number;
  readonly id: RowId;
  readonly asked: RequestRow | TextRow | EdgePrefixError;
}

/** As deep as a request's JSON may be by default. */
const MAX_DEPTH = 16;
/** A line has few: tens of thousands would take ten times as long to parse as their bytes. */
const MAX_FIELDS = 10_000;
/** Longer names only fill the result. */
const MAX_ID = 512;

/** So much of a range has to be read to see all of its rows; the last may be longer than is allowed. */
export const bytesToRead = (start: number, end: number): number =>
  Math.min(end - start, RANGE_BYTES + MAX_RECORD_BYTES);

/** The rows of bytes [start, end) of a file; `bytes` are the first `bytesToRead` of them. */
export function* readRows(
  bytes: Uint8Array,
  { start, end, line }: { readonly start: number; readonly end: number; readonly line: number },
  job: Pick<Job, "rows" | "endpoint">,
  plan: Pick<Plan, "format" | "columns">,
): Generator<Row> {
  const isWhole = bytes.length === end - start;
  let at = 0;
  let lineNow = line;
  while (start + at < end) {
    const found = recordEnd(bytes, at, plan.format, isWhole);
    const isLong = found === -1 || found - at > MAX_RECORD_BYTES;
    const next = found === -1 ? end - start : found;
    const nextLine = lineNow + countLineEnds(bytes, at, next);
    const place = { start: start + at, end: start + next, line: lineNow, nextLine };
    if (isLong) yield { ...place, id: lineNow, asked: tooLong(lineNow, next - at) };
    else if (!isBlank(bytes, at, next)) {
      yield { ...place, ...readRow(bytes.subarray(at, next), lineNow, job, plan) };
    }
    lineNow = nextLine;
    at = next;
  }
}

type Read = Pick<Row, "id" | "asked">;

function readRow(
  bytes: Uint8Array,
  line: number,
  { rows, endpoint }: Pick<Job, "rows" | "endpoint">,
  { format, columns }: Pick<Plan, "format" | "columns">,
): Read {
  const fallback = rows.kind === "requests" ? null : line;
  try {
    const text = decodeLine(bytes, line);
    if (rows.kind === "csv")
      return readCsv(text, line, String.fromCharCode(format.separator), columns!);
    const record = readObject(text, line);
    return rows.kind === "requests"
      ? readRequest(record, line, endpoint)
      : readPlain(record, line, fallback);
  } catch (error) {
    if (error instanceof EdgePrefixError) return { id: fallback, asked: error };
    throw error;
  }
}

function decodeLine(bytes: Uint8Array, line: number): string {
  try {
    return decodeUtf8(bytes).trim();
  } catch (cause) {
    throw new FormatError("line-invalid", `line ${line}: is not valid UTF-8`, { cause });
  }
}

function readObject(text: string, line: number): Readonly<Record<string, unknown>> {
  const excess = excessOf(text, { depth: MAX_DEPTH, fields: MAX_FIELDS });
  if (excess) throw new FormatError("line-invalid", `line ${line}: has too much JSON (${excess})`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError("line-invalid", `line ${line}: is not valid JSON`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new FormatError("line-invalid", `line ${line}: is no JSON object`);
}

/** {"custom_id", "method", "url", "body"}; the url must be the job's, as in OpenAI's interface. */
function readRequest(
  { custom_id: id, method, url, body }: Readonly<Record<string, unknown>>,
  line: number,
  endpoint: string,
): Read {
  if (typeof id !== "string" || id === "" || id.length > MAX_ID) {
    return { id: null, asked: wrong(line, `"custom_id" must be a text of 1 to ${MAX_ID}`) };
  }
  if (method !== "POST") return { id, asked: wrong(line, '"method" must be "POST"') };
  if (url !== endpoint) {
    return { id, asked: wrong(line, `"url" must be that of the batch, "${endpoint}"`) };
  }
  return { id, asked: { kind: "request", body } };
}

/** {"id"?, "text", "text_pair"?} or {"id"?, "inputs": the same as in a request for one text}. */
function readPlain(
  { id: given, text, text_pair: pair, inputs }: Readonly<Record<string, unknown>>,
  line: number,
  fallback: RowId,
): Read {
  const isId = (typeof given === "string" && given.length <= MAX_ID) || Number.isFinite(given);
  const id = isId ? (given as string | number) : fallback;
  const input = inputs === undefined ? toInput(text, pair) : inputOf(inputs);
  if (input) return { id, asked: { kind: "text", input } };
  return { id, asked: wrong(line, 'expected {"id"?, "text", "text_pair"?} or {"id"?, "inputs"}') };
}

function inputOf(inputs: unknown): TextInput | null {
  if (typeof inputs === "string") return { text: inputs };
  if (Array.isArray(inputs)) return inputs.length === 2 ? toInput(inputs[0], inputs[1]) : null;
  if (typeof inputs !== "object" || inputs === null) return null;
  const { text, text_pair: pair }: Record<string, unknown> = { ...inputs };
  return toInput(text, pair);
}

function toInput(text: unknown, pair: unknown): TextInput | null {
  if (typeof text !== "string") return null;
  if (pair === undefined || pair === null) return { text };
  return typeof pair === "string" ? { text, text_pair: pair } : null;
}

function readCsv(
  text: string,
  line: number,
  separator: string,
  columns: NonNullable<Plan["columns"]>,
): Read {
  const [record] = csvRecords(text, separator);
  if (!record || "problem" in record) {
    return { id: line, asked: wrong(line, record ? record.problem : "is not valid csv") };
  }
  const { fields } = record;
  const id = columns.id === -1 ? line : (fields[columns.id]?.slice(0, MAX_ID) ?? line);
  const input = toInput(fields[columns.text], columns.pair === -1 ? null : fields[columns.pair]);
  if (input) return { id, asked: { kind: "text", input } };
  return { id, asked: wrong(line, `has ${fields.length} columns, fewer than the header`) };
}

const wrong = (line: number, what: string): InputError =>
  new InputError("line-invalid", `line ${line}: ${what}`);

const tooLong = (line: number, bytes: number): LimitError =>
  new LimitError(
    "line-too-long",
    `line ${line}: has ${bytes} bytes, allowed are ${MAX_RECORD_BYTES}`,
  );
