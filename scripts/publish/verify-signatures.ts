/**
 * The signatures in the bucket: the seal of a pointer, and model.sig of each version of a task, or of a
 * base.
 */
import { FormatError } from "../../src/core/errors.ts";
import { baseKey, blobKey, taskKey } from "../../src/core/format/keys.ts";
import { hashOf } from "../../src/core/format/pointer.ts";
import type { TaskVersion } from "../../src/core/format/pointer.ts";
import { checkCovers, verifyBundle } from "../../src/core/signing/bundle.ts";
import type { PublicKey } from "../../src/core/signing/keys.ts";
import { verifySeal } from "../../src/core/signing/seal.ts";
import type { Seal } from "../../src/core/signing/seal.ts";
import { parseJson } from "../../src/core/text.ts";
import { verifyEcdsa } from "../../src/serve/ecdsa.ts";
import type { PublishBucket } from "./bucket.ts";
import { fetchPublishedBase } from "./publish-base.ts";
import { fetchTaskPointer, fetchVersion } from "./task-pointer.ts";

/**
 * Verifies the seal of a task's pointer. Throws NotFoundError `task-not-found`, FormatError by
 * verifySeal, `pointer-invalid`, `pointer-expired`.
 */
export async function verifyPointer(
  bucket: PublishBucket,
  task: string,
  keys: readonly PublicKey[],
  now: Date = new Date(),
): Promise<Seal> {
  await fetchTaskPointer(bucket, task);
  return verifySealAt(bucket, taskKey(task), keys, now);
}

async function verifySealAt(
  bucket: PublishBucket,
  key: string,
  keys: readonly PublicKey[],
  now: Date,
): Promise<Seal> {
  const { bytes } = (await bucket.get(key))!;
  const seal = await verifySeal(parseJson(bytes, key), keys, verifyEcdsa, key);
  if (seal.expires === null || Date.parse(seal.expires) > now.getTime()) return seal;
  throw new FormatError("pointer-expired", `${key}: was good until ${seal.expires}; sign it again`);
}

/**
 * Verifies the seal of a base's pointer, and that model.sig covers its manifest and all files that it
 * names. Returns the keys of both. Throws what verifyPointer and verifyVersion throw.
 */
export async function verifyBase(
  bucket: PublishBucket,
  name: string,
  keys: readonly PublicKey[],
  now: Date = new Date(),
): Promise<{ readonly pointer: string; readonly base: string }> {
  const { pointer, manifest } = await fetchPublishedBase(bucket, name);
  const key = baseKey(name);
  if (pointer.base !== name || manifest.name !== name) {
    throw new FormatError("pointer-invalid", `${key}: is the pointer of base "${manifest.name}"`);
  }
  const seal = await verifySealAt(bucket, key, keys, now);
  const files = Object.entries(manifest.files).map(([file, ref]) => [file, ref.sha256] as const);
  const signed = [["manifest.json", hashOf(pointer.manifest)] as const, ...files];
  const by = await verifyCovers(bucket, `base "${name}"`, pointer.signature, signed, keys);
  return { pointer: seal.key, base: by.id };
}

/** Verifies model.sig of a version, and that it covers the version's files. Returns the key. */
export async function verifyVersion(
  bucket: PublishBucket,
  task: string,
  entry: TaskVersion,
  keys: readonly PublicKey[],
): Promise<PublicKey> {
  const subject = `task "${task}" version ${entry.version}`;
  const { manifest } = await fetchVersion(bucket, task, entry);
  const files = [
    ["manifest.json", hashOf(entry.manifest)],
    ["prefix.safetensors", manifest.prefix.sha256],
  ] as const;
  return verifyCovers(bucket, subject, entry.signature, files, keys);
}

async function verifyCovers(
  bucket: PublishBucket,
  subject: string,
  signature: string | undefined,
  files: readonly (readonly [path: string, sha256: string])[],
  keys: readonly PublicKey[],
): Promise<PublicKey> {
  const object = signature === undefined ? null : await bucket.get(blobKey(hashOf(signature)));
  if (!object) {
    throw new FormatError(
      "signature-missing",
      `${subject}: is not signed; push it with --sign KEY`,
    );
  }
  const { statement, key } = await verifyBundle(object.bytes, keys, verifyEcdsa, subject);
  checkCovers(statement, files, subject);
  return key;
}
