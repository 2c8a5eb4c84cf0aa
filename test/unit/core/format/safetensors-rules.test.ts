/** Every rule of the safetensors format broken in turn, then seeded fuzz over all of them. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../../../src/core/format/safetensors.ts";
import { sizeOf } from "../../../../src/core/model/shapes.ts";
import {
  damagedBytes,
  formatError,
  formatErrorOrNull,
  hostileValue,
} from "../../../support/hostile.ts";
import { entry, fileOf, makeTensor, name } from "../../../support/safetensors-files.ts";

const hole = { a: entry(0, 4), b: entry(5, 8) };
const overlap = { a: entry(0, 4), b: entry(3, 8) };
const many = (shape: number[]) => fileOf({ a: entry(0, 0, shape) });
const u8 = (text: string, data = 0) => fileOf(text, data);
const withLength = (length: bigint, size = 16) => {
  const file = new Uint8Array(size).fill(0x7b);
  new DataView(file.buffer).setBigUint64(0, length, true);
  return file;
};

describe("every rule of the format", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(0), /is 0 bytes long, needs at least 8/],
    ["seven bytes", new Uint8Array(7), /is 7 bytes long/],
    ["a header longer than the file", withLength(9n), /header claims 9 bytes, the file has 8 left/],
    [
      "a header length beyond 2^53",
      withLength(2n ** 63n + 1n),
      /header claims 9223372036854775809/,
    ],
    [
      "a header length of 2^64 - 1",
      withLength(2n ** 64n - 1n),
      /header claims 18446744073709551615/,
    ],
    ["a header above 1 MB", fileOf(`{${" ".repeat(1_000_000)}}`), /allowed are 1000000/],
    ["no header", withLength(0n, 8), /does not start with '\{'/],
    ["a header that starts with a space", fileOf(" {}"), /does not start with '\{'/],
    ["a header that is an array", fileOf("[]"), /does not start with '\{'/],
    ["a byte order mark", fileOf("\ufeff{}"), /does not start with '\{'/],
    ["a cut off header", fileOf('{"a":'), /strict UTF-8 JSON/],
    ["two values", fileOf("{} {}"), /strict UTF-8 JSON/],
    ["padding with zeros", fileOf("{}\u0000"), /strict UTF-8 JSON/],
    [
      "invalid UTF-8",
      Uint8Array.from([4, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x22, 0xff, 0x7d]),
      /strict UTF-8 JSON/,
    ],
    [
      "the same tensor twice",
      u8(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      /duplicate key/,
    ],
    [
      "the same tensor twice, once escaped",
      u8(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      /duplicate key/,
    ],
    [
      "the same field twice",
      u8('{"a":{"dtype":"F32","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
      /duplicate key/,
    ],
    ["the same metadata key twice", u8('{"__metadata__":{"x":"1","x" :"2"}}'), /duplicate key/],
    [
      "two metadata objects",
      u8('{"__metadata__":{"x":"1"},"__metadata__":{"y":"1"}}'),
      /duplicate key/,
    ],
    [
      "an empty and a full metadata object",
      u8('{"__metadata__":{},"__metadata__":{}}'),
      /duplicate key/,
    ],
    ["metadata that is no object", fileOf({ __metadata__: "x" }), /__metadata__ must map/],
    ["metadata with a number", fileOf({ __metadata__: { x: 1 } }), /__metadata__ must map/],
    [
      "metadata with an object",
      fileOf({ __metadata__: { x: { y: "z" } } }),
      /__metadata__ must map/,
    ],
    ["metadata null", fileOf({ __metadata__: null }), /__metadata__ must map/],
    ["an entry that is no object", fileOf({ a: 1 }), /malformed/],
    ["an entry with a field too many", fileOf({ a: { ...entry(0, 0), extra: 1 } }), /malformed/],
    ["an entry without offsets", fileOf({ a: { dtype: "U8", shape: [0] } }), /malformed/],
    [
      "an unknown dtype",
      fileOf({ a: entry(0, 0, [0], "F8_E4M3") }),
      /has the dtype "F8_E4M3", allowed are F64/,
    ],
    [
      "a dtype of Object's prototype",
      fileOf({ a: entry(0, 0, [0], "constructor") }),
      /has the dtype "constructor", allowed are F64/,
    ],
    ["a dtype that is no string", fileOf({ a: entry(0, 0, [0], ["U8"]) }), /malformed/],
    ["a negative dimension", fileOf({ a: entry(0, 1, [-1]) }, 1), /malformed/],
    ["a fractional dimension", fileOf({ a: entry(0, 1, [0.5]) }, 1), /malformed/],
    ["a dimension as text", fileOf({ a: entry(0, 1, ["1"]) }, 1), /malformed/],
    ["a shape that is no array", fileOf({ a: entry(0, 1, { length: 1, 0: 1 }) }, 1), /malformed/],
    ["a rank of nine", fileOf({ a: entry(0, 1, [1, 1, 1, 1, 1, 1, 1, 1, 1]) }, 1), /malformed/],
    ["a dimension of 2^53", many([2 ** 53]), /malformed/],
    [
      "three offsets",
      fileOf({ a: { dtype: "U8", shape: [1], data_offsets: [0, 1, 1] } }, 1),
      /malformed/,
    ],
    ["negative offsets", fileOf({ a: entry(-1, 0, [1]) }), /malformed/],
    ["offsets that run backwards", fileOf({ a: entry(1, 0, [1]) }, 1), /malformed/],
    ["offsets beyond 2^53", fileOf({ a: entry(2 ** 60, 2 ** 60, [0]) }), /malformed/],
    ["a size that overflows", many([2 ** 30, 2 ** 30, 2 ** 30]), /too large|needs/],
    [
      "a size that overflows and is then multiplied by 0",
      many([2 ** 30, 2 ** 30, 2 ** 30, 0]),
      /too large/,
    ],
    [
      "a shape larger than its offsets",
      fileOf({ a: entry(0, 1, [2]) }, 1),
      /needs 2 bytes, its offsets give 1/,
    ],
    [
      "a shape smaller than its offsets",
      fileOf({ a: entry(0, 4, [1]) }, 4),
      /needs 1 bytes, its offsets give 4/,
    ],
    ["a width forgotten", fileOf({ a: entry(0, 4, [4], "F32") }, 4), /needs 16 bytes/],
    ["a tensor behind the file's end", fileOf({ a: entry(0, 8) }, 4), /tensors end at byte/],
    ["offsets that do not start at 0", fileOf({ a: entry(1, 4) }, 4), /hole or overlap/],
    ["a hole", fileOf(hole, 8), /"b" begins at byte .*\(hole or overlap\)/],
    ["an overlap", fileOf(overlap, 8), /"b" begins at byte .*\(hole or overlap\)/],
    ["two tensors in one place", fileOf({ a: entry(0, 4), b: entry(0, 4) }, 4), /hole or overlap/],
    [
      "an empty tensor inside another",
      fileOf({ a: entry(0, 4), b: entry(2, 2) }, 4),
      /hole or overlap/,
    ],
    [
      "bytes after the last tensor",
      fileOf({ a: entry(0, 4) }, 5),
      /tensors end at byte \d+, the file at/,
    ],
    ["bytes in a file without tensors", fileOf({}, 1), /tensors end at byte/],
    ["keys that hide in arrays", fileOf('{"a":[{"b":1,"b":2}]}'), /malformed/],
  ])("%s is refused", (_, file, message) => {
    const error = formatError(() => readSafetensors(file, "x.safetensors"));
    expect(error.code).toBe("safetensors-invalid");
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^x\.safetensors: /);
  });

  test.each<[string, Uint8Array, number]>([
    ["no tensors at all", fileOf("{}"), 0],
    ["a header padded with spaces", fileOf("{}      "), 0],
    ["metadata alone", fileOf({ __metadata__: {} }), 0],
    ["an empty tensor at the end", fileOf({ a: entry(0, 4), b: entry(4, 4, [0, 7]) }, 4), 2],
    [
      "an empty tensor at the seam of two",
      fileOf({ a: entry(0, 4), b: entry(4, 4), c: entry(4, 8) }, 8),
      3,
    ],
    ["a scalar", fileOf({ a: entry(0, 4, [], "F32") }, 4), 1],
    [
      "tensors listed in another order than they lie",
      fileOf({ b: entry(2, 4), a: entry(0, 2) }, 4),
      2,
    ],
    [
      "names with quotes, colons and backslashes",
      fileOf({ 'a":': entry(0, 1), '\\":"b': entry(1, 2), '"\\': entry(2, 3) }, 3),
      3,
    ],
    [
      "metadata values that look like keys",
      fileOf({ __metadata__: { a: '"x":', b: '\\"y\\": {', c: '":"' } }),
      0,
    ],
    ["a header of 1 MB", fileOf(`{${" ".repeat(999_998)}}`), 0],
  ])("%s is allowed", (_, file, count) => {
    expect(readSafetensors(file).tensors.size).toBe(count);
  });

  test("a name of almost 1 MB is read, and cut in a message", () => {
    const long = '"\\'.repeat(240_000);
    expect(readSafetensors(fileOf({ [long]: entry(0, 1) }, 1)).tensors.has(long)).toBe(true);
    expect(
      formatError(() => readSafetensors(fileOf({ [long]: entry(0, 2) }, 1))).message.length,
    ).toBeLessThan(500);
    const shape = Array.from({ length: 100_000 }, () => 1);
    expect(
      formatError(() => readSafetensors(fileOf({ a: entry(0, 2, shape) }, 2))).message.length,
    ).toBeLessThan(500);
  });

  test("a bomb of nested objects or arrays is refused, not followed down", () => {
    for (const [open, close] of [
      ['{"a":', "}"],
      ["[", "]"],
      ['[{"a":', "}]"],
    ] as const) {
      const bomb = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
      for (const header of [
        `{"a":${bomb}}`,
        `{"__metadata__":${bomb}}`,
        `{"a":{"dtype":"U8","shape":${bomb},"data_offsets":[0,0]}}`,
      ]) {
        expect(formatError(() => readSafetensors(fileOf(header))).code).toBe("safetensors-invalid");
      }
    }
  });
});

describe("seeded fuzz: FormatError or tensors that lie inside the file, nothing else", () => {
  const check = (bytes: Uint8Array) => {
    let bytesOut = 0;
    const error = formatErrorOrNull(() => {
      for (const { dims, data } of readSafetensors(bytes).tensors.values()) {
        expect(data.length).toBe(sizeOf(dims));
        bytesOut += data.byteLength;
      }
    });
    if (error) expect(error.code).toBe("safetensors-invalid");
    expect(bytesOut).toBeLessThan(bytes.length + 1);
  };
  const good = writeSafetensors(
    new Map([
      ["prompt_embeddings", makeTensor("float16", [2, 8])],
      ["classifier.weight", makeTensor("float32", [2, 4])],
      ["classifier.bias", makeTensor("float64", [2])],
      ["flags", makeTensor("bool", [3])],
    ]),
    { format: "pt" },
  );

  test("random bytes, with and without a plausible length", () => {
    const withHeader = fc
      .tuple(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 90 }))
      .map(([bytes, length]) => {
        const file = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0x7b, ...bytes]);
        file[0] = length;
        return file;
      });
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), withHeader), check), {
      seed: 11,
      numRuns: 1500,
    });
  });

  test("good files with bytes changed, cut off or inserted", () => {
    fc.assert(fc.property(damagedBytes(good), check), { seed: 12, numRuns: 2500 });
  });

  test("headers that lie", () => {
    const number = fc.oneof(
      fc.nat({ max: 40 }),
      fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 53, 1e300),
      hostileValue,
    );
    const lie = fc.record(
      {
        dtype: fc.oneof(
          fc.constantFrom("F64", "F32", "F16", "BF16", "I8", "U8", "BOOL", "U64"),
          hostileValue,
        ),
        shape: fc.oneof(fc.array(number, { maxLength: 4 }), hostileValue),
        data_offsets: fc.oneof(fc.array(number, { maxLength: 3 }), hostileValue),
        extra: hostileValue,
      },
      { requiredKeys: ["dtype", "shape", "data_offsets"] },
    );
    const header = fc.dictionary(
      fc.oneof(fc.string(), fc.constant("__metadata__")),
      fc.oneof({ weight: 5, arbitrary: lie }, { weight: 1, arbitrary: hostileValue }),
      { maxKeys: 4 },
    );
    fc.assert(
      fc.property(header, fc.nat({ max: 80 }), (value, data) => check(fileOf(value, data))),
      { seed: 13, numRuns: 1500 },
    );
  });

  test("a key written twice is found, whatever its letters", () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 4 }), fc.nat(), (names, pick) => {
        const part = (key: string) => `${JSON.stringify(key)}: ${JSON.stringify(entry(0, 0))}`;
        const parts = names.map(part);
        expect(readSafetensors(fileOf(`{${parts.join(",")}}`)).tensors.size).toBe(names.length);
        const twice = `{${[...parts, part(names[pick % names.length]!)].join(" , ")}}`;
        expect(formatError(() => readSafetensors(fileOf(twice))).message).toContain(
          "duplicate key",
        );
      }),
      { seed: 14, numRuns: 500 },
    );
  });
});
