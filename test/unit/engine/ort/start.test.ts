/**
 * Starting from images: when they are used, and when the runtime starts as it always did. Its
 * exports are three functions here, its memory is a real one.
 */
import { beforeEach, describe, expect, it, test } from "vitest";
import { readImage, unseal } from "../../../../src/engine/ort/images/memory-image.ts";
import type { WasmExports, WasmMemory } from "../../../../src/engine/ort/images/memory-image.ts";
import {
  IMAGE_FORMAT,
  checkSessionImage,
  readRuntimeImage,
  readSessionImage,
  startFromImages,
} from "../../../../src/engine/ort/images/start.ts";
import type { SessionImage } from "../../../../src/engine/ort/images/start.ts";
import { formatError } from "../../../support/hostile.ts";
import {
  BASE_IDENTITY,
  PAGE,
  RUNTIME_ID,
  SESSION_HANDLE,
  STATIC_DATA,
  bytesOf,
  imageFileOf,
  runtimeHeader,
  runtimeImageFile,
  sessionHeader,
  sessionImageFile,
  wasmMemory,
} from "../../../support/memory-images.ts";

const runtime = readRuntimeImage(runtimeImageFile());
const session = readSessionImage(sessionImageFile());

/** What the runtime's own functions return here. */
const STARTED = 3;
const CREATED = 55_000;

let calls: [string, ...number[]][];
let exports: WasmExports;
let memory: WasmMemory;

beforeEach(() => {
  calls = [];
  const called =
    (name: string, result: number) =>
    (...args: number[]): number => {
      calls.push([name, ...args]);
      return result;
    };
  exports = {
    start: called("start", STARTED),
    create: called("create", CREATED),
    other: called("other", 1),
    table: {},
  };
  memory = wasmMemory(1, STATIC_DATA);
});

/** Calls one of the exports that `startFromImages` returned. */
const call = (from: WasmExports, name: string, ...args: number[]): unknown =>
  (from[name] as (...args: number[]) => unknown)(...args);

const start = (image: SessionImage | null, from = runtime): WasmExports =>
  startFromImages(exports, memory, from, image).exports;

/** Pages, and the bytes that the two images change. */
const state = (): [number, number[], number[]] => [
  memory.buffer.byteLength / PAGE,
  [...bytesOf(memory).subarray(100, 103)],
  [...bytesOf(memory).subarray(2 * PAGE, 2 * PAGE + 2)],
];

describe("a runtime that is as its image found it", () => {
  it("is started by copying: 0 is success, and nothing was called", () => {
    const started = start(null);
    expect(state()).toEqual([1, [0, 0, 0], []]);
    expect(call(started, "start", 1, 2)).toBe(0);
    expect(calls).toEqual([]);
    expect(state()).toEqual([2, [9, 8, 7], []]);
    expect([...bytesOf(memory).subarray(0, STATIC_DATA.length)]).toEqual(STATIC_DATA);
  });

  it("creates its sessions itself when there is no image of one", () => {
    const started = start(null);
    call(started, "start", 1, 2);
    expect(started["create"]).toBe(exports["create"]);
    expect(call(started, "create", 10, 20, 30)).toBe(CREATED);
  });

  it("has the session of an image, and hands it to the first who creates one", () => {
    const started = start(session);
    expect(call(started, "start", 1, 2)).toBe(0);
    expect(state()).toEqual([3, [9, 8, 7], [5, 6]]);
    expect(call(started, "create", 10, 20, 30)).toBe(SESSION_HANDLE);
    expect(calls).toEqual([]);
    expect(call(started, "create", 11, 21, 31)).toBe(CREATED);
    expect(call(started, "create", 12, 22, 32)).toBe(CREATED);
    expect(calls).toEqual([
      ["create", 11, 21, 31],
      ["create", 12, 22, 32],
    ]);
  });

  it("keeps all other exports as they are, and the instance's own untouched", () => {
    const before = { ...exports };
    const started = start(session);
    expect(started["other"]).toBe(exports["other"]);
    expect(started["table"]).toBe(exports["table"]);
    expect(exports).toEqual(before);
  });

  it("does not give away a session before it is there", () => {
    expect(call(start(session), "create", 1, 1, 1)).toBe(CREATED);
  });

  it("is up without the session when its memory may not grow so far", () => {
    memory = wasmMemory(1, STATIC_DATA, 2);
    const started = start(session);
    expect(call(started, "start", 1, 2)).toBe(0);
    expect(state()).toEqual([2, [9, 8, 7], []]);
    expect(call(started, "create", 10, 20, 30)).toBe(CREATED);
  });
});

