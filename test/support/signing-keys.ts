/** Keys of Web Crypto that sign as owners do, in Node and in workerd; hashing is passed in. */
import { toBase64 } from "../../src/core/base64.ts";
import type { Sha256 } from "../../src/core/format/manifest.ts";
import { writeBundle } from "../../src/core/signing/bundle.ts";
import { toDer } from "../../src/core/signing/der.ts";
import { STATEMENT_TYPE, preAuthEncoding } from "../../src/core/signing/dsse.ts";
import { readPublicKeys } from "../../src/core/signing/keys.ts";
import type { PublicKey } from "../../src/core/signing/keys.ts";
import { sealedBytes, withSeal } from "../../src/core/signing/seal.ts";
import { writeStatement } from "../../src/core/signing/statement.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };

export interface TestKey {
  /** The public key as TRUSTED_KEYS takes it. */
  readonly setting: string;
  readonly key: PublicKey;
  /** The DER signature of a message. */
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

export async function makeTestKey(sha256: Sha256): Promise<TestKey> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  if (!("publicKey" in pair)) throw new Error("a key pair has a public key");
  const spki = (await crypto.subtle.exportKey("spki", pair.publicKey)) as ArrayBuffer;
  const setting = toBase64(new Uint8Array(spki));
  const [key] = await readPublicKeys(setting, sha256, "key");
  const sign = async (message: Uint8Array): Promise<Uint8Array> => {
    const how = { name: "ECDSA", hash: "SHA-256" };
    const raw = await crypto.subtle.sign(how, pair.privateKey, message as Uint8Array<ArrayBuffer>);
    return toDer(new Uint8Array(raw));
  };
  return { setting, key: key!, sign };
}

/** `record` with a seal whose serial is also its time, in milliseconds. */
export async function sealedBy<T extends object>(
  { key, sign }: TestKey,
  record: T,
  serial: number,
  expires: string | null = null,
) {
  const signed_at = new Date(serial).toISOString();
  const facts = { serial, signed_at, expires, key: key.id };
  return withSeal(record, facts, await sign(sealedBytes(record, facts)));
}

/** The bytes of model.sig over files, SHA-256 by path. */
export async function bundleBy(
  { key, sign }: TestKey,
  files: ReadonlyMap<string, string>,
  sha256: Sha256,
): Promise<Uint8Array> {
  const payload = await writeStatement({ subject: "x", files, ignoredPaths: [] }, sha256);
  const signature = await sign(preAuthEncoding(STATEMENT_TYPE, payload));
  return writeBundle({ hint: key.id, payload, signature });
}
