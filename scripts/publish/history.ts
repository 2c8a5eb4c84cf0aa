/**
 * One line a change of a task or base: who, what, when, from where. Lines are objects of their own
 * below history/, which are only ever added, so two writers at once lose none.
 */
import { randomBytes } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { FormatError } from "../../src/core/errors.ts";
import type { Seal } from "../../src/core/signing/seal.ts";
import { readSeal, verifySeal } from "../../src/core/signing/seal.ts";
import type { PublicKey } from "../../src/core/signing/keys.ts";
import { readRecord } from "../../src/core/record.ts";
import { encodeUtf8, parseJson } from "../../src/core/text.ts";
import { verifyEcdsa } from "../../src/serve/ecdsa.ts";
import { readable } from "./bucket.ts";
import type { PublishBucket } from "./bucket.ts";
import { sealed } from "./sealing.ts";
import type { Sealing } from "./sealing.ts";

export interface Change {
  /** A task, or `base:` and the name of a base. */
  readonly name: string;
  readonly action: string;
  /** What is current now; null where nothing is. */
  readonly version: string | null;
  readonly previous: string | null;
}

export interface HistoryLine extends Change {
  readonly at: string;
  /** User and host, as they call themselves. */
  readonly from: string;
  readonly seal?: Seal;
}

const prefixOf = (name: string): string => `history/${name.replace(":", "/")}/`;

/** Adds a line; sealed where a key is given. */
export async function recordChange(
  bucket: PublishBucket,
  change: Change,
  sealing: Sealing | undefined,
  now: Date = new Date(),
): Promise<void> {
  const at = now.toISOString();
  const line: HistoryLine = { ...change, at, from: place() };
  // A line is true for ever, whatever time its pointer has.
  const record = sealing ? sealed(line, null, { ...sealing, goodForMs: null }) : line;
  const key = `${prefixOf(change.name)}${at}-${randomBytes(4).toString("hex")}.json`;
  await bucket.putIf(key, encodeUtf8(`${JSON.stringify(record)}\n`), null);
}

function place(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname(); // a container may run as a user without a name
  }
}

/** A line and whether one of the keys has sealed it; `isSigned` is null where no keys were given. */
export interface ReadLine {
  readonly key: string;
  /** null where it cannot be read: whatever is below history/ may be any writer's. */
  readonly line: HistoryLine | null;
  readonly isSigned: boolean | null;
}

/** The lines of a task or base, oldest first by their keys. */
export async function readHistory(
  bucket: PublishBucket,
  name: string,
  keys: readonly PublicKey[] | null,
): Promise<ReadLine[]> {
  const lines: ReadLine[] = [];
  const listed = await bucket.list(prefixOf(name));
  for (const { key } of listed.sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const object = await bucket.get(key);
    if (!object) continue;
    const line = readable(() => readLine(object.bytes, key));
    const isOwn = line?.name === name;
    const isSigned = keys && isOwn && (await isSealed(parseJson(object.bytes, key), keys, key));
    lines.push({ key, line, isSigned });
  }
  return lines;
}

/** Throws FormatError `history-invalid`, `signature-invalid` or `json-invalid`. */
function readLine(bytes: Uint8Array, key: string): HistoryLine {
  const value = parseJson(bytes, key);
  const r = readRecord(value, key, "history-invalid");
  const seal = readSeal(value, key);
  const optional = (field: string): string | null => (r.has(field) ? r.string(field) : null);
  return {
    name: r.string("name"),
    action: r.string("action"),
    version: optional("version"),
    previous: optional("previous"),
    at: r.string("at"),
    from: r.string("from"),
    ...(seal ? { seal } : {}),
  };
}

async function isSealed(value: unknown, keys: readonly PublicKey[], key: string): Promise<boolean> {
  try {
    await verifySeal(value, keys, verifyEcdsa, key);
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
