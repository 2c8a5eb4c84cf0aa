/**
 * One job whose Worker is killed in the middle, or whose file and consumers are faulty: every row must be
 * there once and in order, as an answer or as an error. In a folder of its own, an interrupted run of the
 * bench goes on.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Io } from "../../scripts/cli/command.ts";
import { deadPrefix } from "../../src/serve/bulk/keys.ts";
import type { BulkServer } from "../served/bulk.ts";
import { faultyLines, isPoisoned } from "./faults.ts";
import type { Form } from "./forms.ts";
import { begin, json, open, until } from "./job.ts";
import type { Batch, Where } from "./job.ts";

export interface WholeOptions {
  readonly rows: number;
  readonly kills: number;
  readonly hasFaults: boolean;
  readonly form: Form;
  /** Where an interrupted run goes on; null where it begins anew. */
  readonly state: string | null;
}

/** What has been done so far, kept across interrupts of the bench. */
interface Progress {
  readonly rows: number;
  readonly id: string;
  killedAt: number[];
  seconds: number;
  cpuMs: number;
}

/** How often progress is printed, in percent of the job. */
const TELL_PERCENT = 10;

/** Runs the job to its end and checks what it left. */
export async function wholeJob(where: Where, options: WholeOptions, io: Io) {
  const { rows, kills, hasFaults, form, state } = options;
  const path = state === null ? null : join(state, "progress.json");
  let server = await open(where);
  const known = path !== null && existsSync(path) ? readProgress(path, rows) : null;
  const start = performance.now();
  const progress: Progress = known ?? {
    rows,
    id: await begin(server, rows, hasFaults ? faultyLines(form) : form.lineOf, form.asked),
    killedAt: [],
    seconds: 0,
    cpuMs: 0,
  };
  const keep = (): void => {
    if (path) writeFileSync(path, JSON.stringify(progress));
  };
  keep();
  const before = { seconds: progress.seconds, cpuMs: progress.cpuMs };
  if (known) {
    io.err(`goes on after ${known.seconds.toFixed(0)} s`);
    await resume(server, progress.id);
  }
  let told = -1;
  const onLook = ({ bytes }: Batch): void => {
    progress.seconds = before.seconds + (performance.now() - start) / 1000;
    progress.cpuMs = before.cpuMs + server.cpuMs();
    const percent = Math.floor((100 * bytes.done) / bytes.total);
    if (percent < told + TELL_PERCENT) return;
    told = percent;
    io.err(`${percent} % after ${progress.seconds.toFixed(0)} s`);
    keep();
  };
  for (let i = progress.killedAt.length + 1; i <= kills; i++) {
    const { bytes } = await until(server, progress.id, i / (kills + 1), onLook);
    before.cpuMs += server.cpuMs();
    await server.kill();
    progress.killedAt.push(bytes.done / bytes.total);
    io.err(`killed at ${((100 * bytes.done) / bytes.total).toFixed(0)} %`);
    server = await open(where);
    await resume(server, progress.id);
  }
  const batch = await until(server, progress.id, 1, onLook);
  const found = await checkRows(server, batch, rows, form);
  const dead = (await server.bucket.list(deadPrefix(batch.id))).length;
  await server.stop();
  if (state) await rm(state, { recursive: true, force: true });
  const { seconds, cpuMs, killedAt } = progress;
  const expected = hasFaults ? Array.from({ length: rows }, (_, id) => id).filter(isPoisoned) : [];
  // A message whose every attempt failed costs the first row that had no part: poisoned or not.
  const givenUp = found.givenUp.filter((id) => !isPoisoned(id) || !hasFaults).length;
  const isWhole =
    found.isOnceAndInOrder &&
    found.answers + found.errors === rows &&
    found.errors === expected.length + givenUp &&
    // A range that was planned again after an interrupt may die again: its letter has the same name.
    (known ? found.givenUp.length >= dead : found.givenUp.length === dead);
  io.err(
    `${found.answers} answers and ${found.errors} errors, ${isWhole ? "every row once and in order" : "NOT WHOLE"}; ${dead} dead letters; ${seconds.toFixed(0)} s, ${(cpuMs / 1000).toFixed(0)} s of CPU`,
  );
  return {
    killed_at: killedAt,
    is_whole: isWhole,
    answers: found.answers,
    errors: found.errors,
    errors_by_code: found.codes,
    dead_letters: dead,
    seconds,
    cpu_s: cpuMs / 1000,
  };
}

const resume = (server: BulkServer, id: string): Promise<unknown> =>
  json(`${server.url}/v1/batches/${id}/resume`, { method: "POST" });

function readProgress(path: string, rows: number): Progress {
  const progress = JSON.parse(readFileSync(path, "utf8")) as Progress;
  if (progress.rows === rows) return progress;
  throw new Error(`${path}: is of a job of ${progress.rows} rows; delete its folder to begin anew`);
}

/** Reads output and errors: each row must be in one of them, once, and both in the order of the file. */
async function checkRows({ url }: BulkServer, batch: Batch, rows: number, { read }: Form) {
  const seen = new Uint8Array(rows);
  const codes: Record<string, number> = {};
  const givenUp: number[] = [];
  const counts = { answers: 0, errors: 0 };
  let isOnceAndInOrder = true;
  for (const [kind, file] of [
    ["answers", batch.output_file_id],
    ["errors", batch.error_file_id],
  ] as const) {
    let last = -1;
    if (file === null) continue;
    for await (const text of linesOf(`${url}/v1/files/${file}/content`)) {
      const { row, isNamed, code } = read(text);
      if (!(row > last) || row >= rows || seen[row] !== 0) isOnceAndInOrder = false;
      if (code !== null) codes[code] = (codes[code] ?? 0) + 1;
      if (code === "row-given-up") givenUp.push(row);
      if (!isNamed) isOnceAndInOrder = false;
      seen[row] = 1;
      last = row;
      counts[kind]++;
    }
  }
  return { ...counts, codes, givenUp, isOnceAndInOrder };
}

async function* linesOf(url: string): AsyncGenerator<string> {
  const { body } = await fetch(url);
  let rest = "";
  for await (const text of body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
