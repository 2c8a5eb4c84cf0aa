/** Pointers: the only mutable objects, so the only ones that a half-written or hostile value can replace. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MAX_VERSIONS,
  hashOf,
  readBasePointer,
  readTaskPointer,
} from "../../../src/core/pointer.ts";
import { damaged, damagedBytes, formatError, formatErrorOrNull } from "../../support/hostile.ts";
import { basePointerJson, hex, taskPointerJson, toBytes } from "../../support/manifests.ts";

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
