/**
 * The file model.sig: a Sigstore bundle v0.3 around a DSSE envelope, as OpenSSF Model Signing v1.0
 * writes it for signatures by a key. Signatures by a certificate, and by Sigstore's log, are named
 * and refused: this project checks neither certificates nor logs.
 */
import { FormatError } from "../errors.ts";
import { readRecord } from "../record.ts";
import type { RecordReader } from "../record.ts";
import { encodeUtf8 } from "../text.ts";
import { toBase64 } from "../base64.ts";
import { fromSignedBase64 } from "./signed-base64.ts";
import { fromDer } from "./der.ts";
import { STATEMENT_TYPE, preAuthEncoding } from "./dsse.ts";
import { CURVES } from "./keys.ts";
import type { PublicKey } from "./keys.ts";
import { MAX_STATEMENT_BYTES, readJson, readStatement } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** Name of the file in a folder, which model-signing uses, too. */
export const SIGNATURE_FILE = "model.sig";

const MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
/** A statement in base64, and what is around it. */
export const MAX_BUNDLE_BYTES = 2 * MAX_STATEMENT_BYTES;

/** What a bundle says, before anything of it is believed. */
export interface Bundle {
  /** Id of the key that is said to have signed. */
  readonly hint: string;
  readonly payload: Uint8Array;
  /** DER. */
  readonly signature: Uint8Array;
}

/** Whether `signature`, r||s, is the key's over `message`; handed in, since core has no crypto. */
export type VerifyEcdsa = (
  key: PublicKey,
  signature: Uint8Array,
  message: Uint8Array,
) => Promise<boolean>;

/** A bundle's bytes. `signature` is DER, over preAuthEncoding(STATEMENT_TYPE, payload). */
export function writeBundle({ hint, payload, signature }: Bundle): Uint8Array {
  const bundle = {
    mediaType: MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
    dsseEnvelope: {
      payload: toBase64(payload),
      payloadType: STATEMENT_TYPE,
      signatures: [{ sig: toBase64(signature), keyid: "" }],
    },
  };
  return encodeUtf8(`${JSON.stringify(bundle)}\n`);
}

/**
 * Reads a bundle; throws FormatError `signature-invalid`, or `signature-unsupported` for signatures
 * by a certificate or with entries of a log.
 */
export function readBundle(bytes: Uint8Array, subject: string): Bundle {
  if (bytes.length > MAX_BUNDLE_BYTES) {
    throw invalid(subject, `has ${bytes.length} bytes, allowed are ${MAX_BUNDLE_BYTES}`);
  }
  const r = readRecord(readJson(bytes, subject), subject, "signature-invalid");
  r.oneOf("mediaType", [MEDIA_TYPE]);
  const hint = readHint(r.record("verificationMaterial"), subject);
  const envelope = r.record("dsseEnvelope");
  envelope.oneOf("payloadType", [STATEMENT_TYPE]);
  const signatures = envelope.list("signatures", 1, (item, name) => {
    const sig = readRecord(item, name, "signature-invalid").string("sig");
    return fromSignedBase64(sig, `${name}: "sig"`);
  });
  const [signature] = signatures;
  if (!signature) return envelope.fail('"signatures" is empty');
  const payload = fromSignedBase64(envelope.string("payload"), `${subject}: "payload"`);
  return { hint, payload, signature };
}

function readHint(material: RecordReader, subject: string): string {
  for (const kind of ["x509CertificateChain", "certificate"]) {
    if (!material.has(kind)) continue;
    throw unsupported(subject, `is signed by a certificate ("${kind}")`);
  }
  if (material.has("tlogEntries") && material.list("tlogEntries", 100, () => null).length > 0) {
    throw unsupported(subject, 'has entries of a transparency log ("tlogEntries")');
  }
  const key = material.record("publicKey");
  if (!key.has("hint") && key.has("rawBytes")) {
    throw unsupported(subject, 'names its key by "rawBytes", as before model-signing 1.1');
  }
  return key.string("hint", /^[0-9a-f]{64}$/);
}

/**
 * Verifies a bundle by the one of `keys` that its hint names, and returns what was signed. Throws
 * FormatError `signature-key-unknown`, `signature-invalid`, `signature-unsupported`.
 */
export async function verifyBundle(
  bytes: Uint8Array,
  keys: readonly PublicKey[],
  verify: VerifyEcdsa,
  subject: string,
): Promise<{ readonly statement: Statement; readonly key: PublicKey }> {
  const { hint, payload, signature } = readBundle(bytes, subject);
  const key = keyNamed(hint, keys, subject);
  await verifySignature(key, signature, preAuthEncoding(STATEMENT_TYPE, payload), verify, subject);
  return { statement: readStatement(payload, `${subject}: statement`), key };
}

/** The key with this id; throws FormatError `signature-key-unknown`. */
export function keyNamed(id: string, keys: readonly PublicKey[], subject: string): PublicKey {
  const found = keys.find((key) => key.id === id);
  if (found) return found;
  throw new FormatError(
    "signature-key-unknown",
    `${subject}: is signed by key ${id.slice(0, 12)}.., trusted are ${keys.map((key) => `${key.id.slice(0, 12)}..`).join(", ") || "none"}`,
  );
}

/** Throws FormatError `signature-invalid` unless the DER signature is the key's over `message`. */
export async function verifySignature(
  key: PublicKey,
  der: Uint8Array,
  message: Uint8Array,
  verify: VerifyEcdsa,
  subject: string,
): Promise<void> {
  if (await verify(key, fromDer(der, CURVES[key.curve].size), message)) return;
  throw invalid(
    subject,
    `its signature is not one of key ${key.id.slice(0, 12)}.. over this content`,
  );
}

/**
 * Throws FormatError `signature-mismatch` unless the statement has exactly these hashes for these
 * files. Files that it names besides are none of the caller's.
 */
export function checkCovers(
  statement: Statement,
  files: Iterable<readonly [path: string, sha256: string]>,
  subject: string,
): void {
  for (const [path, sha256] of files) {
    const signed = statement.files.get(path);
    if (signed === sha256) continue;
    const what = signed === undefined ? "is not signed" : "is not what was signed";
    throw new FormatError("signature-mismatch", `${subject}: ${path} ${what}; sign it again`);
  }
}

const invalid = (subject: string, what: string): FormatError =>
  new FormatError("signature-invalid", `${subject}: ${what}`);

const unsupported = (subject: string, what: string): FormatError =>
  new FormatError(
    "signature-unsupported",
    `${subject}: ${what}; supported are signatures by a key: npx edge-prefix sign, or model_signing sign key`,
  );
