/** Sealing what is written to a bucket: pointers and lines of history (core/signing/seal.ts). */
import { InputError } from "../../src/core/errors.ts";
import type { Seal, SealFacts } from "../../src/core/signing/seal.ts";
import { sealedBytes, withSeal } from "../../src/core/signing/seal.ts";
import type { Signer } from "../node/signer.ts";

/** How a pointer is sealed. */
export interface Sealing {
  readonly signer: Signer;
  /** For how long the seal is good; null for ever. */
  readonly goodForMs: number | null;
  readonly now?: () => Date;
}

/** `record` with a new seal, whose serial is above `last`'s. */
export function sealed<T extends { readonly seal?: Seal }>(
  record: T,
  last: Seal | undefined,
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
