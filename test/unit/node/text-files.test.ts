/** One reader of text for every verb: encodings, gzip, and what is no text. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "../../support/properties.ts";
import { afterAll, describe, expect, it } from "vitest";
import { EdgePrefixError } from "../../../src/core/errors.ts";
import { readInputs } from "../../../scripts/node/read-inputs.ts";
import { corpusLines, plainText, readText } from "../../../scripts/node/text-files.ts";
import { temporaryFolder } from "../../support/folders.ts";

const folder = temporaryFolder("text");
afterAll(folder.remove);

async function allOf<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

let count = 0;
function file(content: string | Uint8Array, name = `${++count}.jsonl`): string {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  return path;
}

const utf16 = (text: string, isBigEndian: boolean): Buffer => {
  const bytes = Buffer.from(text, "utf16le");
  return isBigEndian ? bytes.swap16() : bytes;
};
const TEXT = '"naïve 😀"\n{"text": "a", "text_pair": "b"}\n';
const ENCODINGS: Readonly<Record<string, Uint8Array>> = {
  "UTF-8": Buffer.from(TEXT),
  "UTF-8 with a mark": Buffer.from(`\uFEFF${TEXT}`),
  "UTF-16 little-endian": utf16(`\uFEFF${TEXT}`, false),
  "UTF-16 big-endian": utf16(`\uFEFF${TEXT}`, true),
  "UTF-16 little-endian without a mark": utf16(TEXT, false),
  "UTF-16 big-endian without a mark": utf16(TEXT, true),
};
const FORMS = Object.entries(ENCODINGS).flatMap(([name, bytes]) => [
  [name, bytes] as const,
  [`gzip of ${name}`, gzipSync(bytes)] as const,
  [
    `two members of gzip of ${name}`,
    Buffer.concat([gzipSync(bytes.subarray(0, 10)), gzipSync(bytes.subarray(10))]),
  ] as const,
]);

describe.each(FORMS)("%s", (_name, bytes) => {
  it("is read whole, as inputs and as a corpus, whatever the file is called", async () => {
    expect(await readText(file(bytes))).toBe(TEXT);
    expect(await readText(file(bytes, `${++count}.jsonl.gz`))).toBe(TEXT);
    expect(await readInputs(file(bytes))).toEqual([
      { line: 1, text: "naïve 😀" },
      { line: 2, text: "a", text_pair: "b" },
    ]);
    expect(await allOf(corpusLines(file(bytes)))).toEqual(TEXT.trimEnd().split("\n"));
  });

  it.each([1, 2, 3, 5])("is read from a stream of chunks of %d bytes", async (size) => {
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
    }
    const read = await allOf(plainText(chunks(), { subject: "stdin", kind: "input" }));
    // Without a mark a stream is told by its first bytes alone.
    expect(Buffer.concat(read).toString()).toBe(TEXT);
  });
});

describe("what is no text says so", () => {
  it.each<[string, Uint8Array | string, RegExp]>([
    [
      "an Excel file",
      "PK\u0003\u0004\u0014\u0000\u0006\u0000",
      /is not text; it is a zip or Excel/,
    ],
    ["a parquet file", "PAR1\u0015\u0004\u0015\u0000", /is not text; it is a parquet file/],
    ["a picture", Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"), /is not text/],
    ["numbers in 32 bits", new Uint8Array(new Float32Array([1, 2, 0, 4]).buffer), /is not text/],
    ["UTF-32", Buffer.from("fffe000061000000", "hex"), /is not text; it is UTF-32/],
    ["a packed binary", gzipSync(new Uint8Array([1, 0, 0, 0, 5, 0, 0])), /is not text/],
    ["half of a gzip file", gzipSync("a".repeat(500)).subarray(0, 20), /cannot be unpacked/],
  ])("%s", async (_name, content, message) => {
    const path = file(typeof content === "string" ? Buffer.from(content, "latin1") : content);
    await expect(readText(path)).rejects.toThrow(message);
    await expect(readInputs(path)).rejects.toThrow(message);
    await expect(allOf(corpusLines(path))).rejects.toThrow(message);
  });

  it("a folder, a file that is not there, and one below a file", async () => {
    mkdirSync(join(folder.path, "d.csv"));
    await expect(readText(join(folder.path, "d.csv"))).rejects.toThrow(/d\.csv: is a folder/);
    await expect(readInputs(join(folder.path, "d.csv"))).rejects.toThrow(/is a folder/);
    await expect(readText(join(folder.path, "no.csv"))).rejects.toThrow(/no such file/);
    await expect(readText(join(file("a"), "no.csv"))).rejects.toThrow(/no such file/);
  });

  it.skipIf(process.getuid?.() === 0)("a file that one may not read", async () => {
    const path = file("a");
    chmodSync(path, 0);
    await expect(readText(path)).rejects.toThrow(/may not read it/);
  });

  it("bytes that are not UTF-8 are refused with their line, or replaced", async () => {
    const path = file(Buffer.from('"ok"\n"caf\u00e9"\n', "latin1"));
    await expect(readInputs(path)).rejects.toThrow(/is not UTF-8 text in line 2/);
    expect(await readText(path)).toBe('"ok"\n"caf\uFFFD"\n');
  });
});

it("an empty file, one of a mark only and a packed empty file are empty texts", async () => {
  for (const content of ["", "\uFEFF", gzipSync("")])
    expect(await readText(file(content))).toBe("");
});

it("a mark is taken away once: what follows is a character of the text", async () => {
  expect(await readText(file("\uFEFF\uFEFFa"))).toBe("\uFEFFa");
});

it("lines of a corpus end with every line end of Unicode, also between chunks", async () => {
  const path = file("a\r\nb\rc\nd\u2028e\u2029f\r");
  expect(await allOf(corpusLines(path))).toEqual(["a", "b", "c", "d", "e", "f"]);
});

it("any bytes are a text or an error of ours", async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }).map((content) => gzipSync(content)),
    fc.string({ unit: "binary" }).map((text) => Buffer.from(text, "utf16le")),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (content) => {
      async function* stream(): AsyncGenerator<Uint8Array> {
        yield content;
      }
      try {
        await allOf(plainText(stream(), { subject: "fuzz", kind: "data" }));
      } catch (error) {
        expect(error).toBeInstanceOf(EdgePrefixError);
      }
    }),
    { seed: 8, numRuns: 500 },
  );
});
