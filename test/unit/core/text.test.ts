/** Strict UTF-8 and JSON, and the one canonical way to write a JSON value. */
import fc from "../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { canonicalJson, decodeUtf8, encodeUtf8, parseJson } from "../../../src/core/text.ts";
import { formatError, formatErrorOrNull } from "../../support/hostile.ts";

describe("UTF-8", () => {
  test("any well-formed text survives the round trip, a byte order mark included", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
      { seed: 1 },
    );
    expect(decodeUtf8(encodeUtf8("\ufeffa"))).toBe("\ufeffa");
  });

  test.each([[[0xff]], [[0xc3]], [[0xed, 0xa0, 0x80]], [[0xc0, 0x80]]])(
    "bytes %j are refused",
    (bytes) => {
      expect(() => decodeUtf8(Uint8Array.from(bytes))).toThrow(TypeError);
    },
  );
});

describe("parseJson", () => {
  test.each(["x", "\\n", '\\"', "["])("reads a string of any length, of %j", (unit) => {
    const text = `["${unit.repeat(20_000_000 / unit.length)}"]`;
    expect(parseJson(encodeUtf8(text), "long.json")).toEqual(JSON.parse(text));
  });

  test.each(["", "{", "nul", "{'a':1}", "[1,]", "\ufeff{}", "1 2", '"\u0001"'])(
    "%j is refused, by the file's name",
    (text) => {
      const error = formatError(() => parseJson(encodeUtf8(text), "task.json"));
      expect(error.code).toBe("json-invalid");
      expect(error.message).toMatch(/^task\.json: /);
    },
  );

  test("invalid UTF-8 inside a string is refused", () => {
    expect(formatError(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), "x")).code).toBe(
      "json-invalid",
    );
  });

  test.each([
    ["[", "]"],
    ['{"a":', "}"],
    ['[{"a":', "}]"],
  ])("a bomb of %s is refused, not followed down", (open, close) => {
    for (const depth of [65, 1_000, 200_000]) {
      const text = `${open.repeat(depth)}1${close.repeat(depth)}`;
      expect(formatError(() => parseJson(encodeUtf8(text), "x")).code).toBe("json-invalid");
      expect(formatError(() => parseJson(encodeUtf8(open.repeat(depth)), "x")).code).toBe(
        "json-invalid",
      );
    }
  });

  test("64 levels are read, and brackets inside strings are no levels", () => {
    const nested = `${"[".repeat(64)}${"]".repeat(64)}`;
    expect(canonicalJson(parseJson(encodeUtf8(nested), "x"))).toBe(nested);
    const strings = [`${"[".repeat(500)}`, `\\"${"{".repeat(500)}`, "\\"];
    expect(parseJson(encodeUtf8(JSON.stringify(strings)), "x")).toEqual(strings);
  });

  test("any bytes give a value or a FormatError", () => {
    const structure = fc.stringMatching(/^[[\]{}",:\\ 0-9tfn]{0,80}$/).map(encodeUtf8);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), structure), (bytes) => {
        formatErrorOrNull(() => parseJson(bytes, "x"));
      }),
      { seed: 2, numRuns: 2000 },
    );
  });
});

describe("canonicalJson", () => {
  test("the order of keys does not matter, the order of items does", () => {
    expect(canonicalJson({ b: [1, { y: null, x: "é" }], a: true })).toBe(
      '{"a":true,"b":[1,{"x":"é","y":null}]}',
    );
    expect(canonicalJson([2, 1])).not.toBe(canonicalJson([1, 2]));
  });

  test("any JSON value is written so that it parses back to itself", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
      { seed: 3 },
    );
  });

  test("what JSON cannot hold is left out of objects and null elsewhere, as JSON.stringify does", () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
    expect(canonicalJson([undefined, 1])).toBe("[null,1]");
    expect(canonicalJson(NaN)).toBe("null");
  });

  test('a key called "__proto__" is a key', () => {
    const value = JSON.parse('{"__proto__": 1, "a": 2}') as unknown;
    expect(canonicalJson(value)).toBe('{"__proto__":1,"a":2}');
  });

  test("a value nested without end is refused, not followed down", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = i % 2 ? [deep] : { deep };
    expect(formatError(() => canonicalJson(deep)).code).toBe("json-invalid");
  });
});
