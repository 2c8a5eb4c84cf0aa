/**
 * Signatures: own vectors are made here with node:crypto, an implementation of its own; the vectors of
 * OpenSSF's specification (ossf/model-signing-spec, test-vectors/v1.0) run where they are present.
 */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { toBase64 } from "../../../../src/core/base64.ts";
import { fromSignedBase64 } from "../../../../src/core/signing/signed-base64.ts";
import {
  checkCovers,
  readBundle,
  verifyBundle,
  writeBundle,
} from "../../../../src/core/signing/bundle.ts";
import { fromDer, toDer } from "../../../../src/core/signing/der.ts";
import { STATEMENT_TYPE, preAuthEncoding } from "../../../../src/core/signing/dsse.ts";
import { CURVES, readPublicKeys } from "../../../../src/core/signing/keys.ts";
import type { Curve } from "../../../../src/core/signing/keys.ts";
import { sealedBytes, verifySeal, withSeal } from "../../../../src/core/signing/seal.ts";
import { readStatement, writeStatement } from "../../../../src/core/signing/statement.ts";
import { decodeUtf8, encodeUtf8 } from "../../../../src/core/text.ts";
import { verifyEcdsa } from "../../../../src/serve/ecdsa.ts";
import { hex, sha256 } from "../../../support/manifests.ts";
import { shared } from "../../../support/shared.ts";

const curves = Object.keys(CURVES) as Curve[];

/** A key pair of node:crypto, its public half as this project reads it. */
async function makeKey(curve: Curve = "P-256") {
  const pair = generateKeyPairSync("ec", { namedCurve: curve });
  const pem = pair.publicKey.export({ type: "spki", format: "pem" }) as string;
  const [key] = await readPublicKeys(pem, sha256, "key");
  const hash = CURVES[curve].hash;
  const signDer = (message: Uint8Array) => new Uint8Array(sign(hash, message, pair.privateKey));
  return { pair, pem, key: key!, signDer };
}

const files = new Map([
  ["prefix.safetensors", hex("b")],
  ["manifest.json", hex("a")],
]);

async function makeBundle({ key, signDer }: Awaited<ReturnType<typeof makeKey>>) {
  const payload = await writeStatement({ subject: "mood", files, ignoredPaths: ["x"] }, sha256);
  const signature = signDer(preAuthEncoding(STATEMENT_TYPE, payload));
  return { payload, signature, bytes: writeBundle({ hint: key.id, payload, signature }) };
}

const code = (value: string) => expect.objectContaining({ code: value });

describe("base64", () => {
  it("is what Node writes, and reads back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
        expect(fromSignedBase64(toBase64(bytes), "x")).toEqual(bytes);
      }),
    );
  });

  it.each(["A", "AAA", "AA=A", "AB==", "AAB=", "A-A=", "AA ="])("refuses %j", (text) => {
    expect(() => fromSignedBase64(text, "x")).toThrow(code("signature-invalid"));
  });
});

describe("DER and r||s", () => {
  it.each(curves)("are the same signature on %s", async (curve) => {
    const { pair, signDer } = await makeKey(curve);
    const { size, hash } = CURVES[curve];
    for (let i = 0; i < 8; i++) {
      const der = signDer(Uint8Array.of(i));
      expect(toDer(fromDer(der, size))).toEqual(der);
    }
    const raw = sign(hash, Buffer.from("x"), { key: pair.privateKey, dsaEncoding: "ieee-p1363" });
    expect(Buffer.from(fromDer(toDer(raw), size)).equals(raw)).toBe(true);
  });

  it.each([
    ["nothing", []],
    ["another tag", [0x31, 6, 2, 1, 1, 2, 1, 1]],
    ["a byte behind", [0x30, 6, 2, 1, 1, 2, 1, 1, 0]],
    ["a byte too few", [0x30, 6, 2, 1, 1, 2, 1]],
    ["a third number", [0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1]],
    ["a long length for a short one", [0x30, 0x81, 6, 2, 1, 1, 2, 1, 1]],
    ["a negative number", [0x30, 6, 2, 1, 0x80, 2, 1, 1]],
    ["zero", [0x30, 6, 2, 1, 0, 2, 1, 1]],
    ["a needless zero", [0x30, 7, 2, 2, 0, 1, 2, 1, 1]],
    ["an empty number", [0x30, 5, 2, 0, 2, 1, 1]],
    ["a number of 33 bytes", [0x30, 38, 2, 33, ...Array(33).fill(1), 2, 1, 1]],
  ])("refuses %s", (_, bytes) => {
    expect(() => fromDer(Uint8Array.from(bytes as number[]), 32)).toThrow(
      code("signature-invalid"),
    );
  });
});

