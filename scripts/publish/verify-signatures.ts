/** The signatures of a task in the bucket: the seal of its pointer, and model.sig of each version. */
import { FormatError } from "../../src/core/errors.ts";
import { blobKey, taskKey } from "../../src/core/format/keys.ts";
import { hashOf } from "../../src/core/format/pointer.ts";
import type { TaskVersion } from "../../src/core/format/pointer.ts";
import { checkCovers, verifyBundle } from "../../src/core/signing/bundle.ts";
import type { PublicKey } from "../../src/core/signing/keys.ts";
import { verifySeal } from "../../src/core/signing/seal.ts";
import type { Seal } from "../../src/core/signing/seal.ts";
import { parseJson } from "../../src/core/text.ts";
import { verifyEcdsa } from "../../src/serve/ecdsa.ts";
import type { PublishBucket } from "./bucket.ts";
import { fetchTaskPointer, fetchVersion } from "./task-pointer.ts";

/**
 * Verifies the seal of a task's pointer. Throws NotFoundError `task-not-found`, FormatError by
 * verifySeal, `pointer-expired`.
 */
export async function verifyPointer(
  bucket: PublishBucket,
  task: string,
  keys: readonly PublicKey[],
  now: Date = new Date(),
): Promise<Seal> {
  await fetchTaskPointer(bucket, task);
  const key = taskKey(task);
  const { bytes } = (await bucket.get(key))!;
  const seal = await verifySeal(parseJson(bytes, key), keys, verifyEcdsa, key);
  if (seal.expires === null || Date.parse(seal.expires) > now.getTime()) return seal;
  throw new FormatError("pointer-expired", `${key}: was good until ${seal.expires}; sign it again`);
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
  const object = entry.signature && (await bucket.get(blobKey(hashOf(entry.signature))));
  if (!object) {
    throw new FormatError(
      "signature-missing",
      `${subject}: is not signed; push it with --sign KEY`,
    );
  }
  const { statement, key } = await verifyBundle(object.bytes, keys, verifyEcdsa, subject);
  const files = [
    ["manifest.json", hashOf(entry.manifest)],
    ["prefix.safetensors", manifest.prefix.sha256],
  ] as const;
  checkCovers(statement, files, subject);
  return key;
}
