/**
 * A batch of a running Worker: sends the file, waits, and writes what came of it. OUT.batch.json says
 * how far it is, so that a run that was interrupted goes on: with the parts of the file that are there,
 * and with the batch that was begun.
 */
import { rm, stat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { InputError, NotFoundError } from "../../src/core/errors.ts";
import { readIfThere, writeWhole } from "../node/files.ts";
import type { BatchClient, RemoteBatch, UploadState } from "./batch-client.ts";
import type { BatchAsk, BatchResult, Tell } from "./batch-run.ts";

interface State extends UploadState {
  /** What was asked for, and of which file. */
  readonly print: string;
  file?: string | undefined;
  batch?: string | undefined;
}

const ENDED = ["completed", "failed", "cancelled", "expired"];
const LOOK_MS = 1_000;
/** A local queue forgets its messages when it is restarted: after so many looks without news, they are sent again. */
const SILENT_LOOKS = 30;

export async function runRemotely(
  client: BatchClient,
  url: string,
  ask: BatchAsk & { readonly task: string },
  { signal, tell }: { readonly signal: AbortSignal; readonly tell: Tell },
): Promise<BatchResult> {
  const path = `${ask.output}.batch.json`;
  const { size, mtimeMs } = await stat(ask.input);
  const { rows, parameters, task } = ask;
  const print = JSON.stringify([url, size, mtimeMs, rows, parameters, task]);
  const state = await readState(path, print);
  const save = (): Promise<void> => writeWhole(path, JSON.stringify(state));
  if (state.batch === undefined) {
    state.file ??= await sendFile(client, ask.input, state, save);
    await save();
    state.batch = (await client.createBatch(bodyOf(state.file, ask))).id;
    await save();
  }
  const batch = await untilEnded(client, state.batch, size, { signal, tell });
  const problem = batch.errors?.data[0]?.message;
  if (batch.status === "failed") {
    await rm(path);
    throw new InputError("batch-failed", `${ask.input}: ${problem ?? "the batch failed"}`);
  }
  for (const [file, to] of [
    [batch.output_file_id, ask.output],
    [batch.error_file_id, ask.errors],
  ] as const) {
    if (file === null) await rm(to, { force: true });
    else await client.download(file, to);
  }
  await rm(path);
  const { completed, failed } = batch.request_counts;
  return { status: batch.status, completed, failed };
}

/**
 * Sends the file. An upload of an earlier run may be gone, or its parts: then it is sent anew. One of this
 * run is forgotten, so that the next run begins another.
 */
async function sendFile(
  client: BatchClient,
  path: string,
  state: State,
  save: () => Promise<void>,
): Promise<string> {
  const isOld = state.upload !== undefined;
  try {
    return await client.send(path, state, save);
  } catch (error) {
    const isLost =
      error instanceof NotFoundError ||
      (error instanceof InputError && error.code === "upload-incomplete");
    if (!isLost) throw error;
    Object.assign(state, { upload: undefined, parts: [] });
    await save();
    if (!isOld) throw error;
    return client.send(path, state, save);
  }
}

async function readState(path: string, print: string): Promise<State> {
  const bytes = await readIfThere(path);
  const known = bytes && (JSON.parse(new TextDecoder().decode(bytes)) as State);
  if (!known) return { print, parts: [] };
  if (known.print === print) return known;
  throw new InputError(
    "batch-differs",
    `${path}: is of another file, task, server or other parameters; delete it to begin anew`,
  );
}

function bodyOf(file: string, { rows, parameters, task }: BatchAsk & { task: string }): object {
  const columns =
    rows.kind === "csv"
      ? { format: "csv", column: rows.column, pair_column: rows.pair, id_column: rows.id }
      : {};
  return { input_file_id: file, task, parameters, ...columns };
}

async function untilEnded(
  client: BatchClient,
  id: string,
  size: number,
  { signal, tell }: { readonly signal: AbortSignal; readonly tell: Tell },
): Promise<RemoteBatch> {
  let [silent, known] = [0, -1];
  while (true) {
    const batch = await client.batch(id);
    const { completed, failed } = batch.request_counts;
    tell({ bytes: batch.bytes.done, total: size, completed, failed });
    if (ENDED.includes(batch.status)) return batch;
    silent = batch.bytes.done === known ? silent + 1 : 0;
    known = batch.bytes.done;
    if (silent >= SILENT_LOOKS) {
      await client.act(id, "resume");
      silent = 0;
    }
    await pause(LOOK_MS, undefined, { signal });
  }
}