describe("public keys", () => {
  it.each(curves)("on %s are the same from PEM, JWK and base64", async (curve) => {
    const { pair, pem, key } = await makeKey(curve);
    const jwk = pair.publicKey.export({ format: "jwk" });
    const base64 = pair.publicKey.export({ format: "der", type: "spki" }).toString("base64");
    for (const text of [JSON.stringify(jwk), JSON.stringify({ keys: [jwk] }), base64, pem + pem]) {
      expect(await readPublicKeys(text, sha256, "x")).toEqual([key]);
    }
    // The id is the hint of model-signing: SHA-256 of the PEM text.
    expect(key.id).toBe(createHash("sha256").update(pem).digest("hex"));
    expect(key.curve).toBe(curve);
  });

  it("never repeats a private key in a message", async () => {
    const { pair } = await makeKey();
    const pem = pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const jwk = JSON.stringify(pair.privateKey.export({ format: "jwk" }));
    for (const text of [pem, jwk]) {
      const error = await readPublicKeys(text, sha256, "x").then(String, (e: Error) => e);
      expect(error).toMatchObject({ code: "public-key-invalid" });
      expect(String(error)).not.toContain(text.slice(40, 60));
    }
  });

  it.each([
    "",
    "AAAA",
    "{}",
    "not a key",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
  ])("are not %j", async (text) => {
    await expect(readPublicKeys(text, sha256, "x")).rejects.toEqual(code("public-key-invalid"));
  });
});

describe("a bundle", () => {
  it.each(curves)("signed on %s is verified, by its own key alone", async (curve) => {
    const [own, other] = [await makeKey(curve), await makeKey(curve)];
    const { bytes } = await makeBundle(own);
    const verified = await verifyBundle(bytes, [other.key, own.key], verifyEcdsa, "x");
    expect(verified.key.id).toBe(own.key.id);
    expect([...verified.statement.files]).toEqual([...files].sort());
    await expect(verifyBundle(bytes, [other.key], verifyEcdsa, "x")).rejects.toEqual(
      code("signature-key-unknown"),
    );
  });

  it("whose statement, signature or hint was changed is refused", async () => {
    const [own, other] = [await makeKey(), await makeKey()];
    const { payload, signature } = await makeBundle(own);
    const forged = encodeUtf8(decodeUtf8(payload).replace(hex("a"), hex("c")));
    const bent = signature.with(signature.length - 1, signature.at(-1)! ^ 1);
    const all = [
      writeBundle({ hint: own.key.id, payload: forged, signature }),
      writeBundle({ hint: own.key.id, payload, signature: bent }),
      writeBundle({ hint: other.key.id, payload, signature }),
    ];
    for (const bytes of all) {
      await expect(verifyBundle(bytes, [own.key, other.key], verifyEcdsa, "x")).rejects.toEqual(
        code("signature-invalid"),
      );
    }
  });

  it("whose signature is of another kind of document is refused", async () => {
    const own = await makeKey();
    const { payload } = await makeBundle(own);
    const signature = own.signDer(preAuthEncoding("application/json", payload));
    const bytes = writeBundle({ hint: own.key.id, payload, signature });
    await expect(verifyBundle(bytes, [own.key], verifyEcdsa, "x")).rejects.toEqual(
      code("signature-invalid"),
    );
  });

  it("covers the files that it lists with their hashes, and no others", async () => {
    const statement = { subject: "mood", files, ignoredPaths: [] };
    expect(() => checkCovers(statement, files, "x")).not.toThrow();
    expect(() => checkCovers(statement, [["manifest.json", hex("c")]], "x")).toThrow(
      code("signature-mismatch"),
    );
    expect(() => checkCovers(statement, [["model.onnx", hex("a")]], "x")).toThrow(
      code("signature-mismatch"),
    );
  });

  it("encodes what is signed as DSSE's specification does in its example", () => {
    // github.com/secure-systems-lab/dsse, protocol.md, "Test Vectors"
    const bytes = preAuthEncoding("http://example.com/HelloWorld", encodeUtf8("hello world"));
    expect(decodeUtf8(bytes)).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  });
});

