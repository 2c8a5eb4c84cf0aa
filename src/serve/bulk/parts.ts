/**
 * Parts: what became of bytes [start, end) of the file, written once and never again. A part is named
 * by where it begins, and each but the first begins where another ends; so parts never overlap however
 * often a message is delivered, and the first writer decides where a part ends.
 *
 * Failed rows stand in an object of their own, which is written before the part. Its name holds a hash
 * of its lines, and the part keeps that hash: two attempts at the same bytes may fail at different rows,
 * and only the errors of the attempt that wrote the part count.
 */
import { encodeUtf8 } from "../../core/text.ts";
import type { KeptObject, ObjectStore } from "../bucket/object-store.ts";
import { sha256 } from "../sha256.ts";
import { errorsKey, partKey, partsPrefix, startOfPart } from "./keys.ts";

/** What a list tells of a part. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** Number of the line at `end`. */
  readonly nextLine: number;
  readonly completed: number;
  readonly failed: number;
  /** Key of the lines of failed rows; null where none failed. */
  readonly errorsKey: string | null;
}

/** Rows on their way into a part. */
export interface OpenPart {
  readonly start: number;
  end: number;
  nextLine: number;
  readonly output: string[];
  readonly errors: string[];
}

export const startPart = (start: number, line: number): OpenPart => ({
  start,
  end: start,
  nextLine: line,
  output: [],
  errors: [],
});

/** Writes a part; false when another consumer was first, whose part counts. */
export async function writePart(
  store: ObjectStore,
  batch: string,
  { start, end, nextLine, output, errors }: OpenPart,
): Promise<boolean> {
  const failures = linesOf(errors);
  const hash = errors.length > 0 ? await sha256(failures) : null;
  if (hash !== null) await store.create(errorsKey(batch, start, hash), failures);
  return store.create(partKey(batch, start), linesOf(output), {
    end: String(end),
    line: String(nextLine),
    completed: String(output.length),
    failed: String(errors.length),
    ...(hash === null ? {} : { errors: hash }),
  });
}

const linesOf = (lines: readonly string[]): Uint8Array =>
  encodeUtf8(lines.map((line) => `${line}\n`).join(""));

function toPart(batch: string, { key, facts }: KeptObject): Part {
  const start = startOfPart(key);
  const hash = facts["errors"];
  return {
    start,
    end: Number(facts["end"]),
    nextLine: Number(facts["line"]),
    completed: Number(facts["completed"]),
    failed: Number(facts["failed"]),
    errorsKey: hash === undefined ? null : errorsKey(batch, start, hash),
  };
}

/** All parts of a job, in the order of the file. */
export const listParts = async (store: ObjectStore, batch: string): Promise<Part[]> =>
  (await store.list(partsPrefix(batch))).map((object) => toPart(batch, object));

/** Where work on a range begins: behind the parts that it has. */
export async function firstGap(
  store: ObjectStore,
  batch: string,
  range: { readonly start: number; readonly end: number; readonly line: number },
): Promise<{ start: number; line: number }> {
  let { start, line } = range;
  while (start < range.end) {
    const found = await store.head(partKey(batch, start));
    if (found === null) break;
    const part = toPart(batch, found);
    [start, line] = [part.end, part.nextLine];
  }
  return { start, line };
}

/** Rows of a job by what became of them, and whether parts cover the file from `from` to `to`. */
export function sumParts(
  parts: readonly Part[],
  from: number,
  to: number,
): { completed: number; failed: number; bytes: number; isWhole: boolean } {
  const sums = { completed: 0, failed: 0, bytes: 0 };
  let at = from;
  for (const { start, end, completed, failed } of parts) {
    sums.completed += completed;
    sums.failed += failed;
    sums.bytes += end - start;
    if (start === at) at = end;
  }
  return { ...sums, isWhole: at >= to };
}
