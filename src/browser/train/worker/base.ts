/** The base of a Worker or a static folder with all of its files in memory, for training. */
import { UnavailableError } from "../../../core/errors.ts";
import { baseKey, blobKey } from "../../../core/format/keys.ts";
import { checkFile, readBaseManifest } from "../../../core/format/manifest.ts";
import type { FileRef } from "../../../core/format/manifest.ts";
import { MAX_POINTER_BYTES, hashOf, readBasePointer } from "../../../core/format/pointer.ts";
import { MANIFEST, graphFilesOf } from "../../../encoder/base.ts";
import type { Base } from "../../../encoder/base.ts";
import type { Bucket } from "../../../serve/bucket/bucket.ts";
import type { LoadProgress } from "../../calls.ts";
import { sha256 } from "../../worker/host.ts";

const MAX_MANIFEST_BYTES = 1_000_000;

/**
 * Reads the base `name`, each file checked against its hash; yields how much has arrived. Throws
 * UnavailableError `base-not-found`, and what the bucket and the readers throw.
 */
export async function* readBase(
  bucket: Bucket,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<LoadProgress, Base> {
  const pointer = readBasePointer(await read(bucket, baseKey(name), MAX_POINTER_BYTES), name);
  const key = blobKey(hashOf(pointer.manifest));
  const manifestBytes = await read(bucket, key, MAX_MANIFEST_BYTES);
  const manifest = await readBaseManifest(manifestBytes, sha256, key);
  const files = new Map([[MANIFEST, manifestBytes]]);
  const refs = Object.entries(manifest.files);
  const total = refs.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  let arrived = 0;
  for (const [file, ref] of refs) {
    const whole = new Uint8Array(ref.bytes);
    let at = 0;
    for await (const piece of piecesOf(bucket, ref)) {
      signal.throwIfAborted();
      whole.set(piece, at);
      at += piece.byteLength;
      yield { bytes: arrived + at, total };
    }
    arrived += ref.bytes;
    await checkFile(file, whole.subarray(0, at), ref, sha256);
    files.set(file, whole);
  }
  return { manifest, files, graphFiles: graphFilesOf(manifest, files) };
}

async function* piecesOf(bucket: Bucket, { sha256: hash, bytes }: FileRef) {
  const object = await bucket.stream(blobKey(hash), bytes);
  if (!object) throw notFound(blobKey(hash));
  yield* object.pieces;
}

async function read(bucket: Bucket, key: string, maxBytes: number): Promise<Uint8Array> {
  const object = await bucket.get(key, maxBytes);
  if (object === null || object === "unchanged") throw notFound(key);
  return object.bytes;
}

const notFound = (key: string): UnavailableError =>
  new UnavailableError("base-not-found", `files/${key}: is not there, and the base needs it`);
