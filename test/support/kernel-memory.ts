/**
 * The kernels on arrays of a test: numbers go in, an address comes out, and around every array lie
 * bytes that no kernel may change.
 */
import { nodeKernels } from "../../scripts/node/runtime-simd.ts";
import type { Kernels } from "../../src/engine/simd/kernels/kernels.ts";

const TYPES = {
  float32: Float32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint32: Uint32Array,
} as const;

type Type = keyof typeof TYPES;

const GUARD_BYTES = 64;
/** As floats, these bytes are NaN: a kernel that reads what it was not given answers NaN. */
const GUARD = 0xff;

export class KernelMemory {
  readonly kernels: Kernels = nodeKernels();
  readonly #placed: { readonly at: number; readonly bytes: number }[] = [];
  #top: number;

  constructor(pages = 64) {
    this.kernels.memory.grow(pages);
    this.#top = Math.ceil(this.kernels.heapBase / 64) * 64;
    new Uint8Array(this.kernels.memory.buffer).fill(GUARD, this.#top);
  }

  /** Places numbers and returns their address. */
  place(type: Type, values: ArrayLike<number>): number {
    const at = this.reserve(values.length * TYPES[type].BYTES_PER_ELEMENT);
    new TYPES[type](this.kernels.memory.buffer, at, values.length).set(values);
    return at;
  }

  /** Address of bytes that a kernel writes. */
  reserve(bytes: number): number {
    const at = this.#top + GUARD_BYTES;
    this.#top = Math.ceil((at + bytes) / GUARD_BYTES) * GUARD_BYTES;
    this.#placed.push({ at, bytes });
    return at;
  }

  /** A copy of `count` numbers from an address. */
  read(type: Type, at: number, count: number): number[] {
    return [...new TYPES[type](this.kernels.memory.buffer, at, count)];
  }

  /** The values of quantized rows [M, K], from their tiles (kernels.ts). */
  readQuantized(at: number, M: number, K: number): number[][] {
    const numbers = this.read("int16", at, M * K);
    return Array.from({ length: M }, (_, m) => {
      const first = m - (m % 4);
      const rows = Math.min(M - first, 4);
      return Array.from(
        { length: K },
        (_, k) => numbers[first * K + Math.floor(k / 2) * rows * 2 + (m - first) * 2 + (k % 2)]!,
      );
    });
  }

  /** Places quantized rows. */
  placeQuantized(rows: readonly (readonly number[])[]): number {
    const K = rows[0]!.length;
    const numbers: number[] = [];
    for (let first = 0; first < rows.length; first += 4) {
      const tile = rows.slice(first, first + 4);
      for (let k = 0; k < K; k += 2) for (const row of tile) numbers.push(row[k]!, row[k + 1]!);
    }
    return this.place("int16", numbers);
  }

  /** Addresses of arrays around which something was written. */
  overwritten(): number[] {
    const bytes = new Uint8Array(this.kernels.memory.buffer);
    const isGuard = (from: number, to: number): boolean =>
      bytes.subarray(from, to).every((byte) => byte === GUARD);
    return this.#placed
      .filter(
        ({ at, bytes: size }) =>
          !isGuard(at - GUARD_BYTES, at) || !isGuard(at + size, this.#endOf(at + size)),
      )
      .map(({ at }) => at);
  }

  #endOf(end: number): number {
    return Math.ceil(end / GUARD_BYTES) * GUARD_BYTES + GUARD_BYTES;
  }
}

/** Rows of a matrix as one list. */
export const flat = (rows: readonly (readonly number[])[]): number[] => rows.flat();

/** Rows as the kernels have them: zeros behind each, up to a multiple of 8. */
export const padded = (rows: readonly (readonly number[])[]): number[][] =>
  rows.map((row) => [...row, ...Array<number>(-row.length & 7).fill(0)]);

/** Cuts a list into rows of `width`. */
export const rowsOf = (values: readonly number[], width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));

/** The largest difference of two lists of numbers. */
export const distance = (a: readonly number[], b: readonly number[]): number =>
  a.length === b.length ? Math.max(0, ...a.map((value, i) => Math.abs(value - b[i]!))) : NaN;
