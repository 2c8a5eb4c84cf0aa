/** A good signature and a good signed statement, from which the fuzz makes bad ones. */
import { readBundle, writeBundle } from "../../src/core/signing/bundle.ts";
import { readStatement, writeStatement } from "../../src/core/signing/statement.ts";
import { hex, sha256 } from "./manifests.ts";

const STATEMENT = await writeStatement(
  { subject: "mood", files: new Map([["manifest.json", hex("a")]]), ignoredPaths: [".git"] },
  sha256,
);
const BUNDLE = writeBundle({
  hint: hex("e"),
  payload: STATEMENT,
  signature: Uint8Array.of(0x30, 6, 2, 1, 1, 2, 1, 1),
});

/** Both as JSON values. */
export const SIGNED: readonly unknown[] = [BUNDLE, STATEMENT].map(
  (bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
);

/** Reads whichever of both the bytes look like; throws what its reader throws. */
export const readSigned = (bytes: Uint8Array): unknown =>
  Buffer.from(bytes).includes("mediaType") ? readBundle(bytes, "x") : readStatement(bytes, "x");
