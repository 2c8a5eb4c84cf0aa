/** safetensors: the round trip, the canonical form, and the files that Python writes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import {
  readSafetensors,
  readSafetensorsHeader,
  writeSafetensors,
} from "../../../../src/core/format/safetensors.ts";
import { toFloat32 } from "../../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import { formatError } from "../../../support/hostile.ts";
import {
  entry,
  fileOf,
  headerOf,
  makeTensor,
  metadataOf,
  tensorMap,
} from "../../../support/safetensors-files.ts";

describe("round trip", () => {
  test("names, dtypes, dimensions, values and metadata survive, wherever the file lies in memory", () => {
    fc.assert(
      fc.property(tensorMap, metadataOf, fc.nat({ max: 8 }), (tensors, metadata, shift) => {
        const file = writeSafetensors(tensors, metadata);
        const moved = new Uint8Array(file.length + shift).subarray(shift);
        moved.set(file);
        const back = readSafetensors(moved);
        expect(back.tensors).toEqual(tensors);
        expect(Object.entries(back.metadata).sort()).toEqual(Object.entries(metadata).sort());
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test("equal content gives equal bytes, whatever the order of insertion", () => {
    const pairs: [string, Tensor][] = [
      ["b", makeTensor("float32", [2])],
      ["a", makeTensor("float32", [3])],
      ["c", makeTensor("int8", [3])],
      ["7", makeTensor("float64", [1])],
    ];
    const file = writeSafetensors(new Map(pairs), { x: "1", y: "2" });
    expect(writeSafetensors(new Map(pairs.toReversed()), { y: "2", x: "1" })).toEqual(file);
  });

  test("every tensor is aligned to its width and the data to 8 bytes", () => {
    fc.assert(
      fc.property(tensorMap, (tensors) => {
        const file = writeSafetensors(tensors);
        const { places } = readSafetensorsHeader(file, file.length);
        for (const [key, place] of places) {
          expect(place.begin % tensors.get(key)!.data.BYTES_PER_ELEMENT).toBe(0);
        }
        expect(
          headerOf(file).length === 0 || (8 + new TextEncoder().encode(headerOf(file)).length) % 8,
        ).toBe(0);
      }),
      { seed: 2 },
    );
  });

  test("aligned tensors are views into the file, not copies", () => {
    const file = writeSafetensors(new Map([["a", makeTensor("float32", [4])]]));
    expect(readSafetensors(file).tensors.get("a")!.data.buffer).toBe(file.buffer);
  });

  test("a tensor that lies unaligned is copied, also out of a Node Buffer", () => {
    const file = fileOf({ b: entry(0, 1), a: entry(1, 9, [2], "F32") }, 9);
    new DataView(file.buffer).setFloat32(file.length - 4, 1.5, true);
    for (const bytes of [file, Buffer.from(file)]) {
      const { tensors } = readSafetensors(bytes);
      expect([...toFloat32(tensors.get("a")!)]).toEqual([0, 1.5]);
      expect(tensors.get("b")!.data.constructor).toBe(Uint8Array);
    }
  });

  test("a tensor over a part of a buffer is written alone", () => {
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    const { tensors } = readSafetensors(
      writeSafetensors(new Map([["a", { dtype: "float32", dims: [2], data }]])),
    );
    expect([...tensors.get("a")!.data]).toEqual([1, 2]);
  });

  test("the writer refuses what its reader would refuse", () => {
    const wrong: Tensor = { dtype: "float32", dims: [3], data: new Float32Array(2) };
    expect(formatError(() => writeSafetensors(new Map([["a", wrong]]))).code).toBe(
      "tensor-size-mismatch",
    );
    const reserved = new Map([["__metadata__", makeTensor("uint8", [1])]]);
    expect(formatError(() => writeSafetensors(reserved)).code).toBe("safetensors-invalid");
    const crowd = new Map([["n".repeat(1_000_000), makeTensor("uint8", [1])]]);
    const error = formatError(() => writeSafetensors(crowd));
    expect(error.code).toBe("safetensors-invalid");
    expect(error.message).toMatch(/header.*allowed are 1000000/);
  });
});

// Written by Python safetensors; provenance inside, made by test/golden/core/make_golden.py.
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../golden/core/safetensors.json"), "utf8"),
) as {
  cases: {
    base64: string;
    metadata: Record<string, string>;
    tensors: Record<string, { shape: number[]; values: string[] }>;
  }[];
};

test.each(golden.cases)(
  "reads what Python safetensors writes, metadata $metadata",
  ({ base64, metadata, tensors }) => {
    const found = readSafetensors(Buffer.from(base64, "base64"));
    expect(found.metadata).toEqual(metadata);
    expect([...found.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [key, { shape, values }] of Object.entries(tensors)) {
      const tensor = found.tensors.get(key)!;
      expect(tensor.dims).toEqual(shape);
      const isHalf = tensor.dtype === "float16" || tensor.dtype === "bfloat16";
      const data = isHalf ? toFloat32(tensor) : tensor.data;
      if (data instanceof BigInt64Array) expect([...data]).toEqual(values.map(BigInt));
      else
        expect([...data]).toEqual(values.map((value) => Number(value.replace("inf", "Infinity"))));
    }
  },
);

describe("readSafetensorsHeader", () => {
  const file = writeSafetensors(new Map([["a", makeTensor("float32", [4])]]), { k: "v" });
  const dataStart = file.length - 16;

  test("needs only the header of a large file", () => {
    const { places, metadata } = readSafetensorsHeader(file.subarray(0, dataStart), file.length);
    expect(places.get("a")).toEqual({
      dtype: "float32",
      dims: [4],
      begin: dataStart,
      end: file.length,
    });
    expect(metadata).toEqual({ k: "v" });
  });

  test("says when what it was given is too short", () => {
    const error = formatError(() =>
      readSafetensorsHeader(file.subarray(0, dataStart - 1), file.length),
    );
    expect(error.message).toContain("is cut off");
    expect(formatError(() => readSafetensorsHeader(file.subarray(0, 4), file.length)).code).toBe(
      "safetensors-invalid",
    );
  });
});

test("a dtype that is not read is refused by name in a file of our own", () => {
  const tensor: Tensor = { dtype: "float16", dims: [1], data: new Uint16Array(1) };
  const text = Buffer.from(writeSafetensors(new Map([["a", tensor]]))).toString("latin1");
  const file = Buffer.from(text.replace('"F16"', '"U16"'), "latin1");
  const { code, message } = formatError(() => readSafetensors(file, "x"));
  expect(code).toBe("safetensors-invalid");
  expect(message).toMatch(/^x: tensor "a" has the dtype "U16", allowed are F64, .*, BOOL$/);
});
