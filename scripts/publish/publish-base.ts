/**
 * Publishes a base folder: every file that its manifest lists, then the manifest, then the pointer.
 * Readers see nothing of it before the pointer moves, so a killed upload changes nothing.
 */
import { join } from "node:path";
import { NotFoundError } from "../../src/core/errors.ts";
import { baseKey, blobKey } from "../../src/core/format/keys.ts";
import { checkFile, readBaseManifest } from "../../src/core/format/manifest.ts";
import type { BaseManifest, FileRef } from "../../src/core/format/manifest.ts";
import { hashOf, readBasePointer } from "../../src/core/format/pointer.ts";
import type { BasePointer } from "../../src/core/format/pointer.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { ensureBlob, readable, sleep, updatePointer } from "./bucket.ts";
import { believedSeal, sealed, signatureNeeded } from "./sealing.ts";
import type { Sealing } from "./sealing.ts";
import { signatureToPush } from "./sign-folder.ts";
import { sha256, sha256Hex } from "../node/hash.ts";
import type { PublishBucket, Wait } from "./bucket.ts";
import { readFileOf } from "../node/files.ts";
import { mapLimited } from "../../src/core/concurrency.ts";

/** Enough to fill a line that one connection does not, and at most this many files in memory. */
const UPLOADS_AT_ONCE = 4;

export interface PublishedBase {
  readonly name: string;
  readonly identity: string;
  /** Blobs that were not in the bucket yet. */
  readonly uploaded: number;
  readonly isChanged: boolean;
}

/** A base folder's manifest and its bytes; throws NotFoundError `base-not-found` or FormatError. */
export async function readManifestOfBase(
  folder: string,
): Promise<{ manifest: BaseManifest; bytes: Uint8Array }> {
  const bytes = await readFileOf(folder, "manifest.json", "base-not-found");
  const manifest = await readBaseManifest(bytes, sha256, join(folder, "manifest.json"));
  return { manifest, bytes };
}

/**
 * Whether the bucket already serves exactly this base, whole, with a session image made on `runtime`
 * where one is asked for and the base has one; reads no file contents.
 */
export async function isBasePublished(
  bucket: PublishBucket,
  { manifest, bytes }: { manifest: BaseManifest; bytes: Uint8Array },
  runtime?: string,
): Promise<boolean> {
  const object = await bucket.get(baseKey(manifest.name));
  const pointer = object && readablePointer(object.bytes, manifest.name);
  if (pointer?.manifest !== `sha256:${sha256Hex(bytes)}`) return false;
  const image = pointer.session_image;
  const triedOn = image ? image.runtime : pointer.no_image_on;
  if (runtime !== undefined && triedOn !== runtime) return false;
  const refs: FileRef[] = [{ sha256: hashOf(pointer.manifest), bytes: bytes.byteLength }];
  if (image) refs.push(image);
  for (const ref of refs.concat(Object.values(manifest.files))) {
    if ((await bucket.stat(blobKey(ref.sha256)))?.bytes !== ref.bytes) return false;
  }
  return true;
}

/** How session images are made, from which a Worker loads a base faster (src/engine/ort/images). */
export interface ImageMaker {
  /** Id of the Worker's runtime image, which the images are made on. */
  readonly runtime: string;
  /** The image of the base in a folder; null where it has none. */
  readonly make: (folder: string) => Promise<Uint8Array | null>;
}

