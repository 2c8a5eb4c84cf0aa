/** A job of the bench: its rows, the Worker that answers it, and how far it is. */
import { setTimeout as pause } from "node:timers/promises";
import { publishBase, readManifestOfBase } from "../../scripts/publish/publish-base.ts";
import { startBulk } from "../served/bulk.ts";
import type { BulkServer } from "../served/bulk.ts";
import { putTask } from "../served/client.ts";
import type { Bundle } from "../served/direct.ts";

export const TASK = "bulk";
const TEXTS = [
  "a gripping, beautifully acted film",
  "the plot is dull and far too long",
  "what a good story",
  "my card payment was not accepted, please help",
];
export const rowOf = (id: number): string =>
  JSON.stringify({ id, text: `${TEXTS[id % TEXTS.length]} ${id % 10}` });

export const textOf = (id: number): string => (JSON.parse(rowOf(id)) as { text: string }).text;

export interface Where {
  readonly bundle: Bundle;
  readonly persist: string;
  readonly base: string;
}

/** Starts the Worker over its bucket, with the base and a task in it. */
export async function open({ bundle, persist, base: dir }: Where): Promise<BulkServer> {
  const { manifest: base } = await readManifestOfBase(dir);
  const limits = { DEADLINE_MS: 300_000, REQUEST_CPU_MS: 240_000, MAX_QUEUED_TOKENS: 10_000_000 };
  const server = await startBulk(bundle, persist, { BASE: base.name, ...limits });
  await publishBase(server.bucket, dir);
  await putTask({ bucket: server.bucket, base }, TASK);
  return server;
}

interface Batch {
  readonly id: string;
  readonly status: string;
  readonly output_file_id: string | null;
  readonly bytes: { readonly total: number; readonly done: number };
}

/** Begins a job of so many rows; its id. */
export async function begin({ url }: BulkServer, rows: number): Promise<string> {
  const form = new FormData();
  form.set("purpose", "batch");
  const lines = Array.from({ length: rows }, (_, id) => `${rowOf(id)}\n`);
  form.set("file", new Blob(lines), "rows.jsonl");
  const file = (await json(`${url}/v1/files`, { method: "POST", body: form })) as { id: string };
  const body = JSON.stringify({ input_file_id: file.id, task: TASK, parameters: { top_k: 1 } });
  const headers = { "content-type": "application/json" };
  return ((await json(`${url}/v1/batches`, { method: "POST", headers, body })) as Batch).id;
}

/** Asks for JSON; throws where the answer is an error. */
export async function json(url: string, init?: RequestInit): Promise<unknown> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

const LOOK_MS = 250;

/** Waits until a share of a job is done, or all of it. */
export async function until({ url }: BulkServer, id: string, share: number): Promise<Batch> {
  while (true) {
    const batch = (await json(`${url}/v1/batches/${id}`)) as Batch;
    if (batch.status === "completed") return batch;
    if (share < 1 && batch.bytes.done >= share * batch.bytes.total) return batch;
    await pause(LOOK_MS);
  }
}

/** A whole job. */
export async function run(server: BulkServer, rows: number): Promise<void> {
  await until(server, await begin(server, rows), 1);
}
