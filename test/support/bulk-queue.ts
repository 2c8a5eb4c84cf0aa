/**
 * A queue as hostile as Cloudflare's may be: messages come in any order, again, and to consumers that
 * end anywhere; after so many failed attempts a message is dead. Seeded, and without a clock.
 */
import { createConsumer } from "../../src/serve/bulk/consumer.ts";
import type { Consumer, ConsumerDeps, Delivery } from "../../src/serve/bulk/consumer.ts";
import { batchKey } from "../../src/serve/bulk/keys.ts";
import { toJson } from "../../src/serve/bulk/job.ts";
import type { Job } from "../../src/serve/bulk/job.ts";
import type { Message } from "../../src/serve/bulk/messages.ts";
import type { AnswerRows } from "../../src/serve/bulk/answered.ts";
import { memoryObjects } from "./memory-objects.ts";
import type { MemoryObjects } from "./memory-objects.ts";

export interface Bulk {
  readonly store: MemoryObjects;
  readonly logged: Record<string, unknown>[];
  readonly dead: Message[];
  /** Milliseconds of the clock. */
  time: number;
  /** Delivers messages until there is none that need not wait for hours. */
  drain(options?: DrainOptions): Promise<void>;
  send(...messages: Message[]): void;
  /** Ends the consumer that awaits this, without a word: nothing of it runs any more. */
  die(): Promise<never>;
}

export interface DrainOptions {
  /** Picks one of so many waiting messages. */
  readonly pick?: (count: number) => number;
  /** Whether a message that was handled is delivered once more. */
  readonly again?: () => boolean;
}

const MAX_ATTEMPTS = 6;
/** Whatever is to come later than this is not waited for. */
const SOON_S = 3_600;

export function bulkOf(answer: AnswerRows, more: Partial<ConsumerDeps> = {}): Bulk {
  const store = memoryObjects();
  const waiting: { body: Message; attempts: number; isDead: boolean }[] = [];
  const later: Message[] = [];
  const logged: Record<string, unknown>[] = [];
  const dead: Message[] = [];
  const makeConsumer = (): Consumer =>
    createConsumer({
      store,
      answer,
      sender: {
        async send(messages, delayS = 0) {
          for (const message of messages) {
            // Through JSON, as the queue carries it.
            const body = JSON.parse(JSON.stringify(message)) as Message;
            if (delayS > SOON_S) later.push(body);
            else waiting.push({ body, attempts: 0, isDead: false });
          }
        },
      },
      clock: { now: () => bulk.time, wait: async () => undefined },
      takeDropped: async () => undefined,
      log: (record) => logged.push(record),
      ...more,
    });
  let onDeath = (): void => undefined;
  const bulk: Bulk = {
    store,
    die: () => {
      onDeath();
      return new Promise(() => undefined);
    },
    logged,
    dead,
    time: 1_800_000_000_000,
    send: (...messages) =>
      waiting.push(...messages.map((body) => ({ body, attempts: 0, isDead: false }))),
    async drain({ pick = () => 0, again = () => false } = {}) {
      let consumer = makeConsumer();
      while (waiting.length > 0) {
        const [taken] = waiting.splice(pick(waiting.length), 1);
        const { body, attempts, isDead } = taken!;
        let isAcked = false;
        const ack = (): void => void (isAcked = true);
        const delivery: Delivery = { body, attempts: attempts + 1, ack, retry: () => undefined };
        const died = new Promise<"died">((resolve) => (onDeath = () => resolve("died")));
        const work = isDead ? consumer.bury([delivery]) : consumer.consume([delivery]);
        const how = await Promise.race([died, work]);
        if (how === "died") consumer = makeConsumer();
        if (isAcked && again()) waiting.push({ body, attempts: 0, isDead });
        if (isAcked) continue;
        const isLast = !isDead && attempts + 1 === MAX_ATTEMPTS;
        if (isLast) dead.push(body);
        waiting.push({ body, attempts: isLast ? 0 : attempts + 1, isDead: isDead || isLast });
      }
    },
  };
  return bulk;
}

export const BATCH = "batch_0test";

/** Puts a file and a job over it into the store. */
export async function putJob(
  { store, time }: Bulk,
  file: string | Uint8Array,
  more: Partial<Job> = {},
): Promise<Job> {
  const bytes = typeof file === "string" ? new TextEncoder().encode(file) : file;
  const created = Math.floor(time / 1000);
  const job: Job = {
    id: BATCH,
    created_at: created,
    expires_at: created + 86_400,
    endpoint: "/v1/tasks/mood/predict",
    input_file_id: "file-1",
    input_key: "bulk/data/file-1",
    bytes: bytes.length,
    completion_window: "24h",
    metadata: null,
    owner: null,
    tasks: null,
    rows: { kind: "jsonl" },
    task: "mood",
    parameters: {},
    versions: { mood: "0123456789ab" },
    ...more,
  };
  await store.create(job.input_key, bytes);
  await store.create(batchKey(job.id), toJson(job));
  return job;
}
