/**
 * Every bucket key of bulk jobs, spelled once, and the ids that they are made of. All of it lies below
 * one prefix, so that one lifecycle rule lets it expire.
 *
 *   bulk/files/<file>.json        what a file is            bulk/data/<file>      its bytes
 *   bulk/uploads/<upload>/..      parts that become a file
 *   bulk/batches/<batch>.json     a job, as it was asked for
 *   bulk/work/<batch>/..          plan, pins, parts, errors, dead letters, cancel, joined, done
 */

const BULK_PREFIX = "bulk/";
/** Objects that others put there, which a job may read as they are. */
export const INBOX_PREFIX = "inbox/";

export const FILES_PREFIX = `${BULK_PREFIX}files/`;
export const BATCHES_PREFIX = `${BULK_PREFIX}batches/`;

export const fileKey = (id: string): string => `${FILES_PREFIX}${id}.json`;
export const dataKey = (id: string): string => `${BULK_PREFIX}data/${id}`;
export const uploadKey = (id: string): string => `${uploadPrefix(id)}upload.json`;
export const uploadPrefix = (id: string): string => `${BULK_PREFIX}uploads/${id}/`;
export const uploadPartKey = (id: string, part: string): string => `${uploadPrefix(id)}${part}`;
export const batchKey = (id: string): string => `${BATCHES_PREFIX}${id}.json`;

const workKey = (batch: string, name: string): string => `${BULK_PREFIX}work/${batch}/${name}`;
export const planKey = (batch: string): string => workKey(batch, "plan.json");
export const cancelKey = (batch: string): string => workKey(batch, "cancel.json");
export const doneKey = (batch: string): string => workKey(batch, "done.json");
export const pinKey = (batch: string, task: string): string => workKey(batch, `pins/${task}.json`);
export const partsPrefix = (batch: string): string => workKey(batch, "parts/");
/** A part is named by the byte of the file at which it begins: two parts never overlap. */
export const partKey = (batch: string, start: number): string =>
  `${partsPrefix(batch)}${offsetName(start)}`;
/** What failed in a part, by where it begins and the SHA-256 of these lines. */
export const errorsKey = (batch: string, start: number, hash: string): string =>
  workKey(batch, `errors/${offsetName(start)}-${hash}`);
/** Which parts a job that was stopped early ends with. */
export const joinedKey = (batch: string): string => workKey(batch, "joined.json");
/** Which job was made of a dropped file, by its key and what is in it. */
export const droppedKey = (key: string, etag: string): string =>
  `${BULK_PREFIX}dropped/${encodeURIComponent(key)}-${encodeURIComponent(etag)}.json`;
export const deadPrefix = (batch: string): string => workKey(batch, "dead/");
export const deadKey = (batch: string, start: number): string =>
  `${deadPrefix(batch)}${offsetName(start)}.json`;

/** The byte at which the part of a key begins. */
export const startOfPart = (key: string): number => Number(key.slice(key.lastIndexOf("/") + 1));

/** Names sort as the numbers do; R2's largest object has 13 digits. */
const offsetName = (offset: number): string => String(offset).padStart(15, "0");

/** The ids of a job's two results are made of its own, so that they need no list. */
export const outputFileId = (batch: string): string => batch.replace(/^batch_/, "file-out-");
export const errorFileId = (batch: string): string => batch.replace(/^batch_/, "file-err-");

export type IdKind = "file-" | "batch_" | "upload_" | "part_";

const ID = /^(?:file-(?:out-|err-)?|batch_|upload_|part_)[0-9a-z]{1,80}$/;

/** Whether a text from outside may be an id of this kind, and so a part of a key. */
export const isId = (kind: IdKind, id: string): boolean => id.startsWith(kind) && ID.test(id);

/** Later times have smaller names, so that lists begin with what is newest. */
const LAST_MS = 9_999_999_999_999;

/** An id of its time, which sorts before older ones; `random` is letters and digits. */
export const newId = (kind: IdKind, nowMs: number, random: string): string =>
  `${kind}${String(LAST_MS - nowMs).padStart(13, "0")}${random}`;
