/**
 * The two forms of rows that a batch reads, for `bench bulk --faults` and `--kills`: how a job asks for
 * them, a sound line and poisoned ones, and which row a line of the output or of the errors is of.
 */
import { TASK, rowOf, textOf } from "./job.ts";
import type { Line } from "./job.ts";

export interface Form {
  /** What POST /v1/batches takes beside the file. */
  readonly asked: object;
  /** A line that can be answered; rows count from 0. */
  readonly lineOf: (row: number) => string;
  /** Lines that cannot be. */
  readonly poisons: readonly ((row: number) => Line)[];
  /** Reads a line of the output or of the errors. */
  readonly read: (text: string) => Found;
}

export interface Found {
  readonly row: number;
  /** Whether the line has the name that the client gave the row, or its number where it could read none. */
  readonly isNamed: boolean;
  /** Of an error; else null. */
  readonly code: string | null;
}

const NO_UTF8 = Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]);

/** Rows of one task, named by `id`. */
const PLAIN: Form = {
  asked: { task: TASK, parameters: { top_k: 1 } },
  lineOf: rowOf,
  poisons: [
    (id) => `{"id": ${id}, "text": `,
    (id) => JSON.stringify({ id, text: " " }),
    (id) => JSON.stringify({ id, words: "a film" }),
    () => NO_UTF8,
    (id) => JSON.stringify({ id, text: "a film \ud800" }),
  ],
  read(text) {
    const { id, line, error } = JSON.parse(text) as {
      readonly id: number | string | null;
      readonly line?: number;
      readonly error?: { readonly code: string };
    };
    const row = line === undefined ? Number(id) : line - 1;
    const isNamed = Number(id) === row || Number(id) === line;
    return { row, isNamed, code: error?.code ?? null };
  },
};

const ENDPOINT = `/v1/tasks/${TASK}/predict`;
const nameOf = (row: number): string => `row-${row}`;

/** A request in OpenAI's form, with changes that poison it. */
const request = (row: number, changes: object = {}, inputs: string = textOf(row)): string =>
  JSON.stringify({
    custom_id: nameOf(row),
    method: "POST",
    url: ENDPOINT,
    body: { inputs, parameters: { top_k: 1 } },
    ...changes,
  });

/** Requests in OpenAI's form, named by `custom_id`. */
const REQUESTS: Form = {
  asked: { endpoint: ENDPOINT },
  lineOf: (row) => request(row),
  poisons: [
    (row) => request(row).slice(0, -1),
    (row) => request(row, {}, " "),
    (row) => request(row, { body: { words: "a film" } }),
    () => NO_UTF8,
    (row) => request(row, {}, "a film \ud800"),
    (row) => request(row, { url: "/v1/embeddings" }),
    (row) => request(row, { custom_id: null }),
  ],
  read(text) {
    const { id, custom_id, response, error } = JSON.parse(text) as {
      readonly id: string;
      readonly custom_id: string | null;
      readonly response: { readonly status_code: number; readonly body: object } | null;
      readonly error: { readonly code: string; readonly line: number } | null;
    };
    const line = Number(id.slice(id.lastIndexOf("_") + 1));
    const isNamed = custom_id === nameOf(line - 1) || (custom_id === null && error?.line === line);
    const isRefused = response !== null && response.status_code >= 400;
    const refused = isRefused ? (response.body as { code: string }).code : null;
    return { row: line - 1, isNamed, code: error?.code ?? refused };
  },
};

export const FORMS = { plain: PLAIN, requests: REQUESTS };
