/**
 * The statement of OpenSSF Model Signing v1.0: an in-toto statement whose predicate lists files with
 * their SHA-256. Written in one way, read with limits.
 */
import { FormatError } from "../errors.ts";
import { describe, readRecord } from "../record.ts";
import { encodeUtf8, parseJson } from "../text.ts";
import type { Digest } from "./keys.ts";

export const PREDICATE_TYPE = "https://model_signing/signature/v1.0";
const IN_TOTO_TYPE = "https://in-toto.io/Statement/v1";

export interface Statement {
  /** What was signed, for people: the name of the folder. */
  readonly subject: string;
  /** SHA-256 by path. */
  readonly files: ReadonlyMap<string, string>;
  /** What the signer left out. */
  readonly ignoredPaths: readonly string[];
}

/** Files of one signature; a base has a dozen. */
const MAX_FILES = 10_000;
/** A path and a hash are 200 bytes. */
export const MAX_STATEMENT_BYTES = 2_000_000;
const HEX = /^[0-9a-f]{64}$/;

/** The bytes of a statement; files are sorted by path. */
export async function writeStatement(statement: Statement, digest: Digest): Promise<Uint8Array> {
  const files = [...statement.files].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const hashes = files.flatMap(([, hash]) => hash.match(/../g)!.map((p) => Number.parseInt(p, 16)));
  const root = await digest(Uint8Array.from(hashes));
  const resources = files.map(([name, hash]) => ({ name, digest: hash, algorithm: "sha256" }));
  const serialization = {
    method: "files",
    hash_type: "sha256",
    allow_symlinks: false,
    ignore_paths: [...statement.ignoredPaths].sort(),
  };
  return encodeUtf8(
    JSON.stringify({
      _type: IN_TOTO_TYPE,
      subject: [{ name: statement.subject, digest: { sha256: root } }],
      predicateType: PREDICATE_TYPE,
      predicate: { resources, serialization },
    }),
  );
}

/**
 * Reads a signed statement. Throws FormatError `signature-invalid`, or `signature-unsupported` for
 * another hash than SHA-256 and for files in shards.
 */
export function readStatement(bytes: Uint8Array, subject: string): Statement {
  if (bytes.length > MAX_STATEMENT_BYTES) {
    throw new FormatError(
      "signature-invalid",
      `${subject}: has ${bytes.length} bytes, allowed are ${MAX_STATEMENT_BYTES}`,
    );
  }
  const r = readRecord(readJson(bytes, subject), subject, "signature-invalid");
  r.oneOf("_type", [IN_TOTO_TYPE]);
  r.oneOf("predicateType", [PREDICATE_TYPE]);
  const subjects = r.list("subject", 1, (item, name) => {
    const s = readRecord(item, name, "signature-invalid");
    s.record("digest").string("sha256", HEX);
    return s.string("name", /^[^]{1,500}$/);
  });
  if (subjects.length === 0) r.fail('"subject" is empty');
  const predicate = r.record("predicate");
  const serialization = predicate.record("serialization");
  const method = serialization.string("method");
  const hashType = serialization.string("hash_type");
  if (method !== "files" || hashType !== "sha256") {
    throw new FormatError(
      "signature-unsupported",
      `${subject}: lists ${describe(method)} with ${describe(hashType)}, supported is "files" with "sha256"`,
    );
  }
  const files = new Map<string, string>();
  predicate.list("resources", MAX_FILES, (item, name) => {
    const f = readRecord(item, name, "signature-invalid");
    const path = f.string("name", /^[^\0]{1,1000}$/);
    f.oneOf("algorithm", ["sha256"]);
    // Two hashes for one path would let a reader choose.
    if (files.has(path)) f.fail(`the file ${describe(path)} is listed twice`);
    files.set(path, f.string("digest", HEX));
  });
  if (files.size === 0) predicate.fail('"resources" is empty');
  const ignoredPaths = serialization.has("ignore_paths")
    ? serialization.list("ignore_paths", MAX_FILES, (item, name) =>
        typeof item === "string" ? item : serialization.fail(`${name} is no path`),
      )
    : [];
  return { subject: subjects[0]!, files, ignoredPaths };
}

/** JSON whose faults are faults of the signature. */
export function readJson(bytes: Uint8Array, subject: string): unknown {
  try {
    return parseJson(bytes, subject);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError("signature-invalid", cause.message, { cause });
  }
}
