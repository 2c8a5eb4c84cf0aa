/** Names and bucket keys: the alphabet is the defence against hostile names. */
import { describe, expect, test } from "vitest";
import { InputError } from "../../../../src/core/errors.ts";
import {
  baseKey,
  blobKey,
  checkName,
  isName,
  taskKey,
  versionOf,
} from "../../../../src/core/format/keys.ts";

describe("names", () => {
  test.each(["a", "0", "sentiment", "all-minilm-l6-v2", "a.b_c-d", "x".repeat(64)])(
    "%s is a name",
    (name) => {
      expect(checkName("task", name)).toBe(name);
    },
  );

  test.each([
    "",
    "A",
    "é",
    "a b",
    "a/b",
    "..",
    "../a",
    ".a",
    "a.",
    "-a",
    "a-",
    "__proto__",
    "a\n",
    "a\u0000",
    "a%2fb",
    "x".repeat(65),
    "\ud800",
  ])("%j is none", (name) => {
    expect(isName(name)).toBe(false);
    expect(() => checkName("task", name)).toThrow(InputError);
    expect(() => checkName("task", name)).toThrow(
      expect.objectContaining({ code: "name-invalid" }),
    );
  });

  test("a very long name is cut in the message", () => {
    expect(() => checkName("task", "!".repeat(1e6))).toThrow(/^.{1,250}$/);
  });
});

test("keys are spelled as the bucket's layout says", () => {
  const hash = "0123456789abcdef".repeat(4);
  expect(blobKey(hash)).toBe(`blobs/sha256/${hash}`);
  expect(taskKey("ner")).toBe("tasks/ner.json");
  expect(baseKey("tiny")).toBe("bases/tiny.json");
  expect(versionOf(hash)).toBe("0123456789ab");
});
