/**
 * Sealing what is written to a bucket: pointers and lines of history (core/signing/seal.ts). A new seal
 * covers all of a record. So a record is built only upon one whose own seal was verified: otherwise a
 * writer of the bucket without a key could have its changes signed by the owner's next command.
 */
import { FormatError, InputError } from "../../src/core/errors.ts";
import type { PublicKey } from "../../src/core/signing/keys.ts";
import type { Seal, SealFacts } from "../../src/core/signing/seal.ts";
import { sealedBytes, verifySeal, withSeal } from "../../src/core/signing/seal.ts";
import { parseJson } from "../../src/core/text.ts";
import { verifyEcdsa } from "../../src/serve/ecdsa.ts";
import type { Signer } from "../node/signer.ts";

/** How a pointer is sealed. */
export interface Sealing {
  readonly signer: Signer;
  /** For how long the seal is good; null for ever. */
  readonly goodForMs: number | null;
  /** Keys besides the signer's own whose records are built upon, such as the one that it replaces. */
  readonly trusted: readonly PublicKey[];
  readonly now?: () => Date;
}

/** The seal of a record in the bucket; null unless it is one of the signer's or of a trusted key. */
export async function believedSeal(
  bytes: Uint8Array,
  { signer, trusted }: Sealing,
  subject: string,
): Promise<Seal | null> {
  try {
    const keys = [signer.key, ...trusted];
    return await verifySeal(parseJson(bytes, subject), keys, verifyEcdsa, subject);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** `record` with a new seal, whose serial is above that of `last`, which was verified. */
export function sealed<T extends { readonly seal?: Seal }>(
  record: T,
  last: Seal | null,
  { signer, goodForMs, now = () => new Date() }: Sealing,
): T {
  const { seal: _, ...content } = record;
  const time = now().getTime();
  const facts: SealFacts = {
    // The time, so that a task which was taken down and pushed again does not begin anew.
    serial: Math.max(time, (last?.serial ?? 0) + 1),
    signed_at: new Date(time).toISOString(),
    expires: goodForMs === null ? null : new Date(time + goodForMs).toISOString(),
    key: signer.key.id,
  };
  return withSeal(content, facts, signer.sign(sealedBytes(content, facts))) as unknown as T;
}

/** A sealed pointer written without a key would be refused by every Worker with TRUSTED_KEYS. */
export function signatureNeeded(key: string, seal: Seal): InputError {
  return new InputError(
    "signature-needed",
    `${key}: is signed by key ${seal.key.slice(0, 12)}..; name a key that your Workers trust: --sign KEY`,
  );
}

/** Signing a change of a pointer would sign whatever else a writer of the bucket has put into it. */
export function pointerUntrusted(key: string): InputError {
  return new InputError(
    "pointer-untrusted",
    `${key}: is not signed by this key, or was changed since; push the task again with --sign, which begins a new list of versions, or name the key that signed it: --public-key FILE`,
  );
}
