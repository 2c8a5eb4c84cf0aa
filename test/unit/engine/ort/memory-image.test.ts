/** Images of a wasm memory: the round trip over real memories, and files that are none. */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { changedRuns, endOfStaticData } from "../../../../scripts/images/changed-runs.ts";
import {
  checksum,
  readImage,
  restore,
  seal,
  unseal,
  writeImage,
} from "../../../../src/engine/ort/images/memory-image.ts";
import { formatError } from "../../../support/hostile.ts";
import { PAGE, bytesOf, imageFileOf, wasmMemory } from "../../../support/memory-images.ts";

/** Writes of some work into a memory, by share of the memory. */
const writes = fc.array(
  fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    fc.uint8Array({ minLength: 1, maxLength: 80 }),
  ),
  { maxLength: 6 },
);

function apply(memory: Uint8Array, all: readonly (readonly [number, Uint8Array])[]): void {
  for (const [share, bytes] of all) {
    const at = Math.min(Math.floor(share * memory.length), memory.length - bytes.length);
    memory.set(bytes, at);
  }
}

describe("round trip", () => {
  const sizes = { pages: fc.integer({ min: 1, max: 2 }), grown: fc.nat({ max: 2 }) };
  const fields = fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), fc.jsonValue(), {
    maxKeys: 3,
  });

  test("a memory becomes what the work had made of it, wherever the file lies", () => {
    fc.assert(
      fc.property(
        fc.record({ ...sizes, first: writes, work: writes, fields, shift: fc.nat({ max: 8 }) }),
        ({ pages, grown, first, work, shift, ...rest }) => {
          const memory = wasmMemory(pages);
          apply(bytesOf(memory), first);
          const before = bytesOf(memory).slice();
          const after = new Uint8Array((pages + grown) * PAGE);
          after.set(before);
          apply(after, work);

          const file = writeImage(after, changedRuns(before, after), rest.fields);
          const moved = new Uint8Array(file.length + shift).subarray(shift);
          moved.set(file);
          restore(readImage(moved, "x"), memory);
          expect(Buffer.compare(bytesOf(memory), after)).toBe(0);
        },
      ),
      { seed: 51, numRuns: 300 },
    );
  });

  test("the header keeps the fields that it was given, in any script, beside its own", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const file = writeImage(Uint8Array.of(1, 2, 3), [{ from: 1, to: 3 }], { text });
        const { header, memoryBytes, table, bytes } = readImage(file, "x");
        expect(header.raw("text")).toBe(text);
        expect(memoryBytes).toBe(3);
        expect([...table]).toEqual([1, 2]);
        expect([...bytes]).toEqual([2, 3]);
      }),
      { seed: 52, numRuns: 1000 },
    );
  });

  test("a file in one of Node's buffers, which share their memory, is read from its own part", () => {
    const file = writeImage(Uint8Array.of(1, 2, 3), [{ from: 1, to: 3 }], {});
    expect([...readImage(Buffer.from(file), "x").table]).toEqual([1, 2]);
  });

  test("a memory that is larger already keeps its size, and all that the work left alone", () => {
    const memory = wasmMemory(3, [1, 1, 1]);
    restore(readImage(writeImage(Uint8Array.of(0, 5), [{ from: 1, to: 2 }], {}), "x"), memory);
    expect(memory.buffer.byteLength).toBe(3 * PAGE);
    expect([...bytesOf(memory).subarray(0, 4)]).toEqual([1, 5, 1, 0]);
  });

  test("a memory that may not grow so far is left as it was", () => {
    const memory = wasmMemory(1, [1], 1);
    const image = readImage(writeImage(new Uint8Array(2 * PAGE), [{ from: 0, to: 1 }], {}), "x");
    expect(() => restore(image, memory)).toThrow(RangeError);
    expect(bytesOf(memory)[0]).toBe(1);
  });
});

describe("runs of changes", () => {
  const memory = (...ones: number[]): Uint8Array => {
    const bytes = new Uint8Array(200);
    for (const at of ones) bytes[at] = 1;
    return bytes;
  };

  test("take in gaps of less than 32 bytes, which cost less than a run", () => {
    expect(changedRuns(memory(), memory(5, 37, 69))).toEqual([{ from: 5, to: 70 }]);
    expect(changedRuns(memory(), memory(5, 38))).toEqual([
      { from: 5, to: 6 },
      { from: 38, to: 39 },
    ]);
  });

  test("are none where nothing changed, nor where a memory grew by zeros", () => {
    expect(changedRuns(memory(3), memory(3))).toEqual([]);
    expect(changedRuns(memory(3).subarray(0, 10), memory(3))).toEqual([]);
  });

  test("know what became zero", () => {
    expect(changedRuns(memory(3), memory())).toEqual([{ from: 3, to: 4 }]);
  });

  test("static data end, at a whole word, where the longest stretch of zeros begins", () => {
    expect(endOfStaticData(memory(0, 20, 50, 190))).toBe(52);
    expect(endOfStaticData(memory())).toBe(0);
  });
});

