import { crc32 as zlibCrc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { crc32, zipOf } from "../../../../src/browser/train/zip.ts";
import { readZip } from "../../../support/zip-files.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a zip of a task folder", () => {
  it("gives back every file under its path, with its checksum", () => {
    const entries = [
      { name: "reviews/manifest.json", bytes: utf8("{}\n") },
      { name: "reviews/empty", bytes: new Uint8Array() },
      { name: "réviews/CARD.md", bytes: utf8("# über") },
    ];
    const files = readZip(zipOf(entries, new Date("2026-01-02T03:04:06")));
    expect([...files].map(([name, { bytes }]) => ({ name, bytes }))).toEqual(entries);
    for (const { bytes, crc } of files.values()) expect(crc).toBe(zlibCrc32(bytes));
  });

  // The check value of CRC-32 in the catalogue of parametrised CRC algorithms.
  it("has the checksum of zip and gzip", () => {
    expect(crc32(utf8("123456789"))).toBe(0xcbf43926);
  });
});