describe("a runtime that its image does not fit", () => {
  const other: readonly (readonly [string, number[], () => void])[] = [
    ["another number of threads", [2, 2], () => undefined],
    ["another log level", [1, 3], () => undefined],
    ["an argument more", [1, 2, 0], () => undefined],
    ["an argument less", [1], () => undefined],
    ["other static data", [1, 2], () => void (bytesOf(memory)[5] = 0)],
    ["more memory", [1, 2], () => void memory.grow(1)],
  ];
  it.each(other)("is started for real with %s, and creates its sessions", (_, args, change) => {
    change();
    const pages = memory.buffer.byteLength / PAGE;
    const started = start(session);
    expect(call(started, "start", ...args)).toBe(STARTED);
    expect(state().slice(0, 2)).toEqual([pages, [0, 0, 0]]);
    expect(call(started, "create", 10, 20, 30)).toBe(CREATED);
    expect(calls).toEqual([
      ["start", ...args],
      ["create", 10, 20, 30],
    ]);
  });

  it("is left alone when it has no such export", () => {
    const init = { name: "another", args: [1, 2] };
    const renamed = readRuntimeImage(runtimeImageFile({ init }));
    expect(start(session, renamed)).toBe(exports);
  });

  it("creates its sessions under whatever name", () => {
    const create = { name: "another", handle: SESSION_HANDLE };
    const started = start(readSessionImage(sessionImageFile({ create })));
    call(started, "start", 1, 2);
    expect(call(started, "create", 10, 20, 30)).toBe(CREATED);
  });
});

describe("a session's image", () => {
  it("is for its runtime and its base", () => {
    expect(() => checkSessionImage(session, runtime, BASE_IDENTITY)).not.toThrow();
  });

  test.each([
    ["runtime", "f".repeat(16), BASE_IDENTITY],
    ["base", RUNTIME_ID, "a".repeat(64)],
  ])("is refused for another %s", (what, id, base) => {
    expect(() => checkSessionImage(session, { ...runtime, id }, base)).toThrow(
      expect.objectContaining({
        code: "runtime-failed",
        message: `session image: is of another ${what}`,
      }),
    );
  });
});

describe("a restore that is not kept", () => {
  it("leaves the memory as the start of the runtime did, whatever has been written since", () => {
    const plain = wasmMemory(1, STATIC_DATA);
    call(startFromImages(exports, plain, runtime, null).exports, "start", 1, 2);
    const { exports: started, endRestore } = startFromImages(exports, memory, runtime, session);
    call(started, "start", 1, 2);
    bytesOf(memory).fill(77, 4000, 2 * PAGE + 500);
    endRestore(false);
    const [found, wanted] = [bytesOf(memory), bytesOf(plain)];
    expect(Buffer.compare(found.subarray(0, wanted.length), wanted)).toBe(0);
    expect(found.subarray(wanted.length).every((byte) => byte === 0)).toBe(true);
    expect(call(started, "create", 10, 20, 30)).toBe(CREATED);
  });

  it("cannot be taken back once it has been kept", () => {
    const { exports: started, endRestore } = startFromImages(exports, memory, runtime, session);
    call(started, "start", 1, 2);
    endRestore(true);
    endRestore(false);
    expect(state()).toEqual([3, [9, 8, 7], [5, 6]]);
  });
});

