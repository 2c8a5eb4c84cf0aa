/**
 * Where artifacts are read from: a read-only view of an object store, small enough to implement over
 * R2, HTTP or a Map. Every read has a size limit, so that a wrong object cannot fill the isolate. Beside
 * it the store of whole files that a Worker passes on to its clients.
 */
export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/** An object that is read piece by piece. */
export interface StreamedObject {
  /**
   * Can be iterated once; leaving the loop ends the read. The bytes of a piece are there until the
   * next one is asked for: its memory may be used again. Throws UnavailableError
   * `bucket-unavailable` when the store fails on the way, LimitError `object-too-large` where the
   * store did not know the length before.
   */
  readonly pieces: AsyncIterable<Uint8Array>;
}

export interface ListedObject {
  readonly key: string;
  /** What `get` would say; null where the store's list does not tell. */
  readonly etag: string | null;
}

export interface ListPage {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

export interface Bucket {
  /**
   * The object at `key`, null when there is none, "unchanged" when its etag still is `knownEtag`.
   * Throws UnavailableError `bucket-unavailable` when the store cannot be asked, LimitError
   * `object-too-large` above `maxBytes`.
   */
  get(
    key: string,
    maxBytes: number,
    knownEtag?: string,
  ): Promise<StoredObject | "unchanged" | null>;
  /**
   * The object at `key` piece by piece, null when there is none; throws as `get` does.
   */
  stream(key: string, maxBytes: number): Promise<StreamedObject | null>;
  /** Objects whose keys start with `prefix`, by key: all, or at most `limit` after a given key. */
  list(prefix: string, page?: ListPage): Promise<ListedObject[]>;
}

export interface FileInfo {
  /** Length of the whole file. */
  readonly bytes: number;
  readonly etag: string;
}

/** A part of a file. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** A store that passes files on as they are: their bytes are not read here. */
export interface FileStore {
  /** Null when there is no such file. Throws UnavailableError `bucket-unavailable`. */
  head(key: string): Promise<FileInfo | null>;
  /** The file or a part of it, which must lie within; null and errors as for `head`. */
  open(key: string, range?: FileRange): Promise<(FileInfo & { body: ReadableStream }) | null>;
}
