/**
 * The one base of an isolate: pointer -> manifest -> files, each hashed before it is used, then one
 * session for the isolate's life (the wasm heap never shrinks, so there is no second load).
 */
import { FormatError, UnavailableError } from "../core/errors.ts";
import type { Pooler } from "../core/head.ts";
import { baseKey, blobKey } from "../core/keys.ts";
import { baseIdentity, checkFile, readBaseManifest, shortIdentity } from "../core/manifest.ts";
import type { BaseManifest, Sha256 } from "../core/manifest.ts";
import { MAX_POINTER_BYTES, hashOf, readBasePointer } from "../core/pointer.ts";
import { openPooler } from "../core/task.ts";
import { parseJson } from "../core/text.ts";
import { createTokenizer } from "../core/tokenizer.ts";
import type { Tokenizer } from "../core/tokenizer.ts";
import type { GraphFiles, Session } from "../runtime/session.ts";
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
  readonly createSession: (files: GraphFiles) => Promise<Session>;
}

const MAX_MANIFEST_BYTES = 1_000_000;
/** Above this, weights and heap could not share an isolate of 128 MB. */
const MAX_FILE_BYTES = 96_000_000;

export function createModelStore(options: ModelStoreOptions): ModelStore {
  let state: "empty" | "failed" = "empty";
  let detail = "not asked for yet";
  const flight = createFlight(async (beat) => {
    try {
      return await loadBase(options, (step) => {
        detail = step;
        beat();
      });
    } catch (error) {
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

async function loadBase(
  { base, bucket, sha256, createSession }: ModelStoreOptions,
  progress: (step: string) => void,
): Promise<LoadedBase> {
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

  progress("reading the pointer");
  const pointer = readBasePointer(await read(baseKey(base), MAX_POINTER_BYTES), baseKey(base));
  progress("reading the manifest");
  const manifestHash = hashOf(pointer.manifest);
  const manifestBytes = await read(blobKey(manifestHash), MAX_MANIFEST_BYTES);
  const subject = `base "${base}": manifest.json`;
  const manifestRef = { sha256: manifestHash, bytes: manifestBytes.byteLength };
  await checkFile(subject, manifestBytes, manifestRef, sha256);
  const manifest = readBaseManifest(manifestBytes, subject);
  if ((await baseIdentity(manifest.files, sha256)) !== manifest.identity) {
    throw new FormatError(
      "base-manifest-invalid",
      `${subject}: its identity is not the hash of its files`,
    );
  }

  const readFile = async (name: string): Promise<Uint8Array> => {
    progress(`reading ${name}`);
    const ref = manifest.files[name]!;
    const bytes = await read(blobKey(ref.sha256), MAX_FILE_BYTES);
    await checkFile(`base "${base}": ${name}`, bytes, ref, sha256);
    return bytes;
  };
  const tokenizer = createTokenizer(
    parseJson(await readFile(manifest.tokenizer), "tokenizer.json"),
  );
  const pooler =
    manifest.pooler === null ? null : openPooler(await readFile(manifest.pooler), manifest);
  const graph = await readFile(manifest.graph);
  const weights = new Map<string, Uint8Array>();
  for (const name of manifest.weights) weights.set(name, await readFile(name));
  progress("creating the session");
  const session = await createSession({ graph, weights });
  progress("ready");
  return { manifest, tokenizer, session, pooler };
}
