/**
 * Starting ONNX Runtime from images of its memory.
 *
 * Most of a cold start is work whose result is always the same. The runtime registers some thousands
 * of operators and kernels, each by a function that is compiled for its one call; then a base's graph
 * is parsed, checked and laid out. Both results are copied instead: the first from an image that is
 * part of the Worker, the second from an image beside the base in the bucket. An image belongs to one
 * build of the wasm module and has the checksum of that build's static data. With any other build, the
 * runtime starts step by step.
 */
import { FormatError, UnavailableError } from "../../../core/errors.ts";
import { MAX_IMAGE_BYTES } from "../../../core/format/pointer.ts";
import { describe } from "../../../core/record.ts";
import type { MemoryImage, WasmExports, WasmMemory } from "./memory-image.ts";
import { checksum, readImage, restore, unseal } from "./memory-image.ts";

/** The image of a started runtime. */
export interface RuntimeImage {
  /** Names the build, its image and the format: what session images are made on top of. */
  readonly id: string;
  /** The export that starts the runtime, and what it is given. */
  readonly init: { readonly name: string; readonly args: readonly number[] };
  /** The memory before: its size, how much of it is used, and the checksum of its static data. */
  readonly before: Before;
  readonly memory: MemoryImage;
}

export interface Before {
  readonly memory_bytes: number;
  /** Beyond so many bytes the memory holds zeros. */
  readonly used: number;
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
  /** What the session computes: see check.ts. */
  readonly states: number;
  readonly memory: MemoryImage;
}

/**
 * Number of the format of both images: raise it with every change of what they hold, then run
 * `npm run runtime-image`. It is part of the runtime's id, so that session images of an older format
 * count as made for another runtime: they are not used, and the next publish replaces them.
 * 3: the runtime's image says how much of the memory was used before.
 */
export const IMAGE_FORMAT = 3;

const UINT32 = 2 ** 32 - 1;
const NAME = /^\w{1,64}$/;

/** Throws FormatError `image-invalid`, also for another format, or `json-invalid`. */
export function readRuntimeImage(file: Uint8Array): RuntimeImage {
  const memory = readImage(file, "runtime image");
  const { header } = memory;
  header.count("format", IMAGE_FORMAT, IMAGE_FORMAT);
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
      used: before.count("used", 0, memoryBytes),
      bytes: before.count("bytes", 0, memoryBytes),
      step: before.count("step", 1, UINT32),
      checksum: before.count("checksum", 0, UINT32),
    },
    memory,
  };
}

/** Throws FormatError `image-invalid` or `json-invalid`. */
export function readSessionImage(file: Uint8Array, subject = "session image"): SessionImage {
  const memory = readImage(unseal(file, subject), subject);
  const { header } = memory;
  const create = header.record("create");
  return {
    runtime: header.string("runtime", /^[0-9a-f]{16}$/),
    base: header.string("base", /^[0-9a-f]{64}$/),
    create: { name: create.string("name", NAME), handle: create.count("handle", 1, UINT32) },
    states: header.count("states", 0, UINT32),
    memory,
  };
}

/**
 * How far the memory of a session may go beyond the runtime's and twice what the image has bytes for:
 * it grows ahead of its use, by a fifth.
 */
const GROWTH_BYTES = 16 * 2 ** 20;

/**
 * Throws UnavailableError `runtime-failed` for the image of another runtime or of another base's
 * manifest, FormatError `image-invalid` for one that claims more memory than it can fill or than an
 * isolate has.
 */
export function checkSessionImage(
  { runtime, base, memory }: SessionImage,
  { id, memory: started }: RuntimeImage,
  manifestSha256: string,
): void {
  const other = runtime !== id ? "runtime" : base !== manifestSha256 ? "base" : null;
  if (other !== null) {
    throw new UnavailableError("runtime-failed", `session image: is of another ${other}`);
  }
  const filled = started.memoryBytes + 2 * memory.bytes.length + GROWTH_BYTES;
  const allowed = Math.min(MAX_IMAGE_BYTES, filled);
  if (memory.memoryBytes > allowed) {
    throw new FormatError(
      "image-invalid",
      `session image: claims ${memory.memoryBytes} bytes of memory, allowed are ${allowed}; make it anew`,
    );
  }
}

/** A module that starts from images. */
export interface Started {
  /** What the loader is to see as its exports. */
  readonly exports: WasmExports;
  /**
   * Ends the restore of a session: it is kept, or else the memory becomes what it was after the start
   * of the runtime. Until then a copy of what the memory held is kept, too.
   */
  endRestore(isKept: boolean): void;
}

/**
 * The exports, started from the images where they fit. With a session image, the first call that
 * would create a session returns the one that the image holds.
 */
export function startFromImages(
  exports: WasmExports,
  memory: WasmMemory,
  image: RuntimeImage | null,
  session: SessionImage | null,
): Started {
  const init = image && exports[image.init.name];
  if (image === null || typeof init !== "function") {
    return { exports, endRestore: () => undefined };
  }
  // The exports live as long as the runtime: they must not hold an image that has been restored.
  let toRestore = session?.memory ?? null;
  let before: ArrayBufferLike | null = null;
  /** The session is in memory and no call has been given it. */
  let isRestored = false;
  const started: WasmExports = { ...exports };
  started[image.init.name] = (...args: number[]): unknown => {
    const isSame =
      args.length === image.init.args.length &&
      args.every((value, i) => value === image.init.args[i]);
    if (!isSame || !fits(image.before, memory)) return init(...args);
    if (toRestore) before = memory.buffer.slice(0, image.before.used);
    restore(image.memory, memory);
    isRestored = toRestore !== null && tryRestore(toRestore, memory);
    toRestore = null;
    return 0;
  };
  if (session) giveRestored(session.create);
  return {
    exports: started,
    endRestore(isKept) {
      if (before !== null && !isKept) {
        // A memory never shrinks: what has grown since keeps its size, with zeros.
        new Uint8Array(memory.buffer).fill(0).set(new Uint8Array(before));
        restore(image.memory, memory);
      }
      before = null;
      isRestored = false;
    },
  };

  function giveRestored({ name, handle }: SessionImage["create"]): void {
    const create = exports[name];
    if (typeof create !== "function") return;
    started[name] = (...args: number[]): unknown => {
      if (!isRestored) return create(...args);
      isRestored = false;
      return handle;
    };
  }
}

/** Returns false, and changes nothing, when the memory cannot grow so far; the runtime has started anyway. */
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
