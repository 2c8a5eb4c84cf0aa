/** A job of the bench: its rows, the Worker that answers it, and how far it is. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { unstable_readConfig as readConfiguration } from "wrangler";
import { PACKAGE } from "../../scripts/node/project.ts";
import { publishBase, readManifestOfBase } from "../../scripts/publish/publish-base.ts";
import { startBulk } from "../served/bulk.ts";
import type { BulkServer } from "../served/bulk.ts";
import { putTask } from "../served/client.ts";
import type { Bundle } from "../served/direct.ts";

export const TASK = "bulk";
export const CONFIGURATION = "wrangler.bulk.toml";
const TEXTS = [
  "a gripping, beautifully acted film",
  "the plot is dull and far too long",
  "what a good story",
  "my card payment was not accepted, please help",
];
export const textOf = (id: number): string => `${TEXTS[id % TEXTS.length]} ${id % 10}`;
export const rowOf = (id: number): string => JSON.stringify({ id, text: textOf(id) });

export interface Where {
  readonly bundle: Bundle;
  readonly persist: string;
  readonly base: string;
}

/** Starts the Worker over its bucket, with the base and a task in it, and the settings that it ships with. */
export async function open({ bundle, persist, base: dir }: Where): Promise<BulkServer> {
  const { manifest: base } = await readManifestOfBase(dir);
  const { vars } = readConfiguration({ config: join(PACKAGE, CONFIGURATION) });
  const server = await startBulk(bundle, persist, {
    ...(vars as Record<string, string | number>),
    BASE: base.name,
  });
  await publishBase(server.bucket, dir);
  await putTask({ bucket: server.bucket, base }, TASK);
  return server;
}

export interface Batch {
  readonly id: string;
  readonly status: string;
  readonly output_file_id: string | null;
  readonly error_file_id: string | null;
  readonly request_counts: { readonly completed: number; readonly failed: number };
  readonly bytes: { readonly total: number; readonly done: number };
}

/** A line of the file: text, or bytes that are none. */
export type Line = string | Uint8Array;

/** Begins a job of so many rows; its id. */
export async function begin(
  { url }: BulkServer,
  rows: number,
  lineOf: (row: number) => Line = rowOf,
  asked: object = { task: TASK, parameters: { top_k: 1 } },
): Promise<string> {
  const form = new FormData();
  form.set("purpose", "batch");
  form.set("file", new Blob([...blocksOf(rows, lineOf)]), "rows.jsonl");
  const file = (await json(`${url}/v1/files`, { method: "POST", body: form })) as { id: string };
  const body = JSON.stringify({ input_file_id: file.id, ...asked });
  const headers = { "content-type": "application/json" };
  return ((await json(`${url}/v1/batches`, { method: "POST", headers, body })) as Batch).id;
}

const toBytes = (line: Line): Uint8Array => (typeof line === "string" ? Buffer.from(line) : line);

/** A blob of a million parts would be sent part by part. */
const BLOCK_ROWS = 10_000;

function* blocksOf(rows: number, lineOf: (id: number) => Line): Generator<Uint8Array<ArrayBuffer>> {
  const end = Buffer.from("\n");
  for (let from = 0; from < rows; from += BLOCK_ROWS) {
    const length = Math.min(BLOCK_ROWS, rows - from);
    const lines = Array.from({ length }, (_, i) => [toBytes(lineOf(from + i)), end]);
    yield Uint8Array.from(Buffer.concat(lines.flat()));
  }
}

/** Asks for JSON; throws where the answer is an error. */
export async function json(url: string, init?: RequestInit): Promise<unknown> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

const LOOK_MS = 250;
const LONGEST_LOOK_MS = 2_000;

/** Waits until a share of a job is done, or all of it; `onLook` is told how far it is. */
export async function until(
  { url }: BulkServer,
  id: string,
  share: number,
  onLook: (batch: Batch) => void = () => undefined,
): Promise<Batch> {
  // A look lists the parts of the job: seldom at a job that takes long.
  for (let wait = LOOK_MS; ; wait = Math.min(LONGEST_LOOK_MS, wait * 1.05)) {
    const batch = (await json(`${url}/v1/batches/${id}`)) as Batch;
    onLook(batch);
    if (batch.status === "completed") return batch;
    if (share < 1 && batch.bytes.done >= share * batch.bytes.total) return batch;
    await pause(wait);
  }
}

/** A whole job; takes what `begin` takes. */
export async function run(server: BulkServer, ...asked: Asked): Promise<void> {
  await until(server, await begin(server, ...asked), 1);
}

type Asked = Parameters<typeof begin> extends [unknown, ...infer Rest] ? Rest : never;
