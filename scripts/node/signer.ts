/** Key pairs for signatures, and signing with a private key in a PEM file. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { InputError } from "../../src/core/errors.ts";
import { CURVES, readPublicKeys, toPem } from "../../src/core/signing/keys.ts";
import type { Curve, PublicKey } from "../../src/core/signing/keys.ts";
import { sha256 } from "./hash.ts";

/** A private key that signs; nothing gives it out. */
export interface Signer {
  readonly key: PublicKey;
  /** The DER signature of a message. */
  sign(message: Uint8Array): Uint8Array;
}

/** A new key pair as PEM texts. */
export function makeKeyPair(curve: Curve): { privateKey: string; publicKey: string } {
  const pair = generateKeyPairSync("ec", { namedCurve: curve });
  return {
    privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    publicKey: pair.publicKey.export({ type: "spki", format: "pem" }) as string,
  };
}

/** Opens the private key in a PEM file. Throws InputError `signing-key-invalid`. */
export async function readSigner(path: string): Promise<Signer> {
  let privateKey: KeyObject;
  let key: PublicKey;
  try {
    privateKey = createPrivateKey(await readFile(path));
    const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
    key = (await readPublicKeys(toPem(spki), sha256, path))[0]!;
  } catch (cause) {
    // The cause's message may repeat what stands in the file; its code does not.
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "wrong kind";
    throw new InputError(
      "signing-key-invalid",
      `${path}: is no private key on P-256, P-384 or P-521 in PEM (${code}); make one: npx edge-prefix key NAME --signing`,
      { cause },
    );
  }
  const hash = CURVES[key.curve].hash.replace("-", "");
  return { key, sign: (message) => new Uint8Array(sign(hash, message, privateKey)) };
}

/** The public keys in a file; throws InputError `signing-key-invalid` or FormatError `public-key-invalid`. */
export async function readPublicKeyFile(path: string): Promise<PublicKey[]> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new InputError("signing-key-invalid", `${path}: cannot be read`, { cause });
  });
  return readPublicKeys(text, sha256, path);
}
