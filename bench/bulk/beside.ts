/**
 * How long single requests take while a batch is answered: two scripts, each in a workerd of its own and
 * on a core of its own, as on Cloudflare, where they never share an isolate.
 */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import type { Io } from "../../scripts/cli/command.ts";
import { workerdPids } from "../served/bulk.ts";
import { putTask, serveBase } from "../served/client.ts";
import { startDirect } from "../served/direct.ts";
import { quantile } from "../stats.ts";
import type { Form } from "./forms.ts";
import { TASK, begin, open, run, textOf, until } from "./job.ts";
import type { Where } from "./job.ts";

const REQUESTS = 400;
/** The p99 beside a job may be so much higher. */
const MOST_RATIO = 1.1;

/** Asks one request after the other, alone and beside a job of so many rows in a form. */
export async function besideJob(where: Where, rows: number, { lineOf, asked }: Form, io: Io) {
  const served = await serveBase(where.base, (variables) =>
    startDirect(variables, { start: "simd" }),
  );
  const pids = workerdPids();
  const bulk = await open(where);
  try {
    const isPinned = pin(pids, 0) && pin(bulk.pids, 1);
    await putTask(served, TASK);
    const times = async (): Promise<number[]> => {
      const found: number[] = [];
      for (let i = 0; i < REQUESTS; i++) {
        const { status, ms } = await served.ask(TASK, textOf(i));
        if (status !== 200) throw new Error(`a request was answered with ${status}`);
        found.push(ms);
      }
      return found;
    };
    await times();
    await run(bulk, 100, lineOf, asked);
    const alone = await times();
    const id = await begin(bulk, rows, lineOf, asked);
    await until(bulk, id, 0.01);
    const beside = await times();
    const { bytes, status } = await until(bulk, id, 0);
    if (status === "completed") throw new Error("the job ended first; give it more --rows");
    const again = await until(bulk, id, 1).then(times);
    const p99 = (list: readonly number[]): number => quantile(list, 0.99);
    // The machine drifts: alone is what was measured before and after.
    const ratio = p99(beside) / ((p99(alone) + p99(again)) / 2);
    io.err(
      `p99 alone ${p99(alone).toFixed(1)} and ${p99(again).toFixed(1)} ms, beside a job ${p99(beside).toFixed(1)} ms (${ratio.toFixed(2)}); ${((100 * bytes.done) / bytes.total).toFixed(0)} % of the job were done by then${isPinned ? "" : "; not pinned to cores"}`,
    );
    return {
      is_pinned: isPinned,
      p50_ms: { alone: quantile(alone, 0.5), beside: quantile(beside, 0.5) },
      p99_ms: { alone: p99(alone), beside: p99(beside), again: p99(again) },
      ratio,
      allowed: MOST_RATIO,
    };
  } finally {
    await bulk.stop();
    await served.stop();
  }
}

/** Keeps processes on one core; false where the machine has too few, or no taskset. */
function pin(pids: readonly number[], core: number): boolean {
  if (availableParallelism() < 2) return false;
  try {
    for (const pid of pids) execFileSync("taskset", ["-a", "-c", "-p", String(core), String(pid)]);
    return true;
  } catch {
    return false;
  }
}