describe("a checksum", () => {
  test("of no words is FNV's offset basis, and of one word FNV-1a's step over it", () => {
    // draft-eastlake-fnv, section 5: offset basis 0x811c9dc5, prime 0x01000193. One word of 0x61 is
    // one step on the byte "a", whose FNV-1a hash is given there as 0xe40c292c.
    expect(checksum(new ArrayBuffer(8), 0, 1)).toBe(0x811c9dc5);
    expect(checksum(Uint8Array.of(0x61, 0, 0, 0).buffer, 4, 1)).toBe(0xe40c292c);
  });

  test("reads every word of its step below its end, and no other", () => {
    const of = (changed: number): number => {
      const words = new Uint32Array(8);
      words[changed] = 1;
      return checksum(words.buffer, 24, 2);
    };
    const untouched = checksum(new ArrayBuffer(32), 24, 2);
    const isSeen = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => of(i) !== untouched);
    expect(isSeen).toEqual([true, false, true, false, true, false, false, false]);
  });
});

describe("a sealed file", () => {
  const file = Uint8Array.of(1, 2, 3, 4, 5, 6, 7);

  test("is what was sealed, wherever it lies", () => {
    const sealed = seal(file);
    for (const shift of [0, 1, 2, 3]) {
      const moved = new Uint8Array(sealed.length + shift).subarray(shift);
      moved.set(sealed);
      expect([...unseal(moved, "x")]).toEqual([...file]);
    }
  });

  test("has no byte that could be another without being noticed", () => {
    const sealed = seal(file);
    for (let i = 0; i < sealed.length; i++) {
      for (const bit of [1, 128]) {
        const damaged = sealed.with(i, sealed[i]! ^ bit);
        expect(formatError(() => unseal(damaged, "x")).code).toBe("image-invalid");
      }
    }
  });

  test.each([0, 1, 3])("is not one of %i bytes", (length) => {
    expect(formatError(() => unseal(new Uint8Array(length), "x")).code).toBe("image-invalid");
  });
});

describe("a file that is no image", () => {
  const header = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
    memory_bytes: 10,
    runs: 1,
    ...changes,
  });
  /** A header is at most this long: see MAX_HEADER_BYTES in memory-image.ts. */
  const LONGEST = 10_000;
  const good = imageFileOf(header(), [4, 2], [1, 1]);

  test("differs from one that is by what is wrong with it alone", () => {
    expect([...readImage(good, "x").table]).toEqual([4, 2]);
    const padded = JSON.stringify(header()).padEnd(LONGEST);
    expect([...readImage(imageFileOf(padded, [8, 2], [1, 1]), "x").table]).toEqual([8, 2]);
  });

  test("is every shorter piece of one that is", () => {
    for (let end = 0; end < good.length; end++) {
      expect(formatError(() => readImage(good.subarray(0, end), "x")).code).toBe("image-invalid");
    }
  });

  test.each<[string, Uint8Array, string]>([
    ["is longer than its runs", Uint8Array.from([...good, 0]), "has 3 bytes for runs of 2"],
    ["has no header", Uint8Array.of(0, 0, 0, 0, 1), "has 5 bytes and a header of 0"],
    [
      "has a header that is too long",
      imageFileOf(JSON.stringify(header()).padEnd(LONGEST + 1), [4, 2], [1, 1]),
      "and a header of 10001",
    ],
    [
      "has a header longer than itself",
      Uint8Array.of(255, 255, 255, 255, 123, 125),
      "has 6 bytes and a header of 4294967295",
    ],
    ["has a header that is no object", imageFileOf([1]), "is an array of 1, expected an object"],
    ["has no size of memory", imageFileOf({ runs: 0 }), '"memory_bytes" is missing'],
    [
      "has more memory than 32 bits can address",
      imageFileOf(header({ memory_bytes: 2 ** 32 + 1 }), [4, 2], [1, 1]),
      '"memory_bytes" is 4294967297',
    ],
    ["has half a run", imageFileOf(header({ runs: 0.5 }), [4, 2], [1, 1]), '"runs" is 0.5'],
    [
      "has more runs than bytes for them",
      imageFileOf(header({ runs: 2 }), [4, 2], [1, 1]),
      '"runs" is 2, expected an integer from 0 to 1',
    ],
    [
      "has as many runs as overflow 32 bits when they are counted in bytes",
      imageFileOf(header({ runs: 2 ** 29 + 1 }), [4, 2], [1, 1]),
      '"runs" is 536870913',
    ],
    [
      "has a run that ends beyond the memory",
      imageFileOf(header(), [9, 2], [1, 1]),
      "run 0 ends beyond the memory",
    ],
    [
      "has a run whose end overflows 32 bits",
      imageFileOf(header(), [2 ** 32 - 1, 2], [1, 1]),
      "run 0 ends beyond the memory",
    ],
    [
      "has runs whose lengths overflow 32 bits together",
      imageFileOf(
        header({ runs: 3, memory_bytes: 2 ** 32 }),
        [0, 2 ** 31, 0, 2 ** 31, 4, 2],
        [1, 1],
      ),
      "has 2 bytes for runs of 4294967298",
    ],
    ["has runs of more bytes than it", imageFileOf(header(), [4, 3], [1, 1]), "for runs of 3"],
  ])("%s: image-invalid", (_, file, message) => {
    const error = formatError(() => readImage(file, "models/x.bin"));
    expect(error.code).toBe("image-invalid");
    expect(error.message).toMatch(/^models\/x\.bin: /);
    expect(error.message).toContain(message);
  });

  test.each([
    ["has a header that is no JSON", imageFileOf("{memory_bytes")],
    ["has a header that is no UTF-8", Uint8Array.of(2, 0, 0, 0, 0xc3, 0x28)],
  ])("%s: json-invalid", (_, file) => {
    expect(formatError(() => readImage(file, "x")).code).toBe("json-invalid");
  });
});
