/**
 * Batches rows of many requests and tasks into runs of the one encoder.
 *
 * Jobs are plain data and every waiting request may run the next batch: in a Worker, a loop or promise
 * that one request owns dies with that request and would strand the others. Guarantees: there is one
 * run at a time, and the host gets a turn between two runs. Requests take turns row by row, and a
 * new request is next when a long document is running. Work that is cancelled or late is dropped
 * before it costs a run, even when its request is gone. Work that does not fit the queue is refused
 * at once. A row that fails its batch does not fail the others (failed-run.ts).
 */
import { statesOfRow } from "../../core/model/rows.ts";
import type { Queries, Row, States } from "../../core/model/rows.ts";
import { OverloadedError, UnavailableError } from "../../core/errors.ts";
import type { Admission } from "./admission.ts";
import type { Clock } from "../../core/clock.ts";
import { failureOf } from "./failed-run.ts";
import { fail, failLate, isDone, settle } from "./job.ts";
import type { Job, Work } from "./job.ts";
import { RunTotals } from "./run-stats.ts";
import type { RunStats } from "./run-stats.ts";
import type { LoadedBase } from "../../engine/engine.ts";

export interface Scheduler {
  /**
   * Queues the rows of one request. Throws OverloadedError `overloaded` when they do not fit, and
   * the errors of the admission. `runsSeen` is the number of runs that had begun when the request
   * came in; the default is the number now.
   */
  submit<T>(
    base: LoadedBase,
    works: readonly Work<T>[],
    queries: Queries,
    deadlineAt: number,
    runsSeen?: number,
  ): Job<T>[];
  /**
   * Waits for one job, pumping the queue; returns what it was reduced to. Throws OverloadedError
   * `deadline-exceeded`, InputError `text-not-runnable`, UnavailableError `run-failed` or
   * `request-cancelled`, what reducing it threw, or the signal's reason.
   */
  finish<T>(job: Job<T>, signal: AbortSignal): Promise<T>;
  /** Forgets jobs that are not done. Those of a run that has begun are not run again if it fails. */
  cancel(jobs: readonly Job[]): void;
  /** A request has come in, accepted or refused. While requests keep coming in, no run begins. */
  announce(): void;
  /** Tokens that are run before the last of `rows` rows of a new request, since requests take turns. */
  tokensAhead(rows: number): number;
  readonly queuedTokens: number;
  /** Requests whose rows wait. */
  readonly waiting: number;
  /**
   * Start time of the last run while requests that arrived during it may still be outside the queue;
   * null otherwise, and when no request waits.
   */
  readonly busySince: number | null;
  readonly runs: number;
  readonly stats: RunStats;
}

export interface SchedulerOptions {
  readonly clock: Clock;
  /** Tokens of a batch, padding included; a longer single row runs alone. */
  readonly maxBatchTokens: number;
  /** Tokens that may wait; beyond it, requests are refused. */
  readonly maxQueuedTokens: number;
  /** Refuses what cannot be done in time; without it, only the queue's length counts. */
  readonly admission?: Admission;
  /** One caller asks for all: a full run waits for no crowd, and none stops between layers. */
  readonly hasOneCaller?: boolean;
}

/** A batch may be padded by at most this share of its tokens: a padded token costs as much as a real one. */
const MAX_PADDING = 0.25;

/**
 * A request that arrives during a run waits outside the isolate, where it is neither counted nor
 * refused. The host takes in a few such requests in one turn. So between two runs it gets turns until
 * this many of them have brought no new request, and at most MAX_TURNS, so that a flood of requests
 * cannot stop the queue.
 */
const CALM_TURNS = 2;
const MAX_TURNS = 16;
/** How long such a turn is while other requests wait. */
const CROWD_MS = 1;

/**
 * From so many tokens on, a run stops between layers where the engine can: the host then takes in
 * what has arrived, and a run whose clients have all left ends. Shorter ones are over before that pays.
 */
const LONG_RUN_TOKENS = 256;
/** Tokens times layers from one stop to the next: tens of milliseconds, of which a turn costs little. */
const STOP_TOKENS = 1_024;

/** How much longer than forecast a run and the way of its answer may take. */
const RUN_SLACK = 1.25;

/** A batch in the middle of its run. */
interface LongRun {
  readonly base: LoadedBase;
  readonly jobs: readonly Job[];
  readonly tokens: number;
  readonly start: number;
  readonly steps: Iterator<void, States>;
}

