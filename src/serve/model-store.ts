/**
 * The one base of an isolate: pointer -> manifest -> files, each hashed before it is used, then one
 * encoder for the isolate's life (an engine's memory never shrinks, so there is no second load).
 */
import { EdgePrefixError, FormatError, UnavailableError } from "../core/errors.ts";
import { checkedStream } from "../core/format/checked-stream.ts";
import type { StartSha256 } from "../core/format/checked-stream.ts";
import { baseKey, blobKey } from "../core/format/keys.ts";
import { checkFile, readBaseManifest, shortIdentity } from "../core/format/manifest.ts";
import type { BaseManifest, FileRef, Sha256 } from "../core/format/manifest.ts";
import { MAX_POINTER_BYTES, hashOf, readBasePointer } from "../core/format/pointer.ts";
import { openPooler } from "../core/format/task.ts";
import { streamTokenizer } from "../core/tokenizer/tokenizer.ts";
import type { BaseSource, Engine, LoadedBase } from "../engine/engine.ts";
import type { Bucket } from "./bucket/bucket.ts";
import { createFlight } from "./flight.ts";
import type { Trust } from "./trust.ts";
import type { Hold } from "./flight.ts";
import type { Clock } from "../core/clock.ts";

export interface ModelStore {
  /** Loads the base or joins the load under way. */
  get(hold: Hold): Promise<LoadedBase>;
  /** The base if it is there. */
  readonly ready: LoadedBase | null;
  readonly status: {
    readonly state: "empty" | "loading" | "ready" | "failed";
    readonly detail: string;
  };
}

export interface ModelStoreOptions {
  /** Name of the base: the Worker's BASE variable. */
  readonly base: string;
  readonly bucket: Bucket;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly startSha256: StartSha256;
  readonly engine: Engine;
  /** Where it is given, only what a trusted key has signed reaches the engine. */
  readonly trust?: Trust | undefined;
}

const MAX_MANIFEST_BYTES = 1_000_000;
/** Above this, weights and heap could not share an isolate of 128 MB. */
const MAX_FILE_BYTES = 96_000_000;

