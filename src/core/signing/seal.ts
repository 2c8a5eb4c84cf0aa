/**
 * Seals: signatures over the mutable records of a bucket, which are pointers and lines of history. A
 * seal stands in its record as `seal` and covers all else that stands there. Its serial grows with
 * every write, so that a reader who has seen one record of a name knows an older one.
 */
import { FormatError } from "../errors.ts";
import { readRecord } from "../record.ts";
import { canonicalJson, encodeUtf8 } from "../text.ts";
import { toBase64 } from "../base64.ts";
import { fromSignedBase64 } from "./signed-base64.ts";
import { keyNamed, verifySignature } from "./bundle.ts";
import type { VerifyEcdsa } from "./bundle.ts";
import { RECORD_TYPE, preAuthEncoding } from "./dsse.ts";
import type { PublicKey } from "./keys.ts";

/** What a seal says besides its signature. */
export interface SealFacts {
  /** Grows from write to write; milliseconds since 1970, or one more than the last. */
  readonly serial: number;
  readonly signed_at: string;
  /** From then on the record is not believed; null for never. */
  readonly expires: string | null;
  /** Id of the key. */
  readonly key: string;
}

export interface Seal extends SealFacts {
  /** Base64 of the DER signature. */
  readonly signature: string;
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/** The bytes that a key signs for a record: its canonical JSON with the seal, less the signature. */
export function sealedBytes(record: object, facts: SealFacts): Uint8Array {
  const { serial, signed_at, expires, key } = facts;
  const content = { ...record, seal: { serial, signed_at, expires, key } };
  return preAuthEncoding(RECORD_TYPE, encodeUtf8(canonicalJson(content)));
}

/** The record with its seal; `signature` is DER, over `sealedBytes`. */
export const withSeal = <T extends object>(
  record: T,
  facts: SealFacts,
  signature: Uint8Array,
): T & { readonly seal: Seal } => ({
  ...record,
  seal: { ...facts, signature: toBase64(signature) },
});

/** The seal of a parsed record, not verified; null where it has none. Throws FormatError `signature-invalid`. */
export function readSeal(record: unknown, subject: string): Seal | null {
  const r = readRecord(record, subject, "signature-invalid");
  if (!r.has("seal")) return null;
  const seal = r.record("seal");
  return {
    serial: seal.count("serial", 1, Number.MAX_SAFE_INTEGER),
    signed_at: seal.string("signed_at", TIMESTAMP),
    expires: seal.has("expires") ? seal.string("expires", TIMESTAMP) : null,
    key: seal.string("key", /^[0-9a-f]{64}$/),
    signature: seal.string("signature"),
  };
}

/**
 * Verifies the seal of a parsed record by one of `keys`. Throws FormatError `signature-missing`,
 * `signature-key-unknown`, `signature-invalid`.
 */
export async function verifySeal(
  record: unknown,
  keys: readonly PublicKey[],
  verify: VerifyEcdsa,
  subject: string,
): Promise<Seal> {
  const seal = readSeal(record, subject);
  if (seal === null) {
    throw new FormatError(
      "signature-missing",
      `${subject}: is not signed; write it with --sign KEY`,
    );
  }
  const key = keyNamed(seal.key, keys, subject);
  const der = fromSignedBase64(seal.signature, `${subject}: "signature"`);
  await verifySignature(key, der, sealedBytes(record as object, seal), verify, subject);
  return seal;
}
