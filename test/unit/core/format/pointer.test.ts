/** Pointers: the only mutable objects, so the only ones that a half-written or hostile value can replace. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import {
  MAX_IMAGE_BYTES,
  MAX_VERSIONS,
  hashOf,
  readBasePointer,
  readTaskPointer,
} from "../../../../src/core/format/pointer.ts";
import { damaged, damagedBytes, formatError, formatErrorOrNull } from "../../../support/hostile.ts";
import { basePointerJson, hex, taskPointerJson, toBytes } from "../../../support/manifests.ts";

const readTask = (changes: Record<string, unknown> = {}) =>
  readTaskPointer(toBytes(taskPointerJson(changes)), "tasks/x.json");
const readBase = (changes: Record<string, unknown> = {}) =>
  readBasePointer(toBytes(basePointerJson(changes)), "bases/x.json");
const version = (digit: string, changes: object = {}) => ({
  version: digit.repeat(12),
  manifest: `sha256:${hex(digit)}`,
  created: "2026-01-02T03:04:05Z",
  ...changes,
});
const nowhere = [null, undefined, [], {}, true, 1, "", "../x", "sha256:", hex("A")];

describe("a task's pointer", () => {
  test("is read as it is", () => {
    expect(readTask()).toEqual(taskPointerJson());
    const canary = { version: "e".repeat(12), percent: 12.5 };
    expect(readTask({ canary }).canary).toEqual(canary);
    expect(readTask({ canary: undefined }).canary).toBeNull();
    expect(hashOf(readTask().versions[0]!.manifest)).toBe(hex("d"));
  });

  test.each(["task", "current", "versions"])("refuses nonsense as %s, and its absence", (field) => {
    for (const value of nowhere) {
      const error = formatError(() => readTask({ [field]: value }));
      expect(error.code).toBe("pointer-invalid");
      expect(error.message).toMatch(/^tasks\/x\.json: /);
    }
  });

  test.each<[string, Record<string, unknown>]>([
    ["a current version that is not listed", { current: "f".repeat(12) }],
    ["no versions", { versions: [] }],
    [
      "too many versions",
      { versions: Array.from({ length: MAX_VERSIONS + 1 }, () => version("d")) },
    ],
    [
      "a version that is not its manifest's hash",
      { versions: [version("d", { manifest: `sha256:${hex("e")}` })] },
    ],
    ["a version without a manifest", { versions: [version("d", { manifest: undefined })] }],
    ["a manifest that is a path", { versions: [version("d", { manifest: "blobs/../secret" })] }],
    ["a version without a date", { versions: [version("d", { created: undefined })] }],
    ["a version that is no object", { versions: ["d".repeat(12)] }],
    ["a canary of an unknown version", { canary: { version: "f".repeat(12), percent: 1 } }],
    ["a canary of 101 percent", { canary: { version: "e".repeat(12), percent: 101 } }],
    ["a canary of a negative percent", { canary: { version: "e".repeat(12), percent: -1 } }],
    ["a canary that is no object", { canary: "e".repeat(12) }],
    ["a hostile name", { task: "__proto__" }],
  ])("refuses %s", (_, changes) => {
    expect(formatError(() => readTask(changes)).code).toBe("pointer-invalid");
  });
});

describe("a base's pointer", () => {
  test("is read as it is", () => {
    expect(readBase()).toEqual(basePointerJson());
  });

  test("that was written before there were session images names none", () => {
    const { session_image: _, no_image_on: __, ...older } = basePointerJson();
    expect(readBasePointer(toBytes(older), "x")).toEqual({
      ...older,
      session_image: null,
      no_image_on: null,
    });
    expect(readBase({ session_image: null }).session_image).toBeNull();
  });

  const image = (changes: Record<string, unknown>) => ({
    session_image: { ...(basePointerJson()["session_image"] as object), ...changes },
  });

  test("may name an image as large as an isolate holds", () => {
    expect(readBase(image({ bytes: MAX_IMAGE_BYTES })).session_image?.bytes).toBe(MAX_IMAGE_BYTES);
  });

  test("may say on which runtime there is none, by that runtime's id alone", () => {
    const changes = { session_image: null, no_image_on: "0123456789abcdef" };
    expect(readBase(changes)).toMatchObject(changes);
    const error = formatError(() => readBase({ no_image_on: hex("0") }));
    expect(error.code).toBe("pointer-invalid");
  });

  test.each<[string, Record<string, unknown>]>([
    ["that is no object", { session_image: hex("b") }],
    ["without a runtime", image({ runtime: undefined })],
    ["of a runtime that is no id", image({ runtime: "0123456789ABCDEF" })],
    ["of a runtime with a longer id", image({ runtime: hex("0") })],
    ["whose hash is a path", image({ sha256: "../secret" })],
    ["whose hash is a reference", image({ sha256: `sha256:${hex("b")}` })],
    ["without a hash", image({ sha256: undefined })],
    ["of no bytes", image({ bytes: 0 })],
    ["of half a byte", image({ bytes: 0.5 })],
    ["of more bytes than an isolate holds", image({ bytes: MAX_IMAGE_BYTES + 1 })],
  ])("refuses a session image %s", (_, changes) => {
    const error = formatError(() => readBase(changes));
    expect(error.code).toBe("pointer-invalid");
    expect(error.message).toMatch(/^bases\/x\.json: "session_image"/);
  });

  test.each(["base", "manifest", "identity", "created"])(
    "refuses nonsense as %s, and its absence",
    (field) => {
      for (const value of nowhere) {
        if (field === "created" && typeof value === "string") continue;
        const error = formatError(() => readBase({ [field]: value }));
        expect(error.code).toBe("pointer-invalid");
        expect(error.message).toMatch(/^bases\/x\.json: /);
      }
    },
  );
});

test.each([
  ["task", taskPointerJson({ canary: { version: "e".repeat(12), percent: 5 } }), readTaskPointer],
  ["base", basePointerJson(), readBasePointer],
] as const)(
  "seeded fuzz of a %s's pointer: a pointer or a FormatError, nothing else",
  (_, good, read) => {
    const bytes = fc.oneof(
      damaged(good).map(toBytes),
      damagedBytes(toBytes(good)),
      fc.uint8Array({ maxLength: 50 }),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const error = formatErrorOrNull(() => read(input, "x"));
        if (error) expect(["pointer-invalid", "json-invalid"]).toContain(error.code);
      }),
      { seed: 31, numRuns: 3000 },
    );
  },
);
