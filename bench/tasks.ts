/**
 * Many tasks, one isolate: does what is resident stay within its bound, and does a task that is
 * always in use notice the others? The whole Worker in workerd; two kinds of rounds in turn, so that
 * a drift of the machine hits both: before the hot task, either always the same other task is asked,
 * or the next of all the tasks, most of which are not in memory.
 */
import { mapLimited } from "../src/core/concurrency.ts";
import { defineCommand, readInteger } from "../scripts/cli/command.ts";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { startProgress } from "../scripts/cli/progress.ts";
import { ENGINE_OPTION, readEngine } from "./engines.ts";
import { putTask, startServed } from "./served/client.ts";
import type { Served } from "./served/client.ts";
import { median, medianRatio, quantile, table } from "./stats.ts";

const WARM_UP_ROUNDS = 20;
const PUTS_AT_ONCE = 8;
const LIST_PAGE = 200;
/** A hot task may cost this much more among all the others: the noise of a request. */
const MOST_RATIO = 1.05;
/** Far below the memory of all tasks, so that the bound is what is measured. */
const CACHE_BYTES = 24_000_000;

const nameOf = (i: number): string => `task-${String(i).padStart(5, "0")}`;

export const bench = defineCommand({
  summary: "a thousand tasks in the bucket: what stays in memory, and what a hot task notices",
  usage: "[--base DIR] [--engine E] [--tasks N] [--prefix-length P]",
  example: "npx edge-prefix bench tasks --tasks 1000",
  options: {
    base: { type: "string", value: "DIR", default: BUNDLED_BASE, hint: "base folder" },
    ...ENGINE_OPTION,
    tasks: { type: "string", value: "N", default: "1000", hint: "tasks in the bucket" },
    "prefix-length": { type: "string", value: "P", default: "16", hint: "virtual tokens" },
  },
  async run({ values, io }) {
    const tasks = readInteger(values.tasks, "--tasks", { min: 3, max: 100_000 })!;
    const length = readInteger(values["prefix-length"], "--prefix-length", { min: 0, max: 1024 })!;
    const engine = readEngine(values.engine);
    const served = await startServed(engine, values.base, {
      TASK_CACHE_BYTES: String(CACHE_BYTES),
    });
    const bar = startProgress(io, { label: "tasks", total: 2 * tasks });
    try {
      await fillBucket(served, tasks, length, (done) => bar.update(done));
      const [hot, other] = [nameOf(0), nameOf(1)];
      for (let i = 0; i < WARM_UP_ROUNDS; i++) {
        await ask(served, other);
        await ask(served, hot);
      }
      const taskBytes = (await served.metric("task_cache_bytes")) / 2;
      const residentBefore = await served.residentMb();
      const times = { alone: [] as number[], among: [] as number[], cold: [] as number[] };
      let largest = 0;
      for (let i = 2; i < tasks; i++) {
        await ask(served, other);
        times.alone.push(await ask(served, hot));
        times.cold.push(await ask(served, nameOf(i)));
        times.among.push(await ask(served, hot));
        bar.update(tasks + i);
        if (i % 50 === 0) largest = Math.max(largest, await served.metric("task_cache_bytes"));
      }
      bar.stop();
      const residentAfter = await served.residentMb();
      const lists = [await timeList(served, tasks), await timeList(served, tasks)];
      const result = {
        bench: "tasks",
        engine,
        tasks,
        task_bytes: taskBytes,
        all_tasks_bytes: taskBytes * tasks,
        cache_bytes: { allowed: CACHE_BYTES, largest },
        resident_mb: { before: residentBefore, after: residentAfter },
        hot_ms: { alone: both(times.alone), among: both(times.among) },
        hot_ratio: medianRatio(times.among, times.alone),
        cold_ms: both(times.cold),
        list_ms: { first: lists[0], again: lists[1] },
      };
      const ok = largest <= CACHE_BYTES && result.hot_ratio <= MOST_RATIO;
      if (io.json) io.out(JSON.stringify({ ...result, ok }));
      else print(result, ok, io.out);
      return ok ? 0 : 1;
    } finally {
      bar.stop();
      await served.stop();
    }
  },
});

interface Both {
  readonly p50: number;
  readonly p99: number;
}

const both = (values: readonly number[]): Both => ({
  p50: median(values),
  p99: quantile(values, 0.99),
});

interface Result {
  readonly tasks: number;
  readonly all_tasks_bytes: number;
  readonly cache_bytes: { readonly allowed: number; readonly largest: number };
  readonly resident_mb: { readonly before: number | null; readonly after: number | null };
  readonly hot_ms: { readonly alone: Both; readonly among: Both };
  readonly hot_ratio: number;
  readonly cold_ms: Both;
  readonly list_ms: { readonly first: number | undefined; readonly again: number | undefined };
}

function print(result: Result, ok: boolean, out: (line: string) => void): void {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const { hot_ms: hot, cold_ms: cold, cache_bytes: cache, resident_mb: resident } = result;
  const line = (name: string, { p50, p99 }: Both): string[] => [
    name,
    p50.toFixed(1),
    p99.toFixed(1),
  ];
  out(
    table([
      ["ms", "p50", "p99"],
      line("hot task, after the same other one", hot.alone),
      line(`hot task, after the next of ${result.tasks}`, hot.among),
      line("a task that is not in memory", cold),
    ]),
  );
  out(`hot task among all, to alone: ratio ${result.hot_ratio.toFixed(3)}`);
  out(
    `in memory at most ${megabytes(cache.largest)} of ${megabytes(cache.allowed)} MB; all tasks would be ${megabytes(result.all_tasks_bytes)} MB; workerd ${resident.before?.toFixed(0)} -> ${resident.after?.toFixed(0)} MB`,
  );
  out(
    `GET /v1/tasks, all pages: ${result.list_ms.first?.toFixed(0)} ms, again ${result.list_ms.again?.toFixed(0)} ms`,
  );
  out(`${ok ? "ok" : "FAILED"}: within the bound, hot task at <= ${MOST_RATIO}`);
}

/** Tasks of equal size; they share the bytes of a prefix in the bucket, and none in memory. */
async function fillBucket(
  served: Served,
  tasks: number,
  length: number,
  onDone: (done: number) => void,
): Promise<void> {
  let done = 0;
  const all = Array.from({ length: tasks }, (_, i) => nameOf(i));
  await mapLimited(all, PUTS_AT_ONCE, async (task) => {
    await putTask(served, task, { numVirtualTokens: length });
    onDone(++done);
  });
}

async function ask(served: Served, task: string): Promise<number> {
  const { status, ms } = await served.ask(task);
  if (status !== 200) throw new Error(`task ${task}: was answered with ${status}`);
  return ms;
}

/** Milliseconds to list all tasks, page by page. */
async function timeList(served: Served, tasks: number): Promise<number> {
  const start = performance.now();
  let found = 0;
  for (let cursor = ""; ;) {
    const page = await served.get(`/v1/tasks?limit=${LIST_PAGE}${cursor}`);
    const body = (await page.json()) as { tasks: unknown[]; cursor?: string };
    found += body.tasks.length;
    if (body.cursor === undefined) break;
    cursor = `&cursor=${body.cursor}`;
  }
  if (found !== tasks) throw new Error(`GET /v1/tasks: lists ${found} of ${tasks} tasks`);
  return performance.now() - start;
}
