/**
 * Plans a job: finds its first row, cuts the file into ranges, and sends one message for each that has
 * no part yet. The ranges follow from the file alone, so planning again is harmless, and is also how a
 * job goes on whose messages were lost.
 */
import { decodeLoosely } from "../../core/text.ts";
import { csvRecords, separatorOf } from "../../learn/data/csv.ts";
import type { ObjectStore } from "../bucket/object-store.ts";
import { planKey } from "./keys.ts";
import { readPlan, toJson } from "./job.ts";
import type { Job, Plan, Rows } from "./job.ts";
import type { Message, Sender } from "./messages.ts";
import { listParts } from "./parts.ts";
import { cutRanges } from "./ranges.ts";
import type { Range } from "./ranges.ts";
import { LINES, recordEnd } from "./records.ts";
import type { RecordFormat } from "./records.ts";

/** OpenAI's limit of a batch in its form. */
const MAX_REQUESTS = 50_000;

/** A header is looked for in so many bytes. */
const HEAD_BYTES = 200_000;
const MESSAGES_AT_ONCE = 100;

/** Where the rows of a file begin and how they are cut. */
type Layout = Pick<Plan, "start" | "line" | "format" | "columns" | "problem">;

/** Plans the job where that is not done, sends what is missing, and returns the plan. */
export async function planJob(
  { store, sender, now }: { store: ObjectStore; sender: Sender; now: () => number },
  job: Job,
): Promise<Plan> {
  const known = await readPlan(store, job.id);
  if (known?.problem) return known;
  const layout = known ?? (await findLayout(store, job));
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    (await store.read(job.input_key, { offset, length })) ?? new Uint8Array(0);
  const done = await coveredBy(store, job.id, known !== null);
  let [rows, ranges] = [0, 0];
  let waiting: Message[] = [];
  const send = async (): Promise<void> => {
    // Work begins once the plan is there, which says how the rows are read.
    if (known) await sender.send(waiting);
    else held.push(...waiting);
    waiting = [];
  };
  const held: Message[] = [];
  if (layout.problem === null) {
    for await (const range of cutRanges({ ...layout, bytes: job.bytes, read })) {
      rows += range.rows;
      ranges++;
      if (!done(range)) waiting.push(messageOf(job.id, range));
      if (waiting.length === MESSAGES_AT_ONCE) await send();
    }
    await send();
  }
  if (known) return known;
  const problem = layout.problem ?? problemOf(job, rows);
  const plan: Plan = { ...layout, problem, rows, ranges, at: now() };
  await store.create(planKey(job.id), toJson(plan));
  if (problem === null) await sender.send(held);
  return plan;
}

const messageOf = (batch: string, { start, end, line }: Range): Message => ({
  kind: "range",
  batch,
  start,
  end,
  line,
  deaths: 0,
});

/** Whether a range has all of its parts; of a job that begins, none has. */
async function coveredBy(
  store: ObjectStore,
  batch: string,
  mayHaveParts: boolean,
): Promise<(range: Range) => boolean> {
  if (!mayHaveParts) return () => false;
  const ends = new Map((await listParts(store, batch)).map(({ start, end }) => [start, end]));
  return ({ start, end }) => {
    let at: number | undefined = start;
    while (at !== undefined && at < end) at = ends.get(at);
    return at !== undefined;
  };
}

function problemOf({ rows: { kind } }: Job, rows: number): Plan["problem"] {
  if (rows === 0)
    return { code: "file-empty", message: "the file has no line with anything on it" };
  if (kind !== "requests" || rows <= MAX_REQUESTS) return null;
  return {
    code: "too-many-lines",
    message: `the file has ${rows} lines, allowed are ${MAX_REQUESTS} in OpenAI's form; {"id", "text"} lines of one task have no limit`,
  };
}

async function findLayout(
  store: ObjectStore,
  { rows, input_key: key, bytes }: Job,
): Promise<Layout> {
  const length = Math.min(bytes, HEAD_BYTES);
  const head = length === 0 ? new Uint8Array(0) : await store.read(key, { offset: 0, length });
  const lines = { line: 1, format: LINES, columns: null };
  if (head === null) {
    const problem = { code: "file-not-found", message: `the file "${key}" is not there any more` };
    return { ...lines, start: 0, problem };
  }
  const start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  return rows.kind === "csv"
    ? findColumns(head.subarray(start), rows, start)
    : { ...lines, start, problem: null };
}

/** Reads the header of a table. */
function findColumns(
  head: Uint8Array,
  rows: Extract<Rows, { kind: "csv" }>,
  start: number,
): Layout {
  const text = decodeLoosely(head);
  const names = [
    [rows.column],
    ...(rows.pair ? [[rows.pair]] : []),
    ...(rows.id ? [[rows.id]] : []),
  ];
  const separator = separatorOf(text, { names });
  const format: RecordFormat = { kind: "csv", separator: separator.charCodeAt(0) };
  const [first] = csvRecords(text, separator);
  const header: readonly string[] =
    first && "fields" in first ? first.fields.map((name) => name.trim()) : [];
  const missing = names.flat().filter((name) => !header.includes(name));
  const end = recordEnd(head, 0, format, true);
  const layout = { start: start + end, line: 2, format };
  if (missing.length > 0) {
    const found = header.map((name) => JSON.stringify(name.slice(0, 40))).slice(0, 20);
    const message = `the header has no column ${missing.map((name) => JSON.stringify(name)).join(", ")}; it has ${found.join(", ")}`;
    return { ...layout, columns: null, problem: { code: "column-missing", message } };
  }
  const at = (name: string | undefined): number => (name === undefined ? -1 : header.indexOf(name));
  const columns = { text: at(rows.column), pair: at(rows.pair), id: at(rows.id) };
  return { ...layout, columns, problem: null };
}