describe("a seal", () => {
  it("covers every field of its record but its own signature", async () => {
    const { key, signDer } = await makeKey();
    const signed_at = "2026-01-02T03:04:05.678Z";
    const facts = { serial: 5, signed_at, expires: null, key: key.id };
    const record = { task: "mood", current: "a", versions: [{ version: "a" }] };
    const sealed = withSeal(record, facts, signDer(sealedBytes(record, facts)));
    const verify = (value: unknown) => verifySeal(value, [key], verifyEcdsa, "x");
    expect(await verify(JSON.parse(JSON.stringify(sealed)))).toMatchObject(facts);
    const { seal, ...bare } = sealed;
    const changed = [
      { ...sealed, current: "b" },
      { ...sealed, more: 1 },
      { ...sealed, seal: { ...seal, serial: 6 } },
      { ...sealed, seal: { ...seal, expires: signed_at } },
      { ...sealed, seal: { ...seal, signed_at: "2026-01-02T03:04:06Z" } },
    ];
    for (const value of changed) {
      await expect(verify(value)).rejects.toEqual(code("signature-invalid"));
    }
    await expect(verify(bare)).rejects.toEqual(code("signature-missing"));
  });
});

const vectors = shared("golden", "model-signing", "test-vectors", "v1.0");

describe.skipIf(vectors === undefined)("the vectors of OpenSSF's specification", () => {
  const vector = (...path: string[]) => new Uint8Array(readFileSync(join(vectors!, ...path)));

  it("are read where a key has signed", () => {
    const { hint, payload } = readBundle(vector("valid", "key.bundle.json"), "x");
    expect(hint).toBe("e8450dec4eb99dae995da9af1bc2cc9f76ed669ee2e744f57abba763df3e3f8e");
    const statement = readStatement(payload, "x");
    expect([...statement.files.keys()]).toEqual(["signme-1", "signme-2"]);
    // The root hash follows from the files.
    const pairs = [...statement.files.values()].join("");
    expect(createHash("sha256").update(Buffer.from(pairs, "hex")).digest("hex")).toBe(
      "92745110b1ab4368471cbe31664e10174e954b113a3df333db860317b2c6dec4",
    );
  });

  it.each(["certificate.bundle.json", "sigstore.bundle.json"])(
    "are refused by name: %s",
    (name) => {
      expect(() => readBundle(vector("valid", name), "x")).toThrow(code("signature-unsupported"));
    },
  );

  it.each(vectors === undefined ? [] : readdirSync(join(vectors, "invalid")))(
    "are refused where they are invalid: %s",
    (name) => {
      expect(() => readBundle(vector("invalid", name), "x")).toThrow(
        code(name.startsWith("missing-tlog") ? "signature-unsupported" : "signature-invalid"),
      );
    },
  );

  it("are refused where the statement is of another kind", () => {
    const { payload } = readBundle(vector("invalid-payload", "wrong-predicate.bundle.json"), "x");
    expect(() => readStatement(payload, "x")).toThrow(code("signature-invalid"));
  });
});