describe("the memory that a session's image claims", () => {
  /** Bytes that an isolate has for it (MAX_IMAGE_BYTES), and a wasm memory's largest size. */
  const [ISOLATE, LARGEST] = [96_000_000, 2 ** 32];
  const claiming = (memoryBytes: number): SessionImage => ({
    ...session,
    memory: { ...session.memory, memoryBytes },
  });

  it.each([2 ** 30, LARGEST, ISOLATE + 1])("may not be %i bytes", (bytes) => {
    expect(() => checkSessionImage(claiming(bytes), runtime, BASE_IDENTITY)).toThrow(
      expect.objectContaining({ code: "image-invalid" }),
    );
  });

  it("may not be far more than the image has bytes for", () => {
    // Two pages of the runtime, twice two bytes of the image, 16 MiB of growth.
    const allowed = 2 * PAGE + 4 + 16 * 2 ** 20;
    expect(() => checkSessionImage(claiming(allowed), runtime, BASE_IDENTITY)).not.toThrow();
    expect(() => checkSessionImage(claiming(allowed + 1), runtime, BASE_IDENTITY)).toThrow(
      `allowed are ${allowed}`,
    );
  });
});

describe("headers", () => {
  test("of a runtime's image are read as they are", () => {
    expect(runtime).toEqual({ ...runtimeHeader({ format: undefined }), memory: runtime.memory });
    expect(runtime.memory.memoryBytes).toBe(2 * PAGE);
  });

  test("of a session's image are read as they are", () => {
    expect(session).toEqual({ ...sessionHeader(), memory: session.memory });
    expect(session.memory.memoryBytes).toBe(3 * PAGE);
  });

  const before = runtimeHeader()["before"] as Record<string, unknown>;
  test.each<[string, Record<string, unknown>]>([
    ["no id", { id: undefined }],
    ["an id that is no hash", { id: RUNTIME_ID.toUpperCase() }],
    ["no format", { format: undefined }],
    ["an older format", { format: IMAGE_FORMAT - 1 }],
    ["no call that starts it", { init: undefined }],
    ["a call of no name", { init: { name: "", args: [] } }],
    ["a call without arguments", { init: { name: "start" } }],
    ["too many arguments", { init: { name: "start", args: Array(9).fill(1) } }],
    ...[null, "1", true, [], {}, { valueOf: 1, toString: 1 }].map(
      (arg): [string, Record<string, unknown>] => [
        `an argument ${JSON.stringify(arg)}`,
        { init: { name: "start", args: [1, arg] } },
      ],
    ),
    ["more in use than the memory has", { before: { ...before, used: PAGE + 1 } }],
    ["static data larger than the memory", { before: { ...before, bytes: PAGE + 1 } }],
    ["a step of 0, which would never end", { before: { ...before, step: 0 } }],
    ["no checksum", { before: { ...before, checksum: undefined } }],
    ["a checksum of more than 32 bits", { before: { ...before, checksum: 2 ** 32 } }],
  ])("of a runtime's image with %s are refused", (_, changes) => {
    const file = runtimeImageFile(changes);
    expect(() => readImage(file, "x")).not.toThrow();
    expect(formatError(() => readRuntimeImage(file)).code).toBe("image-invalid");
  });

  test.each<[string, Record<string, unknown>]>([
    ["no runtime", { runtime: undefined }],
    ["no base", { base: undefined }],
    ["half a hash of a base", { base: "b".repeat(32) }],
    ["no call that creates it", { create: undefined }],
    ["a call of a name that is a path", { create: { name: "../x", handle: 1 } }],
    ["a null pointer", { create: { name: "create", handle: 0 } }],
    ["no checksum of its states", { states: undefined }],
    ["a handle that is no pointer", { create: { name: "create", handle: 2 ** 32 } }],
  ])("of a session's image with %s are refused", (_, changes) => {
    const file = sessionImageFile(changes);
    expect(() => readImage(unseal(file, "x"), "x")).not.toThrow();
    expect(formatError(() => readSessionImage(file)).code).toBe("image-invalid");
  });

  test("name the file that is refused", () => {
    const file = imageFileOf({});
    expect(formatError(() => readSessionImage(file, "blobs/x")).message).toMatch(/^blobs\/x: /);
    expect(formatError(() => readSessionImage(file)).message).toMatch(/^session image: /);
    expect(formatError(() => readRuntimeImage(file)).message).toMatch(/^runtime image: /);
  });
});
