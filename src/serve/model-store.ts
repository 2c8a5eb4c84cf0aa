/**
 * The one base of an isolate: pointer -> manifest -> files, each hashed before it is used, then one
 * session for the isolate's life (the wasm heap never shrinks, so there is no second load). Where the
 * bucket has an image of the loaded graph that fits, it is read instead of graph and weights.
 */
import { FormatError, UnavailableError } from "../core/errors.ts";
import type { Pooler } from "../core/model/head.ts";
import { baseKey, blobKey } from "../core/format/keys.ts";
import {
  baseIdentity,
  checkFile,
  readBaseManifest,
  shortIdentity,
} from "../core/format/manifest.ts";
import type { BaseManifest, FileRef, Sha256 } from "../core/format/manifest.ts";
import { MAX_POINTER_BYTES, hashOf, readBasePointer } from "../core/format/pointer.ts";
import { openPooler } from "../core/format/task.ts";
import { parseJson } from "../core/text.ts";
import { createTokenizer } from "../core/tokenizer/tokenizer.ts";
import type { Tokenizer } from "../core/tokenizer/tokenizer.ts";
import type { GraphFiles, Session, SessionImages } from "../engine/session.ts";
import type { Bucket } from "./bucket.ts";
import { createFlight } from "./flight.ts";
import type { Clock, Hold } from "./flight.ts";

/** A base ready to answer. */
export interface LoadedBase {
  readonly manifest: BaseManifest;
  readonly tokenizer: Tokenizer;
  readonly session: Session;
  readonly pooler: Pooler | null;
}

/** The runtime loaded the base's graph, or what it had made of that was restored. */
export type LoadedFrom = "graph" | "image";

export interface ModelStore {
  /** Loads the base or joins the load under way. */
  get(hold: Hold): Promise<LoadedBase>;
  /** The base if it is there. */
  readonly ready: LoadedBase | null;
  /** How it came into memory; null while it is not there. */
  readonly loadedFrom: LoadedFrom | null;
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
  readonly createSession: (files: GraphFiles) => Promise<Session>;
  /** How a base is loaded faster, where the host can and the bucket has an image of it. */
  readonly images?: SessionImages;
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
    get: async (hold) => (await flight.get(hold)).base,
    get ready() {
      return flight.value && flight.value.base;
    },
    get loadedFrom() {
      return flight.value && flight.value.from;
    },
    get status(): ModelStore["status"] {
      if (flight.value)
        return { state: "ready", detail: shortIdentity(flight.value.base.manifest) };
      return { state: flight.isLoading ? "loading" : state, detail };
    },
  };
}

/**
 * Manifests whose graph the runtime has refused. It would refuse it again, and every attempt costs a
 * download and heap that is never given back; files that are damaged are another matter, since
 * somebody may repair them.
 */
type Broken = Map<string, unknown>;

async function loadBase(
  options: ModelStoreOptions,
  broken: Broken,
  progress: (step: string) => void,
): Promise<{ readonly base: LoadedBase; readonly from: LoadedFrom }> {
  const { base, bucket, sha256, createSession, images } = options;
  const read = async (key: string, maxBytes: number): Promise<Uint8Array> => {
    const object = await bucket.get(key, maxBytes);
    if (object === null || object === "unchanged") {
      throw new UnavailableError(
        "base-not-found",
        `base "${base}": the bucket has no "${key}"; push a base with this name, or set BASE to one that is there`,
      );
    }
    return object.bytes;
  };
  /** Names of files on their way. */
  const pending = new Set<string>();
  const tellPending = (): void => {
    if (pending.size > 0) progress(`reading ${[...pending].join(", ")}`);
  };
  const readBlob = async (ref: FileRef, name: string): Promise<Uint8Array> => {
    pending.add(name);
    tellPending();
    try {
      const bytes = await read(blobKey(ref.sha256), MAX_FILE_BYTES);
      await checkFile(`base "${base}": ${name}`, bytes, ref, sha256);
      return bytes;
    } finally {
      pending.delete(name);
      tellPending();
    }
  };

  progress("reading the pointer");
  const pointer = readBasePointer(await read(baseKey(base), MAX_POINTER_BYTES), baseKey(base));
  const manifestHash = hashOf(pointer.manifest);
  if (broken.has(manifestHash)) throw broken.get(manifestHash);
  // The largest file of all, so it does not wait for the manifest.
  const ref = pointer.session_image;
  const imageRead =
    ref !== null && images?.fits(ref.runtime)
      ? readBlob(ref, "session image").catch(() => null)
      : null;
  progress("reading the manifest");
  const subject = `base "${base}": manifest.json`;
  const manifestBytes = await read(blobKey(manifestHash), MAX_MANIFEST_BYTES);
  const manifestRef = { sha256: manifestHash, bytes: manifestBytes.byteLength };
  await checkFile(subject, manifestBytes, manifestRef, sha256);
  const manifest = readBaseManifest(manifestBytes, subject);
  if (
    manifest.name !== base ||
    (await baseIdentity(manifest.files, sha256)) !== manifest.identity
  ) {
    throw new FormatError(
      "base-manifest-invalid",
      `${subject}: is of base "${manifest.name}", or its identity is not the hash of its files`,
    );
  }

  // All at once: a cold start waits for the slowest file, not for their sum, and makes what it can
  // of the others meanwhile.
  const { graph, weights, tokenizer, pooler } = manifest;
  const readFile = (name: string): Promise<Uint8Array> => readBlob(manifest.files[name]!, name);
  const readGraph = async (): Promise<GraphFiles> => {
    const [graphBytes, ...shards] = await Promise.all([graph, ...weights].map(readFile));
    return { graph: graphBytes!, weights: new Map(weights.map((name, i) => [name, shards[i]!])) };
  };
  const [image, files, parts] = await Promise.all([
    imageRead,
    imageRead === null ? readGraph() : null,
    Promise.all([
      readFile(tokenizer).then((bytes) => createTokenizer(parseJson(bytes, "tokenizer.json"))),
      pooler === null ? null : readFile(pooler).then((bytes) => openPooler(bytes, manifest)),
    ]),
  ]);
  const loaded = { manifest, tokenizer: parts[0], pooler: parts[1] };
  progress("creating the session");
  const restored = image && (await restoreFrom(image));
  if (restored) return { base: { ...loaded, session: restored }, from: "image" };
  const graphFiles = files ?? (await readGraph());
  try {
    const session = await createSession(graphFiles);
    return { base: { ...loaded, session }, from: "graph" };
  } catch (error) {
    broken.set(manifestHash, error);
    throw error;
  }

  /** The session, or null where the image does not do: then the graph itself is loaded. */
  async function restoreFrom(bytes: Uint8Array): Promise<Session | null> {
    try {
      return await images!.restore(bytes, manifest.identity);
    } catch {
      return null;
    }
  }
}
