/** The list of keys: what it may say, and that its complaints repeat no secret. */
import { describe, expect, it } from "vitest";
import { findKey, readApiKeys } from "../../../src/http/settings/api-keys.ts";
import { FormatError } from "../../../src/core/errors.ts";

// SHA-256 of "abc" and of the empty text: FIPS 180-2, appendix B.1, and NIST's example values.
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

describe("a list of keys", () => {
  it("is read from text or from JSON; a key may predict unless it says more", () => {
    const list = [
      { name: "shop", sha256: ABC, tasks: ["sentiment"] },
      { name: "ops", sha256: EMPTY, scopes: ["predict", "admin"] },
    ];
    const expected = [
      { name: "shop", sha256: ABC, scopes: ["predict"], tasks: ["sentiment"] },
      { name: "ops", sha256: EMPTY, scopes: ["predict", "admin"], tasks: null },
    ];
    expect(readApiKeys(list)).toEqual(expected);
    expect(readApiKeys(JSON.stringify(list))).toEqual(expected);
  });

  it.each([
    ["no JSON", "ep_secret", "is not valid UTF-8 JSON"],
    ["an object", "{}", "is no list"],
    ["an empty list", "[]", "remove it to answer without keys"],
    ["a key in the place of its digest", [{ name: "a", sha256: "ep_secret" }], "64 lower-case hex"],
    ["a key as an entry", ["ep_secret"], "is no object"],
    ["a key as a field", [{ name: "a", sha256: ABC, ep_secret: 1 }], "unknown field"],
    ["no name", [{ sha256: ABC }], "name"],
    [
      "two keys of one name",
      [
        { name: "a", sha256: ABC },
        { name: "a", sha256: EMPTY },
      ],
      "same name",
    ],
    ["an unknown scope", [{ name: "a", sha256: ABC, scopes: ["root"] }], "predict"],
    ["no scope at all", [{ name: "a", sha256: ABC, scopes: [] }], "empty"],
    ["a task that is none", [{ name: "a", sha256: ABC, tasks: ["../x"] }], "no name of a task"],
  ])("with %s is refused", (_, list, message) => {
    const error = (() => {
      try {
        return readApiKeys(list);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toContain(message);
    expect((error as FormatError).message).not.toMatch(/ep_secret|ba7816bf/);
  });

  it("finds the key with a digest, whichever place it has, and no other", () => {
    const keys = readApiKeys([
      { name: "first", sha256: ABC },
      { name: "last", sha256: EMPTY },
    ]);
    expect(findKey(keys, ABC)?.name).toBe("first");
    expect(findKey(keys, EMPTY)?.name).toBe("last");
    for (const wrong of [
      ABC.replace(/d$/, "e"),
      ABC.replace(/^b/, "c"),
      "",
      ABC.slice(0, 63),
      `${ABC}0`,
    ]) {
      expect(findKey(keys, wrong)).toBeNull();
    }
  });
});
