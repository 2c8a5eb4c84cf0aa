/**
 * A store of objects that bulk jobs read and write: the read-only `Bucket` is enough for answers, a
 * job also writes. Every write creates an object; only an upload's own parts are ever replaced.
 */
import type { FileRange, ListPage } from "./bucket.ts";

/** Short texts that are kept beside an object and told by its list. */
export type Facts = Readonly<Record<string, string>>;

export interface KeptObject {
  readonly key: string;
  readonly bytes: number;
  readonly facts: Facts;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
}

/** One object that is written in several parts. */
export interface PartedWrite {
  /** Parts have the same length, of 5 MiB at least; only the last may be shorter. */
  append(bytes: Uint8Array): Promise<void>;
  /** Puts the object in its place, over one that is there. */
  complete(): Promise<void>;
  /** Gives up what has been written. */
  abort(): Promise<void>;
}

/** Every method throws UnavailableError `bucket-unavailable` when the store cannot be asked. */
export interface ObjectStore {
  /** What is known of an object without its bytes; null when there is none. */
  head(key: string): Promise<KeptObject | null>;
  /** The bytes of an object or of a range of it, which must lie within; null when there is none. */
  read(key: string, range?: FileRange): Promise<Uint8Array | null>;
  /** The same as a stream that is passed on unread. */
  open(key: string): Promise<{ readonly bytes: number; readonly body: ReadableStream } | null>;
  /** Writes an object unless there is one; false when there is. */
  create(key: string, bytes: Uint8Array, facts?: Facts): Promise<boolean>;
  /** Begins an object that is too long for memory. */
  write(key: string): Promise<PartedWrite>;
  /** Objects whose keys start with `prefix`, by key: all, or at most `limit` after a given key. */
  list(prefix: string, page?: ListPage): Promise<KeptObject[]>;
  /** Deletes objects; those that are not there are no error. */
  delete(keys: readonly string[]): Promise<void>;
}
