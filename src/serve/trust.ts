/**
 * Whose work an isolate believes. With trusted keys, a pointer must be sealed by one of them, must
 * not be older than one that was seen, and must lead to files that one of them has signed. Whatever
 * does not is refused, and answers go on from the last good version in memory.
 *
 * Nothing else in memory says what is newest, so an isolate that has just begun knows only what a
 * seal itself and the setting TRUSTED_SINCE tell it: docs/trust.md says what follows.
 */
import type { Clock } from "../core/clock.ts";
import { EdgePrefixError, FormatError, UnavailableError } from "../core/errors.ts";
import { baseKey, blobKey, taskKey } from "../core/format/keys.ts";
import type { Sha256 } from "../core/format/manifest.ts";
import { checkFile } from "../core/format/manifest.ts";
import { hashOf } from "../core/format/pointer.ts";
import { MAX_BUNDLE_BYTES, checkCovers, verifyBundle } from "../core/signing/bundle.ts";
import { readPublicKeys } from "../core/signing/keys.ts";
import type { PublicKey } from "../core/signing/keys.ts";
import type { Seal } from "../core/signing/seal.ts";
import { sealedBytes, verifySeal } from "../core/signing/seal.ts";
import { parseJson } from "../core/text.ts";
import type { Bucket } from "./bucket/bucket.ts";
import { verifyEcdsa } from "./ecdsa.ts";

export interface TrustSettings {
  /** Public keys as they stand in the setting. */
  readonly keys: string;
  /** A seal that is older is not believed; null for none. ISO time. */
  readonly since: string | null;
}

export interface Trust {
  /**
   * Checks a pointer's seal, and that it is the pointer of this key. Throws UnavailableError
   * `signature-missing`, `signature-key-unknown`, `signature-invalid`, `json-invalid`,
   * `pointer-invalid`, `pointer-expired`, `pointer-replayed`.
   */
  pointer(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * The pointer is what it was when it was believed last: checks that its time is not over. Throws
   * UnavailableError `pointer-expired`.
   */
  again(key: string): void;
  /**
   * Checks that the signature which `reference` names covers the files. Throws UnavailableError with
   * the codes above, `signature-mismatch`, `signature-unsupported` or `bucket-unavailable`.
   */
  version(
    subject: string,
    files: readonly (readonly [path: string, sha256: string])[],
    reference: string | undefined,
  ): Promise<void>;
  /** Keys of pointers that are refused, each with the code why. */
  readonly refused: ReadonlyMap<string, string>;
}

export interface TrustOptions extends TrustSettings {
  readonly bucket: Bucket;
  readonly clock: Clock;
  readonly sha256: Sha256;
}

/** Names whose serials are remembered; beyond it the one that was seen first is forgotten. */
const MAX_NAMES = 20_000;
/** Refused pointers that are told of. */
const MAX_REFUSED = 100;

export function createTrust({ keys: text, since, bucket, clock, sha256 }: TrustOptions): Trust {
  // Plain data, not a promise: what one request awaits may never settle for another (src/README.md).
  let keys: readonly PublicKey[] | undefined;
  const trusted = async (): Promise<readonly PublicKey[]> =>
    (keys ??= await readPublicKeys(text, sha256, "TRUSTED_KEYS"));
  /** The newest pointer that was believed, by its key. */
  const seen = new Map<string, Seen>();
  const refused = new Map<string, string>();

  return {
    refused,
    pointer: (key, bytes) =>
      asRefusal(async () => {
        try {
          const record = parseJson(bytes, key);
          const seal = await verifySeal(record, await trusted(), verifyEcdsa, key);
          checkPlace(key, record);
          const content = await sha256(sealedBytes(record as object, seal));
          checkTime(key, seal);
          checkSerial(key, seal, content);
          forget(seen, key, MAX_NAMES);
          seen.set(key, { seal, content });
          refused.delete(key);
        } catch (error) {
          refuse(key, error);
          throw error;
        }
      }),
    again(key) {
      const last = seen.get(key);
      if (last && isOver(last.seal)) {
        const error = expired(key, last.seal);
        refuse(key, error);
        throw new UnavailableError(error.code, error.message);
      }
      refused.delete(key);
    },
    version: (subject, files, reference) =>
      asRefusal(async () => {
        if (reference === undefined) {
          throw new FormatError(
            "signature-missing",
            `${subject}: is not signed; push it again with --sign KEY`,
          );
        }
        const hash = hashOf(reference);
        const object = await bucket.get(blobKey(hash), MAX_BUNDLE_BYTES);
        if (object === null || object === "unchanged") {
          throw new FormatError(
            "signature-missing",
            `${subject}: its signature is not in the bucket`,
          );
        }
        const { bytes } = object;
        await checkFile(
          `${subject}: signature`,
          bytes,
          { sha256: hash, bytes: bytes.length },
          sha256,
        );
        const { statement } = await verifyBundle(bytes, await trusted(), verifyEcdsa, subject);
        checkCovers(statement, files, subject);
      }),
  };

  function refuse(key: string, error: unknown): void {
    forget(refused, key, MAX_REFUSED);
    if (error instanceof EdgePrefixError) refused.set(key, error.code);
  }

  function isOver({ expires }: Seal): boolean {
    return expires !== null && Date.parse(expires) <= clock.now();
  }

  function checkTime(key: string, seal: Seal): void {
    const { signed_at } = seal;
    if (isOver(seal)) throw expired(key, seal);
    if (since !== null && Date.parse(signed_at) < Date.parse(since)) {
      throw new FormatError(
        "pointer-replayed",
        `${key}: was signed at ${signed_at}, TRUSTED_SINCE allows none before ${since}`,
      );
    }
  }

  function checkSerial(key: string, { serial }: Seal, content: string): void {
    const last = seen.get(key);
    if (!last || serial > last.seal.serial) return;
    // The same record again is no older one, also with its signature in ECDSA's other form.
    if (serial === last.seal.serial && content === last.content) return;
    throw new FormatError(
      "pointer-replayed",
      `${key}: has serial ${serial}, ${last.seal.serial} was there before; an older one was put back`,
    );
  }
}

/** A pointer that was believed. */
interface Seen {
  readonly seal: Seal;
  /** SHA-256 of what was signed. */
  readonly content: string;
}

/** All records are signed alike: another task's pointer, or a line of history, is none of this key. */
function checkPlace(key: string, record: unknown): void {
  const { task, base } = record as { readonly task?: unknown; readonly base?: unknown };
  const isOwn =
    (typeof task === "string" && taskKey(task) === key) ||
    (typeof base === "string" && baseKey(base) === key);
  if (isOwn) return;
  throw new FormatError("pointer-invalid", `${key}: was signed as another record than this one`);
}

const expired = (key: string, { expires }: Seal): FormatError =>
  new FormatError(
    "pointer-expired",
    `${key}: its signature was good until ${expires}; sign it again`,
  );

/** Makes room for one entry and puts it last: a Map remembers the order of its keys. */
function forget<T>(map: Map<string, T>, key: string, max: number): void {
  map.delete(key);
  const [first] = map.keys();
  if (map.size >= max && first !== undefined) map.delete(first);
}

/** What is not believed is the server's trouble, with the code that says why. */
async function asRefusal(check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (cause) {
    if (!(cause instanceof EdgePrefixError)) throw cause;
    throw new UnavailableError(cause.code, cause.message, { cause });
  }
}
