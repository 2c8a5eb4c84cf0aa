/**
 * Batches: rows a second on one consumer, against the same rows in calls of 64; several consumers beside
 * each other; what a million rows cost by Cloudflare's prices; a job whose Worker is killed; and how long
 * requests take beside a job.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { UsageError, defineCommand, readInteger } from "../scripts/cli/command.ts";
import type { Io } from "../scripts/cli/command.ts";
import { baseFolder } from "../scripts/base/names.ts";
import { besideJob } from "./bulk/beside.ts";
import { withFaultyConsumer } from "./bulk/faults.ts";
import { FORMS } from "./bulk/forms.ts";
import type { Form } from "./bulk/forms.ts";
import { CONFIGURATION, TASK, open, run, textOf } from "./bulk/job.ts";
import type { Where } from "./bulk/job.ts";
import { wholeJob } from "./bulk/whole.ts";
import { bundleWorker } from "./served/bundled.ts";
import { putTask, serveBase } from "./served/client.ts";
import type { BulkServer } from "./served/bulk.ts";
import { startDirect } from "./served/direct.ts";
import type { Bundle } from "./served/direct.ts";

const CALL_ROWS = 64;
/** Lines of a batch in OpenAI's form, as in src/serve/bulk/planner.ts. */
const MAX_REQUESTS = 50_000;
/** As in src/serve/bulk/ranges.ts. */
const RANGE_BYTES = 131_072;

/**
 * Dollars, as Cloudflare publishes them for paid plans: a million requests of a Worker, a million
 * milliseconds of its CPU, a million operations of a queue (a message is three), of R2's classes A and B.
 */
const PRICES = { requests: 0.3, cpuMs: 0.02, queue: 0.4, classA: 4.5, classB: 0.36 };
/** Of one range: a part and a list; head and read of job, plan, part and file. */
const OPERATIONS = { classA: 2, classB: 12 };

/** What a million rows cost: `cpuMs` and `bytes` are a row's. */
function costOfMillion(cpuMs: number, bytes: number) {
  const ranges = (1e6 * bytes) / RANGE_BYTES;
  const cpu = cpuMs * PRICES.cpuMs;
  const perRange =
    PRICES.requests +
    3 * PRICES.queue +
    OPERATIONS.classA * PRICES.classA +
    OPERATIONS.classB * PRICES.classB;
  const rest = (ranges * perRange) / 1e6;
  return { cpu_usd: cpu, ranges_usd: rest, usd: cpu + rest };
}

