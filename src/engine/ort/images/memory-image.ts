/**
 * The changes that some work made in a wasm memory, as a file, so that the work need not be repeated.
 *
 *   u32 length of header | header, JSON | u32 [offset, length] of every run | bytes of all runs
 *
 * All numbers are little-endian, as the memory itself; the header's text is padded so that the table
 * is aligned. The other fields of the header say on which memory the changes can be made.
 */
import { FormatError } from "../../../core/errors.ts";
import { readRecord } from "../../../core/record.ts";
import type { RecordReader } from "../../../core/record.ts";
import { encodeUtf8, parseJson } from "../../../core/text.ts";

/** A wasm instance's exports. */
export type WasmExports = Record<string, unknown>;

/** Anything with a wasm memory's buffer that grows by pages. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

export interface MemoryImage {
  /** All fields of the header. */
  readonly header: RecordReader;
  /** Size of the memory afterwards. */
  readonly memoryBytes: number;
  /** [offset, length] of every changed run, one after the other. */
  readonly table: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Changed bytes [from, to). */
export interface Run {
  readonly from: number;
  readonly to: number;
}

const CODE = "image-invalid";
const MAX_HEADER_BYTES = 10_000;
/** A wasm memory has 32-bit addresses. */
const MAX_MEMORY_BYTES = 2 ** 32;
const PAGE_BYTES = 65_536;
const SPACE = 0x20;

/** Reads an image; throws FormatError `image-invalid` or `json-invalid`. Its bytes are not copied. */
export function readImage(file: Uint8Array, subject: string): MemoryImage {
  const fail = (what: string): never => {
    throw new FormatError(CODE, `${subject}: ${what}`);
  };
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = file.length < 4 ? 0 : view.getUint32(0, true);
  if (length === 0 || length > MAX_HEADER_BYTES || 4 + length > file.length) {
    return fail(`has ${file.length} bytes and a header of ${length}`);
  }
  const header = readRecord(parseJson(file.subarray(4, 4 + length), subject), subject, CODE);
  const memoryBytes = header.count("memory_bytes", 0, MAX_MEMORY_BYTES);
  const at = 4 + length;
  const runs = header.count("runs", 0, Math.floor((file.length - at) / 8));
  // A copy is aligned. Not by slice(), which for Node's buffers makes a view.
  const table = new Uint32Array(new Uint8Array(file.subarray(at, at + 8 * runs)).buffer);
  const bytes = file.subarray(at + 8 * runs);
  let total = 0;
  for (let i = 0; i < table.length; i += 2) {
    total += table[i + 1]!;
    if (table[i]! + table[i + 1]! > memoryBytes) fail(`run ${i / 2} ends beyond the memory`);
  }
  if (total !== bytes.length) fail(`has ${bytes.length} bytes for runs of ${total}`);
  return { header, memoryBytes, table, bytes };
}

/** Writes an image of `memory`: its size, its runs, and the other fields of the header. */
export function writeImage(
  memory: Uint8Array,
  runs: readonly Run[],
  fields: Readonly<Record<string, unknown>>,
): Uint8Array {
  const header = { ...fields, memory_bytes: memory.length, runs: runs.length };
  const json = encodeUtf8(JSON.stringify(header));
  const length = Math.ceil(json.length / 4) * 4;
  const at = 4 + length + 8 * runs.length;
  const file = new Uint8Array(runs.reduce((sum, { from, to }) => sum + to - from, at));
  const view = new DataView(file.buffer);
  view.setUint32(0, length, true);
  file.fill(SPACE, 4, 4 + length);
  file.set(json, 4);
  let to = at;
  runs.forEach((run, i) => {
    view.setUint32(4 + length + 8 * i, run.from, true);
    view.setUint32(4 + length + 8 * i + 4, run.to - run.from, true);
    file.set(memory.subarray(run.from, run.to), to);
    to += run.to - run.from;
  });
  return file;
}

/**
 * Makes the memory what it was when the image was taken. Throws RangeError, and changes nothing, when
 * it may not grow so far.
 */
export function restore({ memoryBytes, table, bytes }: MemoryImage, memory: WasmMemory): void {
  const missing = memoryBytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  const target = new Uint8Array(memory.buffer);
  let from = 0;
  for (let i = 0; i < table.length; i += 2) {
    const length = table[i + 1]!;
    target.set(bytes.subarray(from, from + length), table[i]!);
    from += length;
  }
}

/** The file with its checksum behind it. */
export function seal(file: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(file.length + 4);
  sealed.set(file);
  new DataView(sealed.buffer).setUint32(file.length, checksumOf(file), true);
  return sealed;
}

/** The file without its checksum; throws FormatError `image-invalid` when that is another. */
export function unseal(sealed: Uint8Array, subject: string): Uint8Array {
  const end = sealed.length - 4;
  const file = sealed.subarray(0, Math.max(0, end));
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (end < 0 || view.getUint32(end, true) !== checksumOf(file)) {
    throw new FormatError(CODE, `${subject}: has another checksum than its bytes; make it anew`);
  }
  return file;
}

// FNV-1a: tells builds of a module apart and finds damage. It protects against no attack.
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Checksum of every `step`th 32-bit word of a memory's first bytes. */
export function checksum(buffer: ArrayBufferLike, bytes: number, step: number): number {
  const words = new Uint32Array(buffer, 0, bytes >>> 2);
  let hash = FNV_BASIS;
  for (let i = 0; i < words.length; i += step) hash = Math.imul(hash ^ words[i]!, FNV_PRIME);
  return hash >>> 0;
}

/** Checksum of all bytes, in 32-bit words and what is left behind the last of them. */
export function checksumOf(bytes: Uint8Array): number {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, bytes.length >>> 2);
  let hash = FNV_BASIS;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i]!, FNV_PRIME);
  for (let i = words.length * 4; i < bytes.length; i++) {
    hash = Math.imul(hash ^ aligned[i]!, FNV_PRIME);
  }
  return hash >>> 0;
}
