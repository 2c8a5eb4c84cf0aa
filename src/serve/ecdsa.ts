/** ECDSA by Web Crypto, which Workers, browsers and Node have. */
import type { VerifyEcdsa } from "../core/signing/bundle.ts";
import { CURVES } from "../core/signing/keys.ts";
import type { PublicKey } from "../core/signing/keys.ts";

type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/**
 * Imported keys: importing one costs as much as a verification. They are plain data and no promises,
 * since what one request awaits may never settle for another.
 */
const imported = new WeakMap<PublicKey, ImportedKey>();

/** A key whose point is not on its curve verifies nothing. */
export const verifyEcdsa: VerifyEcdsa = async (key, signature, message) => {
  const { curve: namedCurve, spki } = key;
  let cryptoKey = imported.get(key);
  if (!cryptoKey) {
    const found = await crypto.subtle
      .importKey("spki", spki as Uint8Array<ArrayBuffer>, { name: "ECDSA", namedCurve }, false, [
        "verify",
      ])
      .catch(() => null);
    if (found === null) return false;
    cryptoKey = found;
    imported.set(key, cryptoKey);
  }
  const algorithm = { name: "ECDSA", hash: CURVES[namedCurve].hash };
  return crypto.subtle.verify(
    algorithm,
    cryptoKey,
    signature as Uint8Array<ArrayBuffer>,
    message as Uint8Array<ArrayBuffer>,
  );
};
