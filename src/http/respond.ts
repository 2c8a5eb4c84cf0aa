/**
 * Predictions -> JSON, NDJSON or server-sent events, as the client's Accept header asks.
 *
 * Guarantees of a stream: a line leaves when its input is done; a failed input is a line of its own
 * and the rest goes on; the last line says how many there were; a client that goes away stops the
 * work. What fails as a whole after the first byte is told in-band, since the status has been sent.
 */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { InputError } from "../core/errors.ts";
import type { Prediction } from "../serve/predictor.ts";
import type { Problem } from "./problem.ts";

/** Media types that a predict request can be answered in; the first is the default. */
export const FORMATS = ["application/json", "application/x-ndjson", "text/event-stream"] as const;
export type Format = (typeof FORMATS)[number];

/** Chooses the answer's format. Throws InputError `not-acceptable` when none will do. */
export function negotiate(c: Context): Format {
  const chosen = accepts(c, {
    header: "Accept",
    supports: [...FORMATS],
    default: FORMATS[0],
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
      const best = FORMATS.filter((format) => qualityOf(format) > 0).sort(
        (a, b) => qualityOf(b) - qualityOf(a) || position(a) - position(b),
      );
      return best[0] ?? "";
    },
  });
  const format = FORMATS.find((item) => item === chosen);
  if (format) return format;
  throw new InputError(
    "not-acceptable",
    `accept: is ${JSON.stringify(c.req.header("accept")?.slice(0, 200))}, this route answers in ${FORMATS.join(", ")}`,
  );
}

/** How predictions are written in one streaming format. */
interface Writer {
  result(index: number, result: unknown): string;
  /** `index` is missing when the stream as a whole fails. */
  error(error: Problem, index?: number): string;
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
    result: (index, result) => line({ index, result }),
    error: (error, index) => line({ index, error }),
    done: (counts) => line(counts),
  },
  "text/event-stream": {
    result: (index, result) => event("result", { index, result }, index),
    error: (error, index) => event("error", { index, error }, index),
    done: (counts) => event("done", counts),
  },
};

/** Writes every prediction as one chunk of text, then the counts. */
export async function* writeStream(
  predictions: AsyncIterable<Prediction>,
  format: keyof typeof WRITERS,
  toProblem: (error: unknown) => Problem,
): AsyncGenerator<string> {
  const writer = WRITERS[format];
  let count = 0;
  let failed = 0;
  const counts = (done: boolean): Counts => ({ done, count, ...(failed > 0 ? { failed } : {}) });
  try {
    for await (const prediction of predictions) {
      count++;
      if ("error" in prediction) {
        failed++;
        yield writer.error(toProblem(prediction.error), prediction.index);
      } else {
        yield writer.result(prediction.index, prediction.result);
      }
    }
  } catch (error) {
    yield writer.error(toProblem(error));
    yield writer.done(counts(false));
    return;
  }
  yield writer.done(counts(true));
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
