/**
 * Starting ONNX Runtime from images of its memory.
 *
 * Most of a cold start is work whose result is always the same. The runtime registers some thousands
 * of operators and kernels, each by a function that is compiled for its one call; then a base's graph
 * is parsed, checked and laid out. Both results are copied instead: the first from an image that is
 * part of the Worker, the second from one that lies beside the base in the bucket. An image belongs
 * to one build of the wasm module, whose static data it names by a checksum. Any other build starts
 * as it always did.
 */
import { UnavailableError } from "../../../core/errors.ts";
import { describe } from "../../../core/record.ts";
import { checksum, readImage, restore } from "./memory-image.ts";
import type { MemoryImage, WasmMemory } from "./memory-image.ts";

/** A wasm instance's exports. */
export type WasmExports = Record<string, unknown>;

/** The image of a started runtime. */
export interface RuntimeImage {
  /** Names the build and its image: what session images are made on top of. */
  readonly id: string;
  /** The export that starts the runtime, and what it is given. */
  readonly init: { readonly name: string; readonly args: readonly number[] };
  /** The memory before: its size, and the checksum of its static data. */
  readonly before: Before;
  readonly memory: MemoryImage;
}

export interface Before {
  readonly memory_bytes: number;
  readonly bytes: number;
  readonly step: number;
  readonly checksum: number;
}

/** The image of a runtime that has loaded a base. */
export interface SessionImage {
  /** `id` of the runtime's image. */
  readonly runtime: string;
  /** SHA-256 of the base's manifest, which lists the graph and the weights that were loaded. */
  readonly base: string;
  /** The export that makes a session, and the handle that it returned. */
  readonly create: { readonly name: string; readonly handle: number };
  readonly memory: MemoryImage;
}

const UINT32 = 2 ** 32 - 1;
const NAME = /^\w{1,64}$/;

/** Throws FormatError `image-invalid` or `json-invalid`. */
export function readRuntimeImage(file: Uint8Array): RuntimeImage {
  const memory = readImage(file, "runtime image");
  const { header } = memory;
  const init = header.record("init");
  const before = header.record("before");
  const memoryBytes = before.count("memory_bytes", 0, UINT32);
  return {
    id: header.string("id", /^[0-9a-f]{16}$/),
    init: {
      name: init.string("name", NAME),
      args: init.list("args", 8, (value) =>
        typeof value === "number" ? value : init.fail(`"args" has ${describe(value)}`),
      ),
    },
    before: {
      memory_bytes: memoryBytes,
      bytes: before.count("bytes", 0, memoryBytes),
      step: before.count("step", 1, UINT32),
      checksum: before.count("checksum", 0, UINT32),
    },
    memory,
  };
}

/** Throws FormatError `image-invalid` or `json-invalid`. */
export function readSessionImage(file: Uint8Array, subject = "session image"): SessionImage {
  const memory = readImage(file, subject);
  const { header } = memory;
  const create = header.record("create");
  return {
    runtime: header.string("runtime", /^[0-9a-f]{16}$/),
    base: header.string("base", /^[0-9a-f]{64}$/),
    create: { name: create.string("name", NAME), handle: create.count("handle", 1, UINT32) },
    memory,
  };
}

/** Throws UnavailableError `runtime-failed` for the image of another runtime or of another base. */
export function checkSessionImage(image: SessionImage, runtime: string, base: string): void {
  const other = image.runtime !== runtime ? "runtime" : image.base !== base ? "base" : null;
  if (other === null) return;
  throw new UnavailableError("runtime-failed", `session image: is of another ${other}`);
}

/**
 * The exports, started from the images where they fit. With a session image, the first call that
 * would create a session returns the one that the image holds.
 */
export function startFromImages(
  exports: WasmExports,
  memory: WasmMemory,
  image: RuntimeImage,
  session: SessionImage | null,
): WasmExports {
  const init = exports[image.init.name];
  if (typeof init !== "function") return exports;
  /** A session is there that nobody has been given yet. */
  let isRestored = false;
  const started: WasmExports = { ...exports };
  started[image.init.name] = (...args: number[]): unknown => {
    const isSame =
      args.length === image.init.args.length &&
      args.every((value, i) => value === image.init.args[i]);
    if (!isSame || !fits(image.before, memory)) return init(...args);
    restore(image.memory, memory);
    isRestored = session !== null && tryRestore(session.memory, memory);
    return 0;
  };
  const create = session && exports[session.create.name];
  if (session && typeof create === "function") {
    started[session.create.name] = (...args: number[]): unknown => {
      if (!isRestored) return create(...args);
      isRestored = false;
      return session.create.handle;
    };
  }
  return started;
}

/** False, and nothing has changed, where the memory may not grow so far: the runtime is up all the same. */
function tryRestore(image: MemoryImage, memory: WasmMemory): boolean {
  try {
    restore(image, memory);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

const fits = (before: Before, { buffer }: WasmMemory): boolean =>
  buffer.byteLength === before.memory_bytes &&
  checksum(buffer, before.bytes, before.step) === before.checksum;
