/**
 * Answers -> JSON, NDJSON or server-sent events, as the client's Accept header asks.
 *
 * Guarantees of a stream: a line leaves when its input is done; a failed input is a line of its own
 * and the rest goes on; the last line says how many there were; a client that goes away stops the
 * work. What fails as a whole after the first byte is told in-band, since the status has been sent.
 */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { InputError } from "../../core/errors.ts";
import type { Problem } from "./problem.ts";

/** Media types that a predict request can be answered in; the first is the default. */
export const FORMATS = ["application/json", "application/x-ndjson", "text/event-stream"] as const;
export type Format = (typeof FORMATS)[number];

/** Chooses the answer's format. Throws InputError `not-acceptable` when none will do. */
export function negotiate(c: Context): Format {
  const format = preferred(c, FORMATS);
  if (format) return format;
  throw new InputError(
    "not-acceptable",
    `accept: is ${JSON.stringify(c.req.header("accept")?.slice(0, 200))}, this route answers in ${FORMATS.join(", ")}`,
  );
}

/**
 * The media type that the request's Accept header likes best: by its quality, then by its place in
 * the header, then by its place in `formats`. Without a header it is the first; undefined when none will do.
 */
export function preferred<T extends string>(c: Context, formats: readonly T[]): T | undefined {
  const chosen = accepts(c, {
    header: "Accept",
    supports: [...formats],
    default: formats[0] ?? "",
    match: (ranges) => {
      const qualityOf = (format: string): number => {
        const [type] = format.split("/");
        const match = [format, `${type}/*`, "*/*"]
          .map((range) => ranges.find((item) => item.type.toLowerCase() === range))
          .find((item) => item !== undefined);
        return match?.q ?? 0;
      };
      const position = (format: string): number => {
        const at = ranges.findIndex((item) => item.type.toLowerCase() === format);
        return at === -1 ? ranges.length : at;
      };
      const best = formats
        .filter((format) => qualityOf(format) > 0)
        .sort((a, b) => qualityOf(b) - qualityOf(a) || position(a) - position(b));
      return best[0] ?? "";
    },
  });
  return formats.find((format) => format === chosen);
}

/** What a stream tells of one input: its answer, with any fields; its failure; how far it is. */
export type StreamItem = { readonly index: number } & Readonly<Record<string, unknown>>;

/** How items are written in one streaming format. */
interface Writer {
  result(item: StreamItem): string;
  /** Empty where the format has no place for it. */
  progress(item: StreamItem): string;
  /** `index` is missing when the stream as a whole fails. */
  error(item: { readonly index?: number; readonly error: Problem }): string;
  done(counts: Counts): string;
}

/** The last line: `done` is false when inputs are left without an answer. */
interface Counts {
  readonly done: boolean;
  readonly count: number;
  readonly failed?: number;
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
const event = (name: string, value: unknown, id?: number): string =>
  `event: ${name}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(value)}\n\n`;

const WRITERS: Record<Exclude<Format, "application/json">, Writer> = {
  "application/x-ndjson": {
    result: line,
    progress: () => "",
    error: line,
    done: line,
  },
  "text/event-stream": {
    result: (item) => event("result", item, item.index),
    // Without an id: a client that resumes asks for what follows a result.
    progress: (item) => event("progress", item),
    error: (item) => event("error", item, item.index),
    done: (counts) => event("done", counts),
  },
};

/** Writes every item as one chunk of text, then the counts. */
export async function* writeStream(
  items: AsyncIterable<StreamItem>,
  format: keyof typeof WRITERS,
  toProblem: (error: unknown) => Problem,
): AsyncGenerator<string> {
  const writer = WRITERS[format];
  let count = 0;
  let failed = 0;
  const counts = (done: boolean): Counts => ({ done, count, ...(failed > 0 ? { failed } : {}) });
  try {
    for await (const item of items) {
      if ("progress" in item) {
        const chunk = writer.progress(item);
        if (chunk !== "") yield chunk;
        continue;
      }
      count++;
      if ("error" in item) {
        failed++;
        yield writer.error({ ...item, error: toProblem(item["error"]) });
      } else {
        yield writer.result(item);
      }
    }
  } catch (error) {
    yield writer.error({ error: toProblem(error) });
    yield writer.done(counts(false));
    return;
  }
  yield writer.done(counts(true));
}

/** Proxies and clients give up on a connection that is silent for long, often after a minute. */
const HEARTBEAT_MS = 10_000;
/** A comment: to a client of server-sent events it is nothing. */
const HEARTBEAT = ": waiting\n\n";

/** Chunks of server-sent events with a comment now and then while the next one takes long. */
export async function* withHeartbeat(
  chunks: AsyncGenerator<string>,
  wait: (ms: number) => Promise<void>,
): AsyncGenerator<string> {
  // One timer at a time, however many chunks pass by.
  let beat: Promise<null> | undefined;
  let next: Promise<IteratorResult<string>> | undefined;
  try {
    for (;;) {
      next ??= chunks.next();
      beat ??= wait(HEARTBEAT_MS).then(() => null);
      const first = await Promise.race([next, beat]);
      if (first === null) {
        beat = undefined;
        yield HEARTBEAT;
      } else if (first.done) {
        return;
      } else {
        next = undefined;
        yield first.value;
      }
    }
  } finally {
    await chunks.return(undefined);
  }
}

export interface StreamOptions {
  /** The clock's: without a wait of 0 between chunks nothing is sent before everything is computed. */
  readonly wait: (ms: number) => Promise<void>;
  /** Stops the work; called once when the reader leaves early. */
  readonly onCancel: () => Promise<unknown>;
  /** Called once, whichever way the stream ends. */
  readonly onEnd: () => void;
}

/** A body that is computed as it is read, one chunk per pull and none ahead. */
export function streamOf(
  chunks: AsyncGenerator<string>,
  { wait, onCancel, onEnd }: StreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isCancelled = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await wait(0);
        const next = await chunks.next();
        if (isCancelled) return;
        if (!next.done) {
          controller.enqueue(encoder.encode(next.value));
          return;
        }
        controller.close();
        onEnd();
      },
      async cancel() {
        isCancelled = true;
        await onCancel();
        await chunks.return(undefined);
        onEnd();
      },
    },
    { highWaterMark: 0 },
  );
}
