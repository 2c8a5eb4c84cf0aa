/** The verb `tokenize`: lines in, lines out. Expected values from Python tokenizers 0.23.3. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { rmSync } from "node:fs";
import { main } from "../../../scripts/cli/main.ts";
import { VERBS } from "../../../scripts/commands/verbs.ts";

interface Golden {
  vocab: Record<string, number>;
  variants: Record<string, { tokenizer: { model: object }; cases: Record<string, unknown>[] }>;
}
const path = join(import.meta.dirname, "..", "..", "golden", "tokenizer", "golden.json");
const { vocab, variants } = JSON.parse(readFileSync(path, "utf8")) as Golden;
const { tokenizer, cases } = variants["uncased"]!;

const folder = mkdtempSync(join(tmpdir(), "tokenize-"));
const file = join(folder, "tokenizer.json");
writeFileSync(file, JSON.stringify({ ...tokenizer, model: { ...tokenizer.model, vocab } }));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the verb over stdin that arrives in chunks of `chunkBytes`. */
async function run(args: string[], stdin: string | Uint8Array, chunkBytes = 1 << 16) {
  const [out, err]: [string[], string[]] = [[], []];
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.from(stdin);
    for (let i = 0; i < bytes.length; i += chunkBytes) yield bytes.subarray(i, i + chunkBytes);
  }
  const code = await main(
    ["tokenize", ...args],
    {
      stdin: chunks(),
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      signal: new AbortController().signal,
    },
    VERBS,
  );
  return { code, out: out.map((line) => JSON.parse(line) as unknown), err: err.join("\n") };
}

describe("tokenize", () => {
  const input = cases.map(({ text, pair }) =>
    JSON.stringify(pair === undefined ? text : { text, pair }),
  );
  const expected = cases.map(({ text: _text, pair: _pair, ...encoding }) => encoding);

  test.each([1, 7, 1 << 16])("answers each line, whatever the chunks (%d bytes)", async (bytes) => {
    const { code, out } = await run(["--tokenizer", file], `${input.join("\n")}\n`, bytes);
    expect(out).toEqual(expected);
    expect(code).toBe(0);
  });

  test("reads the tokenizer of a base, CRLF, blank lines and a last line without an end", async () => {
    const { code, out } = await run(["--base", folder], `"a"\r\n\n{"text":"a","pair":null}`);
    expect(out).toHaveLength(2);
    expect(out[0]).toEqual(out[1]);
    expect(code).toBe(0);
  });

  test.each([
    ["a byte order mark", Buffer.from('\uFEFF"a"\n"b"\n')],
    ["UTF-16", Buffer.from('\uFEFF"a"\n"b"\n', "utf16le")],
    ["gzip", gzipSync('"a"\n"b"\n')],
  ])("reads lines with %s as those without", async (_, stdin) => {
    for (const size of [1, 1 << 16]) {
      const { out } = await run(["--tokenizer", file], stdin, size);
      expect(out).toEqual((await run(["--tokenizer", file], '"a"\n"b"\n')).out);
    }
  });

  test.each([
    ["no JSON", "hello", /is not valid UTF-8 JSON/],
    ["no text", "{}", /"text" is missing, expected a string/],
    ["a number", "5", /it is 5, expected a string/],
    ["a list", '["a","b"]', /it is an array of 2/],
    ["an unknown field", '{"text":"a","text_pair":"b"}', /unknown field "text_pair"/],
    ["half of a surrogate pair", '"\\ud800"', /half of a surrogate pair/],
    ["bytes that are no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), /is not valid UTF-8 JSON/],
  ])("stops at a line with %s and names it", async (_, line, message) => {
    const stdin = Buffer.concat([Buffer.from('"a"\n'), Buffer.from(line), Buffer.from('\n"b"\n')]);
    const { code, out, err } = await run(["--tokenizer", file], stdin);
    expect(err).toMatch(/^error \[line-invalid\]: stdin line 2: /);
    expect(err).toMatch(message);
    expect(out).toHaveLength(1);
    expect(code).toBe(1);
  });

  test.each([
    ["neither option", []],
    ["both options", ["--base", folder, "--tokenizer", file]],
    ["an argument", ["--base", folder, "text"]],
  ])("refuses %s as a wrong command line", async (_, args) => {
    expect((await run(args, "")).code).toBe(2);
  });

  test("names a folder and a file that is not there", async () => {
    expect((await run(["--tokenizer", folder], "")).err).toMatch(/is a folder/);
    const { code, err } = await run(["--tokenizer", join(folder, "none.json")], "");
    expect(err).toMatch(/^error \[tokenizer-unreadable\]: .*none\.json/);
    expect(code).toBe(1);
  });
});
