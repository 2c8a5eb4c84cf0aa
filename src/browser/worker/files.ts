/** What a Worker or a static folder gives out, as a bucket. */
import {
  FILES_INDEX_KEY,
  MAX_FILES_INDEX_BYTES,
  readFilesIndex,
} from "../../core/format/files-index.ts";
import { UnavailableError } from "../../core/errors.ts";
import type { Bucket } from "../../serve/bucket/bucket.ts";
import { httpBucket } from "../../serve/bucket/http.ts";
import { sha256 } from "./host.ts";
import { keptFiles, openFileCache } from "./kept-files.ts";

export interface ServedFiles {
  readonly files: Bucket;
  /** Settles when what was read is kept for a time without a network. */
  readonly settled: () => Promise<void>;
}

/** The files at an address with a slash at its end; a Worker may ask for a key. */
export async function filesAt(from: string, apiKey: string | null): Promise<ServedFiles> {
  const kept = keptFiles(`${from}files/`, await openFileCache(), sha256, (url, init) =>
    fetch(url, init),
  );
  const key = apiKey === null ? {} : { apiKey };
  return { files: httpBucket({ from, sha256, fetch: kept.fetch, ...key }), settled: kept.settled };
}

/** Name of the base that is served. Throws UnavailableError `files-not-found` where there are no files. */
export async function baseOf(files: Bucket, from: string): Promise<string> {
  const found = await files.get(FILES_INDEX_KEY, MAX_FILES_INDEX_BYTES);
  if (found === null || found === "unchanged") {
    throw new UnavailableError(
      "files-not-found",
      `${from}: has no files/${FILES_INDEX_KEY}; expected the address of a Worker that gives out its files (SERVE_FILES), or of a folder that "edge-prefix bundle" wrote`,
    );
  }
  return readFilesIndex(found.bytes).base;
}
