/**
 * Batches rows of many requests and tasks into runs of the one session.
 *
 * Jobs are plain data and every waiting request may pump the queue: in a Worker a loop or promise
 * that one request owns dies with that request and would strand the rest. Guarantees: one run at a
 * time; requests take turns row by row, so a long document delays a one-line request by at most the
 * run under way; an aborted or late job is dropped before it costs a run; work that does not fit
 * the queue is refused at once.
 */
import { collate } from "../core/collate.ts";
import type { Queries, Row } from "../core/collate.ts";
import { OverloadedError } from "../core/errors.ts";
import { LAST_HIDDEN_STATE } from "../core/shapes.ts";
import type { Clock } from "./flight.ts";
import type { LoadedBase } from "./model-store.ts";

/** One row waiting for, or done with, its run. */
export interface Job {
  readonly row: Row;
  readonly queries: Queries;
  state: "waiting" | "running" | "done" | "cancelled";
  /** Hidden states [q, H]: q = 1, or the row's length. */
  hidden: Float32Array | null;
  error: unknown;
  /** Milliseconds spent in the queue and in its run. */
  queueMs: number;
  runMs: number;
  readonly submittedAt: number;
}

export interface Scheduler {
  /** Queues the rows of one request. Throws OverloadedError `overloaded` when they do not fit. */
  submit(base: LoadedBase, rows: readonly Row[], queries: Queries): Job[];
  /** Waits for one job, pumping the queue. Throws what the run threw, or OverloadedError `deadline-exceeded`. */
  finish(job: Job, signal: AbortSignal, deadlineAt: number): Promise<Float32Array>;
  /** Forgets jobs that have not run. */
  cancel(jobs: readonly Job[]): void;
  readonly queuedTokens: number;
  readonly runs: number;
}

export interface SchedulerOptions {
  readonly clock: Clock;
  /** Tokens of a batch, padding included; a longer single row runs alone. */
  readonly maxBatchTokens: number;
  /** Tokens that may wait; beyond it, requests are refused. */
  readonly maxQueuedTokens: number;
}

/** A batch may be padded by at most this share of its tokens: a padded token costs as much as a real one. */
const MAX_PADDING = 0.25;

const isDone = ({ state }: Job): boolean => state === "done" || state === "cancelled";

interface Queue {
  readonly base: LoadedBase;
  readonly jobs: Job[];
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, maxBatchTokens, maxQueuedTokens } = options;
  /** One queue per request, in turn order. */
  let queues: Queue[] = [];
  let isPumping = false;
  let runs = 0;

  const queuedTokens = (): number =>
    queues.reduce(
      (sum, { jobs }) => sum + jobs.reduce((own, job) => own + job.row.ids.length, 0),
      0,
    );

  return {
    get queuedTokens() {
      return queuedTokens();
    },
    get runs() {
      return runs;
    },
    submit(base, rows, queries) {
      const tokens = rows.reduce((sum, row) => sum + row.ids.length, 0);
      const queued = queuedTokens();
      // An empty queue takes any request that passed the limits, or it could never be served.
      if (queued > 0 && queued + tokens > maxQueuedTokens) {
        throw new OverloadedError(
          "overloaded",
          `queue: ${queued} tokens wait and ${tokens} more do not fit, allowed are ${maxQueuedTokens}; try again later`,
        );
      }
      const submittedAt = clock.now();
      const jobs = rows.map((row): Job => ({
        row,
        queries,
        state: "waiting",
        hidden: null,
        error: null,
        queueMs: 0,
        runMs: 0,
        submittedAt,
      }));
      queues.push({ base, jobs: [...jobs] });
      return jobs;
    },
    async finish(job, signal, deadlineAt) {
      while (!isDone(job)) {
        signal.throwIfAborted();
        if (clock.now() > deadlineAt) {
          throw new OverloadedError(
            "deadline-exceeded",
            "request: its deadline passed before all of its work was done; send less at once or try again later",
          );
        }
        if (!isPumping) await pump();
        // Lets the host flush what was written and start other requests' work.
        if (!isDone(job)) await clock.wait(0);
      }
      if (job.error !== null) throw job.error;
      return job.hidden!;
    },
    cancel(jobs) {
      for (const job of jobs) if (job.state === "waiting") job.state = "cancelled";
      dropFinished();
    },
  };

  async function pump(): Promise<void> {
    const batch = takeBatch();
    if (!batch) return;
    isPumping = true;
    try {
      await runBatch(batch.base, batch.jobs);
    } finally {
      isPumping = false;
    }
  }

  /** Takes turns over the requests, one row each, until the batch is full. */
  function takeBatch(): Queue | null {
    dropFinished();
    const [first] = queues;
    if (!first) return null;
    const lead = first.jobs[0]!;
    const batch: Job[] = [];
    let longest = 0;
    let total = 0;
    const fits = (job: Job): boolean => {
      const width = Math.max(longest, job.row.ids.length);
      const padded = width * (batch.length + 1);
      const real = total + job.row.ids.length;
      return padded <= maxBatchTokens && padded - real <= MAX_PADDING * padded;
    };
    const take = (queue: Queue): boolean => {
      const job = queue.jobs[0];
      if (!job || queue.base !== first.base || job.queries !== lead.queries) return false;
      if (batch.length > 0 && !fits(job)) return false;
      queue.jobs.shift();
      batch.push(job);
      longest = Math.max(longest, job.row.ids.length);
      total += job.row.ids.length;
      return true;
    };
    for (let isTaking = true; isTaking;) {
      isTaking = false;
      for (const queue of queues) isTaking = take(queue) || isTaking;
    }
    // Whoever led this batch goes to the back.
    queues = [...queues.slice(1), first];
    return { base: first.base, jobs: batch };
  }

  async function runBatch(base: LoadedBase, jobs: readonly Job[]): Promise<void> {
    const start = clock.now();
    for (const job of jobs) {
      job.state = "running";
      job.queueMs = start - job.submittedAt;
    }
    try {
      const rows = jobs.map((job) => job.row);
      const feeds = collate(rows, base.manifest, jobs[0]!.queries);
      runs++;
      const outputs = await base.session.run(feeds, [LAST_HIDDEN_STATE]);
      const output = outputs[LAST_HIDDEN_STATE]!;
      const [, queries = 0, hiddenSize = 0] = output.dims; // [B, Q, H]
      const values = output.data as Float32Array;
      const stride = queries * hiddenSize;
      for (const [b, job] of jobs.entries()) {
        const own = job.queries === "first" ? 1 : job.row.ids.length;
        job.hidden = values.subarray(b * stride, b * stride + own * hiddenSize);
      }
    } catch (error) {
      for (const job of jobs) job.error = error ?? new Error("run failed");
    }
    const runMs = clock.now() - start;
    for (const job of jobs) {
      job.runMs = runMs;
      job.state = "done";
    }
  }

  function dropFinished(): void {
    for (const { jobs } of queues) {
      const waiting = jobs.filter((job) => job.state === "waiting");
      jobs.splice(0, jobs.length, ...waiting);
    }
    queues = queues.filter(({ jobs }) => jobs.length > 0);
  }
}
