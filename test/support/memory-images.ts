/** Wasm memories, and images of them put together by hand, true or not. */
import { checksum, seal, writeImage } from "../../src/engine/ort/images/memory-image.ts";
import type { WasmMemory } from "../../src/engine/ort/images/memory-image.ts";
import { IMAGE_FORMAT } from "../../src/engine/ort/images/start.ts";

// Node's type settings have no WebAssembly; this is the part that is used here.
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum?: number }) => WasmMemory;
};

/** Bytes of a page, of which a wasm memory is made (WebAssembly specification, 4.2.8). */
export const PAGE = 65_536;

/** A real wasm memory of `pages`, which begins with `content` and may grow up to `maximum` pages. */
export function wasmMemory(
  pages: number,
  content: ArrayLike<number> = [],
  maximum = 16,
): WasmMemory {
  const memory = new WebAssembly.Memory({ initial: pages, maximum });
  new Uint8Array(memory.buffer).set(content);
  return memory;
}

export const bytesOf = ({ buffer }: WasmMemory): Uint8Array => new Uint8Array(buffer);

/** A file with this header (a text, or a value written as JSON), this table and these bytes. */
export function imageFileOf(
  header: unknown,
  table: readonly number[] = [],
  bytes: ArrayLike<number> = [],
): Uint8Array {
  const json = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const file = new Uint8Array(4 + json.length + 4 * table.length + bytes.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, json.length, true);
  file.set(json, 4);
  table.forEach((value, i) => view.setUint32(4 + json.length + 4 * i, value, true));
  file.set(bytes, 4 + json.length + 4 * table.length);
  return file;
}

/** Before the runtime of these images starts, its memory is one page that begins with this. */
export const STATIC_DATA: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8];
export const RUNTIME_ID = "0123456789abcdef";
export const BASE_IDENTITY = "b".repeat(64);
export const SESSION_HANDLE = 77_000;

/** Header of the image of a runtime that `start(1, 2)` starts. */
export const runtimeHeader = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: RUNTIME_ID,
  format: IMAGE_FORMAT,
  init: { name: "start", args: [1, 2] },
  before: {
    memory_bytes: PAGE,
    used: STATIC_DATA.length,
    bytes: STATIC_DATA.length,
    step: 1,
    checksum: checksum(Uint8Array.from(STATIC_DATA).buffer, STATIC_DATA.length, 1),
  },
  ...changes,
});

/** Header of the image of a session on top of it, which `create` has created. */
export const sessionHeader = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  runtime: RUNTIME_ID,
  base: BASE_IDENTITY,
  create: { name: "create", handle: SESSION_HANDLE },
  states: 99,
  ...changes,
});

/** The image of a started runtime: two pages, of which the first changed bytes 100 to 103. */
export const runtimeImageFile = (changes: Record<string, unknown> = {}): Uint8Array =>
  writeImage(memoryWith(2, 100, [9, 8, 7]), [{ from: 100, to: 103 }], runtimeHeader(changes));

/** The image of a session: three pages, of which the last one changed its first two bytes. */
export const sessionImageFile = (changes: Record<string, unknown> = {}): Uint8Array =>
  seal(
    writeImage(
      memoryWith(3, 2 * PAGE, [5, 6]),
      [{ from: 2 * PAGE, to: 2 * PAGE + 2 }],
      sessionHeader(changes),
    ),
  );

function memoryWith(pages: number, at: number, bytes: readonly number[]): Uint8Array {
  const memory = new Uint8Array(pages * PAGE);
  memory.set(bytes, at);
  return memory;
}
