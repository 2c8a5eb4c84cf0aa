/**
 * Messages whose every attempt failed. The letter is kept. Of a range, the first row without a part is
 * what the attempts died of: it becomes an error, and the rest is sent again. A range in which that
 * happens several times is given up as a whole, since then no single row is at fault.
 */
import { UnavailableError } from "../../core/errors.ts";
import type { ObjectStore } from "../bucket/object-store.ts";
import { lineOf } from "./answered.ts";
import { deadKey, planKey } from "./keys.ts";
import { toJson } from "./job.ts";
import type { Job, Plan } from "./job.ts";
import type { Message, RangeMessage, Sender } from "./messages.ts";
import { firstGap, startPart, writePart } from "./parts.ts";
import { LINES } from "./records.ts";
import { bytesToRead, readRows } from "./rows.ts";

/** Rows of a range that may each cost a row of attempts. */
const MAX_DEATHS = 3;

interface Deps {
  readonly store: ObjectStore;
  readonly sender: Sender;
  readonly now: () => number;
}

/** Keeps the letter, and lets the job go on without what it died of. */
export async function buryMessage(
  deps: Deps,
  job: Job,
  plan: Plan | null,
  message: Message,
): Promise<void> {
  const { store, now } = deps;
  const at = message.kind === "range" ? message.start : 0;
  await store.create(deadKey(job.id, at), toJson({ message, at: now() }));
  if (message.kind === "range" && plan) await buryRange(deps, job, plan, message);
  if (message.kind === "plan" && plan === null) {
    const problem = { code: "plan-failed", message: "the file could not be read in any attempt" };
    const rest = { at: now(), rows: 0, ranges: 0, start: 0, line: 1, format: LINES, columns: null };
    await store.create(planKey(job.id), toJson({ ...rest, problem } satisfies Plan));
  }
}

async function buryRange(
  { store, sender }: Deps,
  job: Job,
  plan: Plan,
  message: RangeMessage,
): Promise<void> {
  const { end } = message;
  const { start, line } = await firstGap(store, job.id, message);
  if (start >= end) return;
  const length = bytesToRead(start, end);
  const bytes = await store.read(job.input_key, { offset: start, length });
  const part = startPart(start, line);
  const error = new UnavailableError(
    "row-given-up",
    "row: was not answered in any attempt; send it again in another batch",
  );
  for (const row of bytes ? readRows(bytes, { start, end, line }, job, plan) : []) {
    part.errors.push(lineOf(job, row, { error }).text);
    part.end = row.end;
    part.nextLine = row.nextLine;
    if (message.deaths < MAX_DEATHS) break;
  }
  if (part.end === start || message.deaths >= MAX_DEATHS) part.end = end;
  await writePart(store, job.id, part);
  if (part.end >= end) return;
  await sender.send([
    { ...message, start: part.end, line: part.nextLine, deaths: message.deaths + 1 },
  ]);
}