/** The rows of one request that still wait. */
interface Queue {
  readonly base: LoadedBase;
  jobs: Job[];
  isNew: boolean;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, maxBatchTokens, maxQueuedTokens, admission, hasOneCaller = false } = options;
  const longRunTokens = hasOneCaller ? Infinity : LONG_RUN_TOKENS;
  /** In turn order. */
  let queues: Queue[] = [];
  let isPumping = false;
  /** New requests lead at most every other run, so that a flood of them cannot starve a long document. */
  let isNewcomersTurn = true;
  let runs = 0;
  /** Requests that have come in. */
  let announced = 0;
  let busySince: number | null = null;
  const stats = new RunTotals();
  /** A long run that has stopped between layers. Any request goes on with it, as with all else here. */
  let longRun: LongRun | null = null;

  return {
    get queuedTokens() {
      return tokensWaiting();
    },
    get waiting() {
      return queues.length;
    },
    get busySince() {
      return queues.length > 0 ? busySince : null;
    },
    get runs() {
      return runs;
    },
    stats,
    submit<T>(
      base: LoadedBase,
      works: readonly Work<T>[],
      queries: Queries,
      deadlineAt: number,
      runsSeen = runs,
    ) {
      dropFinished();
      const rows = works.map(({ row }) => row);
      const tokens = tokensOf(rows);
      const queued = tokensWaiting();
      // An empty queue takes any request that passed the limits, or it could never be served.
      if (queued > 0 && queued + tokens > maxQueuedTokens) {
        throw new OverloadedError(
          "overloaded",
          `queue: ${queued} tokens wait and ${tokens} more do not fit, allowed are ${maxQueuedTokens}; try again later`,
          { retryAfterMs: (queued + tokens - maxQueuedTokens) * (admission?.msPerToken ?? 0) },
        );
      }
      const submittedAt = clock.now();
      if (queued === 0 && longRun === null) {
        busySince = null;
        admission?.forgetRun();
      }
      admission?.check({
        tokens,
        longestRow: longestOf(rows),
        tokensAhead: tokensAhead(rows.length),
        msLeft: deadlineAt - submittedAt,
        hiddenSize: base.manifest.configuration.hidden_size,
      });
      stats.requests++;
      const jobs = works.map((work): Job<T> => ({
        ...work,
        queries,
        runsSeen,
        submittedAt,
        deadlineAt,
        state: "waiting",
        isAlone: false,
        result: null,
        error: null,
        queueMs: 0,
        run: null,
      }));
      queues.push({ base, jobs: [...jobs], isNew: true });
      return jobs;
    },
    async finish<T>(job: Job<T>, signal: AbortSignal) {
      let { runsSeen } = job;
      // A request that finds others waiting does not run a batch before it has waited as they do.
      let calmTurns = queues.length <= 1 ? CALM_TURNS : 0;
      let turns = 0;
      while (!isDone(job)) {
        signal.throwIfAborted();
        // Timers that are due fire together, before the host does anything else. If each waiting
        // request ran a batch then, a finished request would be answered, and a new one taken in,
        // only after all of those runs. So one request runs a batch, and the next run waits for a
        // timer that was set after it. That is a turn for the host.
        if (isPumping) dropFinished();
        else if (longRun) await goOn(longRun);
        else if (runs === runsSeen && mayBegin(calmTurns, turns)) await pump();
        if (isDone(job)) break;
        if (runs !== runsSeen) turns = calmTurns = 0;
        runsSeen = runs;
        const announcedBefore = announced;
        await clock.wait(queues.length > 1 ? CROWD_MS : 0);
        turns++;
        calmTurns = announced === announcedBefore ? calmTurns + 1 : 0;
        if (longRun) continue;
        if (runs === runsSeen && calmTurns >= CALM_TURNS) busySince = null;
        // While others wait, the begin of their run ends the sample: taking in a crowd costs time too.
        if (queues.length === 0) admission?.endRun(clock.now());
      }
      // The event of this timer shows how long the run took. In a crowd, the other requests show it.
      if (queues.length === 0 && admission?.wantsEvent) {
        await clock.wait(0);
        admission.endRun(clock.now());
      }
      if (job.error !== null) {
        signal.throwIfAborted(); // says more than that the job was cancelled
        throw job.error;
      }
      return job.result!.value;
    },
    cancel(jobs) {
      for (const job of jobs) {
        if (isDone(job)) continue;
        fail(job, new UnavailableError("request-cancelled", "request: was given up"));
      }
      dropFinished();
    },
    announce: () => void announced++,
    tokensAhead,
  };

  function tokensAhead(rows: number): number {
    return (longRun?.tokens ?? 0) + tokensWaiting(rows);
  }

  /** Tokens of the first so many rows of every request; of all, unless it is said. */
  function tokensWaiting(rows = Infinity): number {
    let tokens = 0;
    for (const { jobs } of queues) {
      const end = Math.min(rows, jobs.length);
      for (let i = 0; i < end; i++) tokens += jobs[i]!.row.ids.length;
    }
    return tokens;
  }

  /** Whether a run may begin after so many turns: a crowd has come in, or would change nothing. */
  function mayBegin(calmTurns: number, turns: number): boolean {
    if (calmTurns >= CALM_TURNS || turns >= MAX_TURNS) return true;
    return hasOneCaller && tokensWaiting() >= maxBatchTokens;
  }

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
  function takeBatch(): { base: LoadedBase; jobs: readonly Job[] } | null {
    dropFinished();
    const first = (isNewcomersTurn && queues.find((queue) => queue.isNew)) || queues[0];
    if (!first) return null;
    // A new request that is alone overtakes none, so the next new request may still lead a run.
    isNewcomersTurn = !first.isNew || queues.length === 1;
    // The request that leads this batch is last in the next round.
    const others = queues.filter((queue) => queue !== first);
    queues = [...others, first];

    const { queries } = first.jobs[0]!;
    const batch: Job[] = [];
    let longest = 0;
    let total = 0;
    const take = (queue: Queue): boolean => {
      const job = queue.jobs[0];
      if (!job || queue.base !== first.base || job.queries !== queries) return false;
      if (batch.length > 0 && (job.isAlone || batch[0]!.isAlone)) return false;
      const width = Math.max(longest, job.row.ids.length);
      const real = total + job.row.ids.length;
      const padded = width * (batch.length + 1);
      const fits = padded <= maxBatchTokens && padded - real <= MAX_PADDING * padded;
      if (!fits && batch.length > 0) return false;
      queue.jobs.shift();
      queue.isNew = false;
      batch.push(job);
      longest = width;
      total = real;
      return true;
    };
    for (let isTaking = true; isTaking;) {
      isTaking = false;
      for (const queue of [first, ...others]) isTaking = take(queue) || isTaking;
    }
    queues = queues.filter(({ jobs }) => jobs.length > 0);
    return { base: first.base, jobs: batch };
  }

  async function runBatch(base: LoadedBase, jobs: readonly Job[]): Promise<void> {
    const start = clock.now();
    for (const job of jobs) {
      job.state = "running";
      job.queueMs = start - job.submittedAt;
    }
    runs++;
    busySince = start;
    const rows = jobs.map((job) => job.row);
    const tokens = tokensOf(rows);
    const paddedTokens = rows.length * longestOf(rows);
    admission?.endRun(start);
    admission?.beginRun(tokens, paddedTokens, start);
    const { encoder } = base;
    const { queries } = jobs[0]!;
    try {
      if (encoder.steps && tokens >= longRunTokens) {
        longRun = { base, jobs, tokens, start, steps: encoder.steps(rows, queries) };
      } else answer(jobs, await encoder.encode(rows, queries), start);
    } catch (cause) {
      await tryAlone(base, jobs, cause);
    }
  }

  /** Goes on with a long run for some layers, unless all of its jobs have been cancelled. */
  async function goOn({ base, jobs, tokens, start, steps }: LongRun): Promise<void> {
    dropFinished();
    if (longRun === null) return;
    try {
      for (let computed = 0; computed < STOP_TOKENS; computed += tokens) {
        const step = steps.next();
        if (!step.done) continue;
        longRun = null;
        return answer(jobs, step.value, start);
      }
    } catch (cause) {
      longRun = null;
      isPumping = true;
      try {
        await tryAlone(base, jobs, cause);
      } finally {
        isPumping = false;
      }
    }
  }

  function answer(jobs: readonly Job[], states: States, start: number): void {
    const rows = jobs.map(({ row }) => row);
    stats.add(rows.length, tokensOf(rows), rows.length * longestOf(rows));
    const run = { ms: clock.now() - start };
    for (const [b, job] of jobs.entries()) {
      if (isDone(job)) continue; // cancelled
      job.run = run;
      settle(job, statesOfRow(states, b, job.row.ids.length));
    }
  }

  /** Rows of a run that failed run again one by one; a single one fails. */
  async function tryAlone(base: LoadedBase, jobs: readonly Job[], cause: unknown): Promise<void> {
    const left = jobs.filter((job) => !isDone(job));
    if (left.length === 0) return;
    const [first] = jobs;
    if (jobs.length === 1) return fail(first!, await failureOf(base, first!.row, cause));
    for (const job of left) {
      job.state = "waiting";
      job.isAlone = true;
    }
    queues = [{ base, jobs: left, isNew: false }, ...queues];
  }

  /** Forgets what is done and what is too late to be worth a run. */
  function dropFinished(): void {
    if (longRun?.jobs.every(isDone)) longRun = null;
    const now = clock.now();
    const msPerToken = RUN_SLACK * (admission?.msPerToken ?? 0);
    for (const queue of queues) {
      for (const job of queue.jobs) {
        // A row that has waited for others fails when its own run is forecast to end too late. A row
        // that has not is tried, since only a run can correct a wrong forecast.
        const runMs = runs > job.runsSeen ? job.row.ids.length * msPerToken : 0;
        if (job.state === "waiting" && now + runMs > job.deadlineAt) failLate(job);
      }
      queue.jobs = queue.jobs.filter((job) => job.state === "waiting");
    }
    queues = queues.filter(({ jobs }) => jobs.length > 0);
  }
}

const tokensOf = (rows: readonly Row[]): number =>
  rows.reduce((sum, { ids }) => sum + ids.length, 0);
const longestOf = (rows: readonly Row[]): number =>
  rows.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