export interface PublishBaseOptions {
  readonly wait?: Wait;
  readonly now?: () => Date;
  /** Without it, no session image is published; one that is there stays. */
  readonly images?: ImageMaker | undefined;
  /** Called after every file with the bytes that are in the bucket now, and all of them. */
  readonly onProgress?: (bytes: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Seals the pointer; the folder must then be signed by the same key. */
  readonly sealing?: Sealing | undefined;
  /** The folder's model.sig where it is not in the folder: a dry run writes none. */
  readonly signature?: Uint8Array | null | undefined;
}

/**
 * Uploads a base folder and points `bases/<name>.json` at it. Files that are in the bucket already
 * are not sent again, so a push that broke off goes on where it was.
 */
export async function publishBase(
  bucket: PublishBucket,
  folder: string,
  options: PublishBaseOptions = {},
): Promise<PublishedBase> {
  const { wait = sleep, now = () => new Date(), images, onProgress, signal, sealing } = options;
  const { manifest, bytes } = await readManifestOfBase(folder);
  const signature = options.signature ?? (await signatureToPush(folder, sealing?.signer));
  const subject = `base "${manifest.name}"`;
  let uploaded = 0;
  let done = 0;
  const files = Object.entries(manifest.files);
  const total = files.reduce((sum, [, ref]) => sum + ref.bytes, 0);
  await mapLimited(files, UPLOADS_AT_ONCE, async ([name, ref]) => {
    signal?.throwIfAborted();
    const file = await readFileOf(folder, name, "base-incomplete");
    await checkFile(`${subject}: ${name}`, file, ref, sha256);
    if (await ensureBlob(bucket, file, wait)) uploaded++;
    onProgress?.((done += ref.bytes), total);
  });
  if (await ensureBlob(bucket, bytes, wait)) uploaded++;
  if (signature && (await ensureBlob(bucket, signature, wait))) uploaded++;
  const image = images ? await images.make(folder) : null;
  if (image && (await ensureBlob(bucket, image, wait))) uploaded++;
  signal?.throwIfAborted();

  const reference = `sha256:${sha256Hex(bytes)}`;
  const pointer: BasePointer = {
    base: manifest.name,
    manifest: reference,
    identity: manifest.identity,
    created: now().toISOString(),
    session_image: image && {
      runtime: images!.runtime,
      sha256: sha256Hex(image),
      bytes: image.byteLength,
    },
    no_image_on: images && !image ? images.runtime : null,
    ...(signature ? { signature: `sha256:${sha256Hex(signature)}` } : {}),
  };
  const key = baseKey(manifest.name);
  const isChanged = await updatePointer(
    bucket,
    key,
    async (current) => {
      const found = current && readablePointer(current, manifest.name);
      if (found?.seal && !sealing) throw signatureNeeded(key, found.seal);
      const seal = found && sealing ? await believedSeal(current, sealing, key) : null;
      const isSealed = seal?.key === sealing?.signer.key.id && !sealing?.goodForMs;
      if (isSealed && isSame(found, pointer, images !== undefined)) return null;
      const next = sealing ? sealed(pointer, seal, sealing) : pointer;
      return encodeUtf8(`${JSON.stringify(next)}\n`);
    },
    wait,
  );
  return { name: manifest.name, identity: manifest.identity, uploaded, isChanged };
}

/** A base in the bucket, without its files. */
export interface BaseInBucket {
  readonly pointer: BasePointer;
  readonly manifest: BaseManifest;
  readonly manifestBytes: Uint8Array;
}

/** A base's pointer and manifest, hashed. Throws NotFoundError `base-not-found`, FormatError. */
export async function fetchPublishedBase(
  bucket: PublishBucket,
  name: string,
): Promise<BaseInBucket> {
  const subject = `base "${name}": manifest`;
  const key = baseKey(name);
  const object = await bucket.get(key);
  const pointer = object && readBasePointer(object.bytes, key);
  const hash = pointer && hashOf(pointer.manifest);
  const blob = hash && (await bucket.get(blobKey(hash)));
  if (!pointer || !hash || !blob) {
    throw new NotFoundError(
      "base-not-found",
      `base "${name}": is not in the bucket; put it there with: npx edge-prefix push --base DIR`,
    );
  }
  await checkFile(subject, blob.bytes, { sha256: hash, bytes: blob.bytes.byteLength }, sha256);
  const manifest = await readBaseManifest(blob.bytes, sha256, subject);
  return { pointer, manifest, manifestBytes: blob.bytes };
}

/** The manifest of a base in the bucket; errors as fetchPublishedBase. */
export const fetchBaseManifest = async (
  bucket: PublishBucket,
  name: string,
): Promise<BaseManifest> => (await fetchPublishedBase(bucket, name)).manifest;

/** Whether both lead to the same manifest and, where that is asked for, to the same image of it. */
const isSame = (a: BasePointer | null, b: BasePointer, hasImages: boolean): boolean =>
  a?.manifest === b.manifest && a.signature === b.signature && (!hasImages || isSameImage(a, b));

const isSameImage = (a: BasePointer, b: BasePointer): boolean =>
  a.session_image?.sha256 === b.session_image?.sha256 &&
  a.session_image?.runtime === b.session_image?.runtime &&
  a.no_image_on === b.no_image_on;

/** The pointer, or null where it is damaged: publishing writes it anew. */
const readablePointer = (bytes: Uint8Array, name: string): BasePointer | null =>
  readable(() => readBasePointer(bytes, baseKey(name)));
