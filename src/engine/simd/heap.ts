/**
 * The one memory of the kernels as a stack: weights below, which stay, and the arrays of a run on top,
 * which are given back together. The memory grows to what the largest run needed, and no further.
 */
import { LimitError } from "../../core/errors.ts";
import type { Kernels } from "./kernels/kernels.ts";

/** What a vector load likes best, and more than any kernel asks for. */
const ALIGNMENT = 64;
const PAGE_BYTES = 65_536;

/** Gives arrays their places: the heap does, and so does a count of what they would take. */
export interface Places {
  /** Address of so many bytes. */
  allocate(bytes: number): number;
}

/** Adds up what a heap would have to hold. */
export class PlaceCount implements Places {
  bytes = 0;

  allocate(bytes: number): number {
    const at = this.bytes;
    this.bytes += aligned(bytes);
    return at;
  }
}

export class Heap implements Places {
  readonly #memory: Kernels["memory"];
  readonly #maxBytes: number;
  #top: number;

  /** `maxBytes` is how large the memory may become. */
  constructor({ memory, heapBase }: Pick<Kernels, "memory" | "heapBase">, maxBytes: number) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
    this.#top = aligned(heapBase);
  }

  /** First byte that is free. */
  get top(): number {
    return this.#top;
  }

  /** Bytes of the memory, used or not. */
  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Throws LimitError `heap-limit` when the memory would become larger than allowed. */
  allocate(bytes: number): number {
    const at = this.#top;
    const end = at + aligned(bytes);
    const pages = Math.ceil((end - this.memoryBytes) / PAGE_BYTES);
    if (pages > 0) {
      const wanted = this.memoryBytes + pages * PAGE_BYTES;
      if (wanted > this.#maxBytes) {
        throw new LimitError(
          "heap-limit",
          `memory: ${wanted} bytes are needed, allowed are ${this.#maxBytes}; ask for shorter or fewer texts at once`,
        );
      }
      this.#memory.grow(pages);
    }
    this.#top = end;
    return at;
  }

  /** Gives back everything that was allocated since `top` was `mark`. */
  reset(mark: number): void {
    this.#top = mark;
  }

  // Views are made when they are used: those made before the memory grew are void.

  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, length);
  }

  floats(at: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, length);
  }

  words(at: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, at, length);
  }
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
