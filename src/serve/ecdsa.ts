/** ECDSA by Web Crypto, which Workers, browsers and Node have. */
import type { VerifyEcdsa } from "../core/signing/bundle.ts";
import { CURVES } from "../core/signing/keys.ts";
import type { PublicKey } from "../core/signing/keys.ts";

type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** Imported keys: importing one costs as much as a verification. */
const imported = new WeakMap<PublicKey, Promise<ImportedKey>>();

/** A key whose point is not on its curve verifies nothing. */
export const verifyEcdsa: VerifyEcdsa = async (key, signature, message) => {
  const { curve: namedCurve, spki } = key;
  let known = imported.get(key);
  if (!known) {
    const algorithm = { name: "ECDSA", namedCurve };
    known = crypto.subtle.importKey("spki", spki as Uint8Array<ArrayBuffer>, algorithm, false, [
      "verify",
    ]);
    imported.set(key, known);
  }
  const cryptoKey = await known.catch(() => null);
  if (cryptoKey === null) return false;
  const algorithm = { name: "ECDSA", hash: CURVES[namedCurve].hash };
  return crypto.subtle.verify(
    algorithm,
    cryptoKey,
    signature as Uint8Array<ArrayBuffer>,
    message as Uint8Array<ArrayBuffer>,
  );
};