export function createModelStore(options: ModelStoreOptions): ModelStore {
  let state: "empty" | "failed" = "empty";
  let detail = "not asked for yet";
  const broken: Broken = new Map();
  const flight = createFlight(async () => {
    let isOver = false;
    try {
      // Files that are still on their way when a load fails no longer say anything.
      return await loadBase(options, broken, (step) => {
        if (!isOver) detail = step;
      });
    } catch (error) {
      isOver = true;
      state = "failed";
      detail = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }, options.clock);
  return {
    get: (hold) => flight.get(hold),
    get ready() {
      return flight.value;
    },
    get status(): ModelStore["status"] {
      if (flight.value) return { state: "ready", detail: shortIdentity(flight.value.manifest) };
      return { state: flight.isLoading ? "loading" : state, detail };
    },
  };
}

/**
 * Manifests of bases that the engine has refused. It would refuse them again, and every attempt costs
 * a download and memory that is never given back. Damaged files are read again, since they may have
 * been repaired.
 */
type Broken = Map<string, unknown>;

/** Codes by which an engine refuses a base. */
const REFUSALS: readonly string[] = [
  "runtime-failed",
  "graph-invalid",
  "weights-invalid",
  "engine-unsupported",
  "base-too-large",
];

/** The image among the builds. */
const IMAGE = "session image";

async function loadBase(
  options: ModelStoreOptions,
  broken: Broken,
  progress: (step: string) => void,
): Promise<LoadedBase> {
  const { base, bucket, sha256, startSha256, engine, trust } = options;
  const notFound = (key: string): UnavailableError =>
    new UnavailableError(
      "base-not-found",
      `base "${base}": the bucket has no "${key}"; push a base with this name, or set BASE to one that is there`,
    );
  const read = async (key: string, maxBytes: number): Promise<Uint8Array> => {
    const object = await bucket.get(key, maxBytes);
    if (object === null || object === "unchanged") throw notFound(key);
    return object.bytes;
  };
  /** Builds that were read, SHA-256 by name. */
  const builds = new Map<string, string>();
  /** Names of files on their way. */
  const pending = new Set<string>();
  const tellPending = (): void => {
    if (pending.size > 0) progress(`reading ${[...pending].join(", ")}`);
  };
  const begin = (name: string): void => {
    pending.add(name);
    tellPending();
  };
  const end = (name: string): void => {
    pending.delete(name);
    tellPending();
  };
  const subjectOf = (name: string): string => `base "${base}": ${name}`;
  const readBlob = async (ref: FileRef, name: string): Promise<Uint8Array> => {
    begin(name);
    try {
      const bytes = await read(blobKey(ref.sha256), MAX_FILE_BYTES);
      await checkFile(subjectOf(name), bytes, ref, sha256);
      return bytes;
    } finally {
      end(name);
    }
  };
  async function* streamBlob(name: string): AsyncGenerator<Uint8Array> {
    begin(name);
    try {
      const ref = (await manifest).files[name]!;
      const key = blobKey(ref.sha256);
      const object = await bucket.stream(key, MAX_FILE_BYTES);
      if (object === null) throw notFound(key);
      yield* checkedStream(subjectOf(name), object.pieces, ref, startSha256);
    } finally {
      end(name);
    }
  }

  progress("reading the pointer");
  const pointerBytes = await read(baseKey(base), MAX_POINTER_BYTES);
  await trust?.pointer(baseKey(base), pointerBytes);
  const pointer = readBasePointer(pointerBytes, baseKey(base));
  const manifestHash = hashOf(pointer.manifest);
  if (broken.has(manifestHash)) throw broken.get(manifestHash);
  const manifest = readManifest();
  const readFile = async (name: string): Promise<Uint8Array> => {
    const { files, builds: known } = await manifest;
    const bytes = await readBlob(files[name]!, name);
    if (Object.values(known).includes(name)) builds.set(name, files[name]!.sha256);
    return bytes;
  };
  // An image is memory as it was somewhere: the base's signature does not say that it is of this base.
  const image = trust ? null : pointer.session_image;
  const source: BaseSource = {
    manifest,
    file: readFile,
    stream: streamBlob,
    image: image && {
      runtime: image.runtime,
      manifestSha256: manifestHash,
      read: async () => {
        const bytes = await readBlob(image, IMAGE);
        builds.set(IMAGE, image.sha256);
        return bytes;
      },
    },
  };
  // All at once: a cold start waits for the slowest file, not for their sum, and makes what it can
  // of the others meanwhile.
  const [load, parts] = await Promise.all([engine.prepare(source), manifest.then(readParts)]);
  progress("loading the encoder");
  try {
    const encoder = await load();
    if (encoder.loadedFrom !== "image") builds.delete(IMAGE);
    return { ...parts, encoder, builds: Object.fromEntries(builds) };
  } catch (error) {
    if (error instanceof EdgePrefixError && REFUSALS.includes(error.code)) {
      broken.set(manifestHash, error);
    }
    throw error;
  }

  async function readManifest(): Promise<BaseManifest> {
    progress("reading the manifest");
    const subject = `base "${base}": manifest.json`;
    const bytes = await read(blobKey(manifestHash), MAX_MANIFEST_BYTES);
    await checkFile(subject, bytes, { sha256: manifestHash, bytes: bytes.byteLength }, sha256);
    const found = await readBaseManifest(bytes, sha256, subject);
    if (found.name !== base) {
      throw new FormatError(
        "base-manifest-invalid",
        `${subject}: is of base "${found.name}"; push base "${base}" again`,
      );
    }
    if (trust) {
      const files = Object.entries(found.files).map(([name, ref]) => [name, ref.sha256] as const);
      const all = [["manifest.json", manifestHash] as const, ...files];
      await trust.version(`base "${base}"`, all, pointer.signature);
    }
    return found;
  }

  async function readParts(found: BaseManifest): Promise<Omit<LoadedBase, "encoder" | "builds">> {
    const { tokenizer, pooler } = found;
    const parts = await Promise.all([
      streamTokenizer(streamBlob(tokenizer)),
      pooler === null ? null : readFile(pooler).then((bytes) => openPooler(bytes, found)),
    ]);
    return { manifest: found, tokenizer: parts[0], pooler: parts[1] };
  }
}
