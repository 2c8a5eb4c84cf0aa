/**
 * Public keys that may have signed a task, a base or a pointer: ECDSA on P-256, P-384 or P-521, read
 * from PEM, JWK, or the base64 of a SubjectPublicKeyInfo. A key is named by its id, the SHA-256 of
 * its PEM text: the hint by which OpenSSF's model-signing names it.
 */
import { FormatError } from "../errors.ts";
import { readRecord } from "../record.ts";
import { encodeUtf8, parseJson } from "../text.ts";
import { fromBase64, toBase64 } from "../base64.ts";
import { toHex } from "../hex.ts";

export type Curve = "P-256" | "P-384" | "P-521";

export interface PublicKey {
  /** SHA-256 of the PEM text, 64 lower-case hex digits. */
  readonly id: string;
  readonly curve: Curve;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
}

/** Bytes -> SHA-256 as 64 lower-case hex digits; handed in. */
export type Digest = (bytes: Uint8Array) => Promise<string>;

/** Bytes of a number on each curve, and the hash that goes with it. */
export const CURVES: Readonly<Record<Curve, { readonly size: number; readonly hash: string }>> = {
  "P-256": { size: 32, hash: "SHA-256" },
  "P-384": { size: 48, hash: "SHA-384" },
  "P-521": { size: 66, hash: "SHA-512" },
};

/** What a SubjectPublicKeyInfo begins with, up to the uncompressed point 04 x y (RFC 5480). */
const SPKI_HEADS: Readonly<Record<Curve, string>> = {
  "P-256": "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
  "P-384": "3076301006072a8648ce3d020106052b8104002203620004",
  "P-521": "30819b301006072a8648ce3d020106052b810400230381860004",
};

/** Keys in one setting: more is a mistake, and every one costs time. */
const MAX_KEYS = 16;
const MAX_TEXT = 64_000;
const PEM = /-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

const fail = (subject: string, what: string): FormatError =>
  new FormatError("public-key-invalid", `${subject}: ${what}`);

/**
 * Public keys from text: PEM blocks one behind the other, or a JWK, a list of JWKs or a JWK set, or
 * base64 SubjectPublicKeyInfos with blanks or commas between them. Throws FormatError
 * `public-key-invalid`, also for a private key, whose content no message repeats.
 */
export async function readPublicKeys(
  text: string,
  digest: Digest,
  subject: string,
): Promise<PublicKey[]> {
  const keys = await Promise.all(
    checkPublicKeys(text, subject).map(async (key) => ({
      ...key,
      id: await digest(encodeUtf8(toPem(key.spki))),
    })),
  );
  return [...new Map(keys.map((key) => [key.id, key])).values()];
}

/** The same without their ids, which need a hash. */
export function checkPublicKeys(text: string, subject: string): Omit<PublicKey, "id">[] {
  if (text.length > MAX_TEXT) {
    throw fail(subject, `has ${text.length} characters, allowed are ${MAX_TEXT}`);
  }
  const spkis = spkisIn(text.trim(), subject);
  if (spkis.length === 0) {
    throw fail(
      subject,
      "holds no public key; expected PEM, JWK or base64 as key --signing writes it",
    );
  }
  if (spkis.length > MAX_KEYS) {
    throw fail(subject, `has ${spkis.length} keys, allowed are ${MAX_KEYS}`);
  }
  return spkis.map((spki) => ({ curve: curveOf(spki, subject), spki }));
}

/** The curve of a SubjectPublicKeyInfo; throws FormatError `public-key-invalid`. */
function curveOf(spki: Uint8Array, subject: string): Curve {
  const hex = toHex(spki);
  for (const curve of Object.keys(CURVES) as Curve[]) {
    const head = SPKI_HEADS[curve];
    if (hex.startsWith(head) && spki.length === head.length / 2 + 2 * CURVES[curve].size) {
      return curve;
    }
  }
  throw fail(subject, "has a key that is not ECDSA on P-256, P-384 or P-521 with a plain point");
}

/** The PEM text of a public key, with a line feed at the end of each line. */
export function toPem(spki: Uint8Array): string {
  const lines = toBase64(spki).match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`;
}

function spkisIn(text: string, subject: string): Uint8Array[] {
  if (text.includes("-----BEGIN")) {
    return [...text.matchAll(PEM)].map(([, label, body]) => {
      if (label !== "PUBLIC KEY") {
        throw fail(subject, `has a PEM block "${label}", expected only "PUBLIC KEY"`);
      }
      return decode(body!.replace(/\s+/g, ""), subject);
    });
  }
  if (text.startsWith("{") || text.startsWith("[")) {
    const value = parseJson(encodeUtf8(text), subject);
    const keys = (value as { keys?: unknown }).keys;
    const list: unknown[] = Array.isArray(value) ? value : Array.isArray(keys) ? keys : [value];
    return list.map((item) =>
      typeof item === "string" ? decode(item, subject) : fromJwk(item, subject),
    );
  }
  const items = text.split(/[\s,]+/).filter(Boolean);
  return items.map((item) => decode(item, subject));
}

const decode = (base64: string, subject: string): Uint8Array =>
  fromBase64(base64, () => {
    throw fail(subject, "has a key that is not base64");
  });

function fromJwk(value: unknown, subject: string): Uint8Array {
  const r = readRecord(value, subject, "public-key-invalid");
  if (r.has("d")) r.fail("is a private key; only its public half may stand here");
  r.oneOf("kty", ["EC"]);
  const curve = r.oneOf("crv", ["P-256", "P-384", "P-521"]);
  const number = (field: string): Uint8Array => {
    const text = r.string(field, /^[A-Za-z0-9_-]*$/);
    const standard = text.replaceAll("-", "+").replaceAll("_", "/");
    const bytes = decode(standard.padEnd(Math.ceil(text.length / 4) * 4, "="), subject);
    const { size } = CURVES[curve];
    return bytes.length === size
      ? bytes
      : r.fail(`"${field}" has ${bytes.length} bytes, not ${size}`);
  };
  const head = SPKI_HEADS[curve].match(/../g)!.map((pair) => Number.parseInt(pair, 16));
  return Uint8Array.from([...head, ...number("x"), ...number("y")]);
}