export const bench = defineCommand({
  summary:
    "batches: rows a second against calls of 64, several consumers, cost, kills, and requests beside",
  usage:
    "[--rows N] [--base DIR] [--requests] [--consumers 1,2 | (--kills N | --faults) [--state DIR] | --interactive]",
  example:
    "npx edge-prefix bench bulk\nnpx edge-prefix bench bulk --rows 1000000 --kills 2 --state DIR\nnpx edge-prefix bench bulk --rows 100000 --faults\nnpx edge-prefix bench bulk --rows 5000 --faults --requests",
  options: {
    rows: { type: "string", value: "N", hint: "rows of a job (2000)" },
    base: { type: "string", value: "DIR", hint: "base folder (models/pocket)" },
    consumers: { type: "string", value: "A,B,..", hint: "numbers of consumers (1,2)" },
    interactive: {
      type: "boolean",
      hint: "only the p99 of single requests beside a job, each Worker on a core of its own",
    },
    kills: {
      type: "string",
      value: "N",
      hint: "only one job, whose Worker is killed so many times; its output is checked",
    },
    faults: {
      type: "boolean",
      hint: "only one job, of which 1 % of the lines are poisoned and one of four consumers always throws; its output is checked",
    },
    requests: {
      type: "boolean",
      hint: "lines in OpenAI's form, named by custom_id",
    },
    state: {
      type: "string",
      value: "DIR",
      hint: "with --kills or --faults: a folder in which the run goes on after an interrupt",
    },
  },
  async run({ values, io }) {
    const rows = readInteger(values.rows, "--rows", { min: 1 }) ?? 2_000;
    const kills = readInteger(values.kills, "--kills", { min: 0, max: 20 });
    const counts = (values.consumers ?? "1,2").split(",").map(Number);
    const base = baseFolder(values.base ?? "pocket")!;
    const hasFaults = values.faults === true;
    const isWhole = kills !== undefined || hasFaults;
    const state = values.state === undefined ? null : resolve(values.state);
    if (state !== null && !isWhole) throw new UsageError("--state needs --kills or --faults");
    const form = values.requests === true ? "requests" : "plain";
    if (form === "requests" && rows > MAX_REQUESTS) {
      throw new UsageError(`--requests allows at most ${MAX_REQUESTS} rows`);
    }
    if (state !== null) await mkdir(state, { recursive: true });
    const folder = await mkdtemp(join(tmpdir(), "edge-prefix-bulk-"));
    const sound: Bundle = {
      folder: join(folder, "bundle"),
      modules: await bundleWorker(join(folder, "bundle"), ["--config", CONFIGURATION]),
      remove: () => Promise.resolve(),
    };
    try {
      const bundle = hasFaults ? await withFaultyConsumer(sound) : sound;
      const where = { bundle, persist: join(state ?? folder, "bucket"), base };
      const result = values.interactive
        ? await besideJob(where, rows, FORMS[form], io)
        : isWhole
          ? await wholeJob(
              where,
              { rows, kills: kills ?? 0, hasFaults, form: FORMS[form], state },
              io,
            )
          : await compare(where, { rows, counts, form: FORMS[form] }, io);
      io.out(JSON.stringify({ bench: "bulk", rows, form, base: basename(base), ...result }));
      return "is_whole" in result && !result.is_whole ? 1 : 0;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

interface CompareOptions {
  readonly rows: number;
  /** Numbers of consumers. */
  readonly counts: readonly number[];
  readonly form: Form;
}

async function compare(where: Where, { rows, counts, form }: CompareOptions, io: Io) {
  const { lineOf, asked } = form;
  const interactive = await calls(where.base, rows);
  io.err(`calls of ${CALL_ROWS}: ${interactive.toFixed(0)} rows/s`);
  const consumers = [];
  for (const count of counts) {
    const servers: BulkServer[] = [];
    // A bucket each: the emulator's is one SQLite file, which two processes cannot write at once.
    for (let i = 0; i < count; i++) {
      const persist = join(where.persist, `${count}-${i}`);
      servers.push(await open({ ...where, persist }));
    }
    // What loads is not measured.
    await Promise.all(servers.map((server) => run(server, 100, lineOf, asked)));
    const cpu = servers.map((server) => server.cpuMs());
    const start = performance.now();
    const each = Math.ceil(rows / count);
    await Promise.all(servers.map((server) => run(server, each, lineOf, asked)));
    const seconds = (performance.now() - start) / 1000;
    const cpuMs = servers.reduce((sum, server, i) => sum + server.cpuMs() - cpu[i]!, 0);
    await Promise.all(servers.map((server) => server.stop()));
    const perS = (each * count) / seconds;
    const perRow = cpuMs / (each * count);
    consumers.push({ consumers: count, rows_per_s: perS, cpu_ms_per_row: perRow });
    io.err(`${count} consumers: ${perS.toFixed(0)} rows/s, ${perRow.toFixed(2)} ms of CPU a row`);
  }
  const bytes = Buffer.byteLength(lineOf(1_000)) + 1;
  const cost = costOfMillion(consumers[0]!.cpu_ms_per_row, bytes);
  io.err(`a million rows: $${cost.usd.toFixed(4)}`);
  return { interactive_rows_per_s: interactive, consumers, row_bytes: bytes, million: cost };
}

/** Rows a second of the Worker that answers requests, one call after the other. */
async function calls(base: string, rows: number): Promise<number> {
  const served = await serveBase(base, (variables) => startDirect(variables, { start: "simd" }));
  try {
    await putTask(served, TASK);
    const ask = async (from: number, count: number): Promise<void> => {
      const inputs = Array.from({ length: count }, (_, i) => textOf(from + i));
      const response = await fetch(`${served.url}/v1/tasks/${TASK}/predict`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs }),
      });
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    };
    await ask(0, CALL_ROWS);
    const start = performance.now();
    for (let at = 0; at < rows; at += CALL_ROWS) await ask(at, Math.min(CALL_ROWS, rows - at));
    return (rows * 1000) / (performance.now() - start);
  } finally {
    await served.stop();
  }
}
