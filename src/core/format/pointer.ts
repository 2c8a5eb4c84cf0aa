/**
 * Pointers: the only mutable objects in the bucket. A task's pointer names its current version and
 * the ones it can go back to; a base's pointer names its manifest.
 */
import { isName, versionOf } from "./keys.ts";
import type { FileRef } from "./manifest.ts";
import { describe, readRecord } from "../record.ts";
import type { RecordReader } from "../record.ts";
import { readSeal } from "../signing/seal.ts";
import type { Seal } from "../signing/seal.ts";
import { parseJson } from "../text.ts";

export interface TaskVersion {
  readonly version: string;
  /** `sha256:` and the hash of the version's manifest. */
  readonly manifest: string;
  readonly created: string;
  /** `sha256:` and the hash of the version's model.sig; absent where it was not signed. */
  readonly signature?: string;
}

/** `tasks/<task>.json`. */
export interface TaskPointer {
  readonly task: string;
  readonly current: string;
  /** Newest first. */
  readonly versions: readonly TaskVersion[];
  readonly canary: { readonly version: string; readonly percent: number } | null;
  /** Versions that must not answer any more, newest first; absent where there are none. */
  readonly revoked?: readonly string[];
  /** Who wrote this pointer; absent where no key was given. */
  readonly seal?: Seal;
}

/** `bases/<name>.json`. */
export interface BasePointer {
  readonly base: string;
  readonly manifest: string;
  readonly identity: string;
  readonly created: string;
  /** The base as a started runtime holds it in memory; null where no image was made. */
  readonly session_image: SessionImageRef | null;
  /** Runtime on which the base is too large for an image; so that it is not made only to find that. */
  readonly no_image_on: string | null;
  /** `sha256:` and the hash of the base's model.sig; absent where it was not signed. */
  readonly signature?: string;
  /** Who wrote this pointer; absent where no key was given. */
  readonly seal?: Seal;
}

/** A blob that spares a Worker, whose runtime image has this id, the loading of the graph. */
export interface SessionImageRef extends FileRef {
  readonly runtime: string;
}

/** A pointer is a few hundred bytes a version: anything larger is not one. */
export const MAX_POINTER_BYTES = 256 * 1024;
/** Of an isolate's 128 MB an image may fill what a runtime heap may: it becomes one. */
export const MAX_IMAGE_BYTES = 96_000_000;
/** Rolling back further than this many versions is a publish. */
export const MAX_VERSIONS = 100;
/** Revoked versions that a pointer remembers. */
export const MAX_REVOKED = 100;

const BLOB_REF = /^sha256:[0-9a-f]{64}$/;
const VERSION = /^[0-9a-f]{12}$/;
const RUNTIME = /^[0-9a-f]{16}$/;

/** The hash inside a `sha256:<hex>` reference. */
export const hashOf = (reference: string): string => reference.slice("sha256:".length);

/**
 * Reads a task's pointer; its seal is not verified. Throws FormatError `pointer-invalid`,
 * `signature-invalid` or `json-invalid`.
 */
export function readTaskPointer(bytes: Uint8Array, subject: string): TaskPointer {
  const value = parseJson(bytes, subject);
  const r = readRecord(value, subject, "pointer-invalid");
  const versions = r.list("versions", MAX_VERSIONS, (item, name): TaskVersion => {
    const v = readRecord(item, name, "pointer-invalid");
    const version = v.string("version", VERSION);
    const manifest = v.string("manifest", BLOB_REF);
    if (versionOf(hashOf(manifest)) !== version) {
      v.fail(`version ${version} is not the start of its manifest's hash`);
    }
    return { version, manifest, created: v.string("created"), ...readSignature(v) };
  });
  const revoked = r.has("revoked")
    ? r.list("revoked", MAX_REVOKED, (item, name) =>
        typeof item === "string" && VERSION.test(item) ? item : r.fail(`${name} is no version`),
      )
    : [];
  const known = (version: string): string =>
    versions.some((item) => item.version === version)
      ? version
      : r.fail(`version ${version} is not among its ${versions.length} versions`);
  const canary = r.has("canary") ? r.record("canary") : null;
  return {
    task: readName(r, "task"),
    current: known(r.string("current", VERSION)),
    versions,
    canary: canary
      ? {
          version: known(canary.string("version", VERSION)),
          percent: canary.number("percent", 0, 100),
        }
      : null,
    ...(revoked.length > 0 ? { revoked } : {}),
    ...sealOf(value, subject),
  };
}

/**
 * Reads a base's pointer; its seal is not verified. Throws FormatError `pointer-invalid`,
 * `signature-invalid` or `json-invalid`.
 */
export function readBasePointer(bytes: Uint8Array, subject: string): BasePointer {
  const value = parseJson(bytes, subject);
  const r = readRecord(value, subject, "pointer-invalid");
  return {
    base: readName(r, "base"),
    manifest: r.string("manifest", BLOB_REF),
    identity: r.string("identity", /^[0-9a-f]{64}$/),
    created: r.string("created"),
    session_image: r.has("session_image") ? readSessionImageRef(r.record("session_image")) : null,
    no_image_on: r.has("no_image_on") ? r.string("no_image_on", RUNTIME) : null,
    ...readSignature(r),
    ...sealOf(value, subject),
  };
}

const readSignature = (r: RecordReader): { signature?: string } =>
  r.has("signature") ? { signature: r.string("signature", BLOB_REF) } : {};

function sealOf(value: unknown, subject: string): { seal?: Seal } {
  const seal = readSeal(value, subject);
  return seal === null ? {} : { seal };
}

const readSessionImageRef = (r: RecordReader): SessionImageRef => ({
  runtime: r.string("runtime", RUNTIME),
  sha256: r.string("sha256", /^[0-9a-f]{64}$/),
  bytes: r.count("bytes", 1, MAX_IMAGE_BYTES),
});

function readName(r: RecordReader, field: string): string {
  const name = r.string(field);
  return isName(name) ? name : r.fail(`"${field}" ${describe(name)} is not a valid name`);
}
