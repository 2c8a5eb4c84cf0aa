/** What is sent through the queue: small, and never a row. */
import { FormatError } from "../../core/errors.ts";
import { isId } from "./keys.ts";

export type Message =
  /** Cut the file into ranges and send one message for each that has no part yet. */
  | { readonly kind: "plan"; readonly batch: string }
  /** Answer the rows in bytes [start, end) of the file, which begin with line `line`. */
  | {
      readonly kind: "range";
      readonly batch: string;
      readonly start: number;
      readonly end: number;
      readonly line: number;
      /** Rows of it that were given up because every attempt died of them. */
      readonly deaths: number;
    }
  /** Join the parts if all are there, or if the job was cancelled or has expired. */
  | { readonly kind: "finish"; readonly batch: string };

export type RangeMessage = Extract<Message, { kind: "range" }>;

/** A file that an R2 event notification tells of. */
export interface DroppedFile {
  readonly key: string;
  readonly etag: string;
  readonly bytes: number;
}

/** Sends messages; `delayS` seconds later than now. */
export interface Sender {
  send(messages: readonly Message[], delayS?: number): Promise<void>;
}

/** Cloudflare's queue binding, as far as it is used. */
export interface QueueBinding {
  sendBatch(
    messages: readonly { readonly body: unknown; readonly contentType: "json" }[],
    options?: { readonly delaySeconds?: number },
  ): Promise<unknown>;
}

/** Cloudflare's limit is 100 messages or 256 kB; one of ours has less than 250 bytes. */
const MAX_MESSAGES = 100;

export function queueSender(queue: QueueBinding): Sender {
  return {
    async send(messages, delayS = 0) {
      for (let i = 0; i < messages.length; i += MAX_MESSAGES) {
        const some = messages.slice(i, i + MAX_MESSAGES);
        const options = delayS === 0 ? {} : { delaySeconds: delayS };
        await queue.sendBatch(
          some.map((body) => ({ body, contentType: "json" })),
          options,
        );
      }
    },
  };
}

/**
 * Reads the body of a message: one of ours, or R2's event of an object that was put into the bucket.
 * Throws FormatError `message-invalid`, which no later attempt can change.
 */
export function readMessage(body: unknown): Message | DroppedFile {
  const fields: Record<string, unknown> = typeof body === "object" && body ? { ...body } : {};
  const { kind, batch, start, end, line, deaths = 0, object } = fields;
  if (typeof batch === "string" && isId("batch_", batch)) {
    if (kind === "plan" || kind === "finish") return { kind, batch };
    const isRange = kind === "range" && isCount(start) && isCount(end) && isCount(line);
    if (isRange && isCount(deaths) && start < end) return { kind, batch, start, end, line, deaths };
  }
  if (typeof object === "object" && object !== null) {
    const { key, eTag: etag, size: bytes }: Record<string, unknown> = { ...object };
    if (typeof key === "string" && typeof etag === "string" && isCount(bytes)) {
      return { key, etag, bytes };
    }
  }
  throw new FormatError("message-invalid", "message: is neither one of ours nor an event of R2");
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
