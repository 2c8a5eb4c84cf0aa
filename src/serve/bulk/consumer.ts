/**
 * What is done with the messages of a queue. Every message may be delivered any number of times, in
 * any order, to several consumers at once; and a consumer may end anywhere in the middle.
 */
import type { Clock } from "../../core/clock.ts";
import { EdgePrefixError, FormatError, InputError } from "../../core/errors.ts";
import type { ObjectStore } from "../bucket/object-store.ts";
import type { AnswerRows } from "./answered.ts";
import { buryMessage } from "./dead-letters.ts";
import { finishJob } from "./finish.ts";
import { readPlan, requireJob } from "./job.ts";
import type { Job, Plan } from "./job.ts";
import { readMessage } from "./messages.ts";
import type { DroppedFile, Message, Sender } from "./messages.ts";
import { planJob } from "./planner.ts";
import { runRange } from "./run-range.ts";

/** A delivered message, as the platform hands it over. */
export interface Delivery {
  readonly body: unknown;
  /** 1 the first time. */
  readonly attempts: number;
  ack(): void;
  retry(options?: { delaySeconds?: number }): void;
}

export interface ConsumerDeps {
  readonly store: ObjectStore;
  readonly sender: Sender;
  readonly answer: AnswerRows;
  readonly clock: Clock;
  /** Makes a job of a file that was dropped into the bucket. */
  readonly takeDropped: (file: DroppedFile) => Promise<void>;
  /** Seconds until a message that has failed so many times is delivered again. */
  readonly retryAfterS?: ((attempts: number) => number) | undefined;
  log(record: Record<string, unknown>): void;
}

export interface Consumer {
  /** Handles messages one after the other. */
  consume(messages: readonly Delivery[]): Promise<void>;
  /** The same for messages whose every attempt has failed. */
  bury(messages: readonly Delivery[]): Promise<void>;
}

/**
 * How long a call works before it leaves the rest to another: a third of the CPU time that a consumer
 * may have (five minutes), since a clock that stands still during computation shows less than was used.
 */
const BUDGET_MS = 100_000;
/** Seconds until a failed message is delivered again: 5, 20, 80, 320, then every ten minutes. */
const backoffS = (attempts: number): number => Math.min(600, 5 * 4 ** (attempts - 1));
/** With more ranges than fit on a page of a list, only a message of its own looks whether all is done. */
const MAX_LISTED = 1_000;
/** How often that message looks. */
const LOOK_S = 20;
/** A message may wait for twelve hours at most. */
const MAX_DELAY_S = 43_200;

export function createConsumer(deps: ConsumerDeps): Consumer {
  const { store, sender, clock, log, retryAfterS = backoffS } = deps;
  const now = (): number => Math.floor(clock.now() / 1000);
  const planDeps = { store, sender, now };
  /** The job that was worked on last: most messages in a row are of one. */
  let last: { readonly job: Job; plan: Plan | null } | null = null;

  async function openJob(id: string): Promise<{ job: Job; plan: Plan | null }> {
    if (last?.job.id !== id) last = { job: await requireJob(store, id), plan: null };
    last.plan ??= await readPlan(store, id);
    return last;
  }

  async function handle(message: Message, attempts: number, until: number): Promise<void> {
    const { job, plan } = await openJob(message.batch);
    if (message.kind === "plan") {
      const { ranges, rows, problem } = await planJob(planDeps, job);
      log({ event: "bulk-plan", batch: job.id, rows, ranges, code: problem?.code });
      await finishOrLook(job, ranges);
    } else if (message.kind === "finish") await finishOrLook(job, plan?.ranges ?? 0);
    else {
      // Messages are sent once there is a plan.
      if (plan === null) throw new FormatError("bulk-corrupt", `batch "${job.id}": has no plan`);
      const startedAt = clock.now();
      const result = await runRange(deps, { job, plan, message, attempts, until });
      const ms = clock.now() - startedAt;
      log({ event: "bulk-range", batch: job.id, start: message.start, attempts, ...result, ms });
      if (plan.ranges <= MAX_LISTED && (await finishJob(planDeps, job))) logDone(job);
    }
  }

  /** Ends the job if it is at its end, or looks again later. */
  async function finishOrLook(job: Job, ranges: number): Promise<void> {
    if (await finishJob(planDeps, job)) return logDone(job);
    const leftS = Math.max(1, job.expires_at + 1 - now());
    const waitS = ranges > MAX_LISTED ? LOOK_S : MAX_DELAY_S;
    await sender.send([{ kind: "finish", batch: job.id }], Math.min(leftS, waitS));
  }

  const logDone = (job: Job): void => log({ event: "bulk-done", batch: job.id });

  async function each(
    messages: readonly Delivery[],
    work: (message: Message, attempts: number) => Promise<void>,
  ): Promise<void> {
    for (const delivery of messages) {
      const { body, attempts } = delivery;
      try {
        const message = readMessage(body);
        if ("etag" in message) await deps.takeDropped(message);
        else await work(message, attempts);
        delivery.ack();
      } catch (error) {
        const code = error instanceof EdgePrefixError ? error.code : "internal";
        log({ level: "error", event: "bulk-failed", code, error: String(error), attempts, body });
        if (isHopeless(error)) delivery.ack();
        else delivery.retry({ delaySeconds: retryAfterS(attempts) });
      }
    }
  }

  return {
    async consume(messages) {
      const until = clock.now() + BUDGET_MS;
      await each(messages, async (message, attempts) => {
        // Sent again instead of retried: nothing has failed.
        if (clock.now() > until) await sender.send([message]);
        else await handle(message, attempts, until);
      });
    },
    async bury(messages) {
      await each(messages, async (message) => {
        const { job, plan } = await openJob(message.batch);
        await buryMessage(planDeps, job, plan, message);
        log({ level: "error", event: "bulk-dead", message });
        if (await finishJob(planDeps, job)) logDone(job);
      });
    },
  };
}

/** No later attempt can change what was sent, or bring back what was deleted. */
const HOPELESS = ["message-invalid", "batch-not-found", "task-not-found", "prefix-base-mismatch"];

const isHopeless = (error: unknown): boolean =>
  error instanceof InputError ||
  (error instanceof EdgePrefixError && HOPELESS.includes(error.code));
