/**
 * The tokenizer against Python tokenizers 0.23.3. Expected values: test/golden/tokenizer/golden.json,
 * sweep.json, byte-golden.json and unigram-golden.json, written by the make_*.py of their names beside them; the shared golden files (2,000 texts each,
 * same library) run when they are present.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { toPython } from "../../../../scripts/commands/tokenize.ts";
import { codePointOffsets, type Tokenizer } from "../../../../src/core/tokenizer/tokenizer.ts";
import { bertNormalizer } from "../../../../src/core/tokenizer/normalizers/bert-normalizer.ts";
import { identityNormalizer } from "../../../../src/core/tokenizer/normalizers/normalizer.ts";
import { TextBuffer } from "../../../../src/core/tokenizer/text/text-buffer.ts";
import { shared } from "../../../support/shared.ts";
import { tokenizerOf } from "../../../support/tokenizer-file.ts";

interface Case {
  text: string;
  pair?: string;
  ids: number[];
  offsets: [number, number][];
  type_ids: number[];
  word_ids: (number | null)[];
  sequence_ids?: (number | null)[];
}

const golden = join(import.meta.dirname, "..", "..", "..", "golden", "tokenizer");
const read = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;

/** What the tokenizer says about a case, with the fields that the case has. */
function answer(tokenizer: Tokenizer, { text, pair, sequence_ids }: Case): Case {
  const { sequence_ids: found, ...fields } = toPython(tokenizer.encode(text, pair), text, pair);
  const input = pair === undefined ? { text } : { text, pair };
  return { ...input, ...fields, ...(sequence_ids === undefined ? {} : { sequence_ids: found }) };
}

describe("gives what Python gives", () => {
  const { vocab, variants } = read<{
    vocab: Record<string, number>;
    variants: Record<string, { tokenizer: { model: object }; cases: Case[] }>;
  }>(join(golden, "golden.json"));

  test.each(Object.entries(variants))("for the texts of %s", (_, { tokenizer: file, cases }) => {
    const tokenizer = tokenizerOf({ ...file, model: { ...file.model, vocab } });
    expect(cases.length).toBeGreaterThan(10);
    for (const expected of cases) expect(answer(tokenizer, expected)).toEqual(expected);
  });

  describe.each([
    ["bytes", "byte-golden.json"],
    ["scores", "unigram-golden.json"],
  ])("where a vocabulary is of %s", (_kind, path) => {
    const { model, variants: others } = read<{
      model: object;
      variants: Record<string, { tokenizer: { model: object }; cases: Case[] }>;
    }>(join(golden, path));

    test.each(Object.entries(others))("for the texts of %s", (_, { tokenizer: file, cases }) => {
      const tokenizer = tokenizerOf({ ...file, model: { ...model, ...file.model } });
      expect(cases.length).toBeGreaterThan(10);
      for (const expected of cases) expect(answer(tokenizer, expected)).toEqual(expected);
    });
  });

  test.skipIf(shared("golden") === undefined).for([
    ["all-MiniLM-L6-v2", "models/all-MiniLM-L6-v2/tokenizer.json"],
    ["byte-bpe", "golden/architectures/roberta/tokenizer.json"],
    ["unigram", "golden/architectures/xlm-roberta/tokenizer.json"],
    ["unigram-charsmap", "golden/tokenizer/unigram-charsmap.tokenizer.json"],
    ["wordpiece-cased", "golden/architectures/bert-cased/tokenizer.json"],
  ] as const)("for all 2,000 texts of %s", ([name, file]) => {
    const tokenizer = tokenizerOf(read(shared(file)!));
    const bytes = readFileSync(shared("golden", "tokenizer", `${name}.jsonl.gz`)!);
    const lines = gunzipSync(bytes).toString().trimEnd().split("\n");
    const cases = lines.map((line) => JSON.parse(line) as Case);
    const differing = cases.filter(
      // Key order differs, so fields are compared by name; `toEqual` on 2,000 would be slow.
      (expected) =>
        Object.entries(answer(tokenizer, expected)).some(
          ([field, value]) =>
            JSON.stringify(value) !== JSON.stringify(expected[field as keyof Case]),
        ),
    );
    expect(cases).toHaveLength(2000);
    expect(differing).toEqual([]);
  });
});

describe("treats every code point as Python does: alone, inside a word, between marks", () => {
  interface Sweep {
    tokenizer: { normalizer: Record<string, boolean> | null };
    digests: string;
  }
  const { sweeps } = read<{ sweeps: Record<string, Sweep> }>(join(golden, "sweep.json"));
  const BLOCK = 4096;
  // All 272 blocks with all options take a minute. Planes 0 and 1 and the tags of plane 14 hold every
  // property that the tables have beyond long runs; EDGE_PREFIX_SWEEP=all runs the rest.
  const isFull = process.env["EDGE_PREFIX_SWEEP"] === "all";
  const isQuickBlock = (block: number): boolean => block < 32 || block === 0xe0;
  const quick = ["uncased", "strip-unclean", "single-word"];
  const chosen = Object.entries(sweeps).filter(([name]) => isFull || quick.includes(name));

  test.each(chosen)(
    "with the options %s",
    (_, { tokenizer: file, digests }) => {
      const tokenizer = tokenizerOf(file);
      const normalize = normalizerOf(file.normalizer);
      const found = digests.split(" ").map((digest, block) => {
        if (!isFull && !isQuickBlock(block)) return digest;
        let lines = "";
        for (let code = block * BLOCK; code < (block + 1) * BLOCK; code++) {
          if (code >= 0xd800 && code <= 0xdfff) continue;
          lines += describeCodePoint(String.fromCodePoint(code), tokenizer, normalize);
        }
        return createHash("sha256").update(lines).digest("hex").slice(0, 8);
      });
      expect(found.join(" ")).toBe(digests);
    },
    60_000,
  );

  /** The line that make_golden.py hashes for one character. */
  function describeCodePoint(
    c: string,
    tokenizer: Tokenizer,
    normalize: (text: string) => string,
  ): string {
    const text = `${c} a${c}b q\u302e${c}\u1b44\u0334d X${c}X`;
    const { starts, ends } = tokenizer.tokenize(text);
    const toCodePoints = codePointOffsets(text);
    let line = `${normalize(text)}|`;
    for (let i = 0; i < starts.length; i++) {
      line += `${i ? "," : ""}${toCodePoints(starts[i]!)}-${toCodePoints(ends[i]!)}`;
    }
    return `${line}\n`;
  }

  function normalizerOf(options: Record<string, boolean> | null): (text: string) => string {
    const normalizer = options
      ? bertNormalizer({
          cleanText: options["clean_text"]!,
          handleChineseChars: options["handle_chinese_chars"]!,
          stripAccents: options["strip_accents"] ?? options["lowercase"]!,
          lowercase: options["lowercase"]!,
        })
      : identityNormalizer;
    const buffer = new TextBuffer();
    return (text) => {
      buffer.reset();
      normalizer(text, 0, text.length, buffer);
      return buffer.toString();
    };
  }
});
