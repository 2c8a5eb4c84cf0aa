/**
 * Reading tokenizer.json: what it refuses and how, and what holds for any text. Expected ids are
 * worked out by hand from the small vocabulary below.
 */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import {
  EXPECTED_OUTCOME,
  added,
  file,
  idsOf,
  model,
  outcome,
  step,
  tokenizerOf,
} from "../../../support/tokenizer-file.ts";
import { codePointOffsets } from "../../../../src/core/tokenizer/tokenizer.ts";

const SEED = 20;
describe("refuses", () => {
  test.each([
    ["a BPE model", { model: { type: "BPE", vocab: {}, merges: [] } }, /model "BPE"/],
    ["another model", { model: { type: "WordLevel", vocab: {} } }, /model "WordLevel"/],
    ["another normalizer", { normalizer: { type: "Nmt" } }, /normalizer "Nmt"/],
    [
      "another pattern of a Replace",
      { normalizer: { type: "Replace", pattern: { Regex: "x+" }, content: "" } },
      /normalizer "Replace"/,
    ],
    [
      "another sequence of pre-tokenizers",
      { pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Digits" }, { type: "X" }] } },
      /pre-tokenizer "Sequence"/,
    ],
    ["another pre-tokenizer", { pre_tokenizer: { type: "Digits" } }, /pre-tokenizer "Digits"/],
    [
      "bytes for a WordPiece model",
      { pre_tokenizer: { type: "ByteLevel", add_prefix_space: false } },
      /pre-tokenizer "ByteLevel".*BPE goes with ByteLevel/,
    ],
    ["no pre-tokenizer", { pre_tokenizer: null }, /pre-tokenizer none/],
    ["another post-processor", { post_processor: { type: "Other" } }, /post-processor "Other"/],
    [
      "another post-processor in a sequence",
      { post_processor: { type: "Sequence", processors: [{ type: "Other" }] } },
      /post-processor "Sequence"/,
    ],
    ["a type called constructor", { normalizer: { type: "constructor" } }, /"constructor"/],
  ])("%s, saying what it found and what is supported", (_, changes, message) => {
    const found = outcome(file(changes));
    expect(found).toMatch(/^tokenizer-unsupported: .*supported are model "WordPiece"/);
    expect(found).toMatch(message);
  });

  const template = file()["post_processor"] as Record<string, unknown>;
  test.each([
    ["nothing", null, /expected an object/],
    ["a list", [], /expected an object/],
    ["no model", file({ model: undefined }), /"model": is missing/],
    ["a vocabulary that is a number", file(model({ vocab: 1 })), /an object of words to ids/],
    ["a negative id", file(model({ vocab: { "[UNK]": -1 } })), /id is -1/],
    ["a fractional id", file(model({ vocab: { "[UNK]": 0.5 } })), /id is 0.5/],
    ["an id that no int32 holds", file(model({ vocab: { "[UNK]": 2 ** 31 } })), /2147483648/],
    ["an unknown token outside the vocabulary", file(model({ unk_token: "?" })), /"\?" is not in/],
    ["a prototype's name as the unknown token", file(model({ unk_token: "toString" })), /not in/],
    [
      "a word longer than the limit",
      file(model({ vocab: { ["x".repeat(513)]: 1 } })),
      /more than 512 units/,
    ],
    ["half of a surrogate pair", file(model({ vocab: { "\ud800": 1 } })), /lone surrogate/],
    ["no word length", file(model({ max_input_chars_per_word: null })), /max_input_chars_per_word/],
    ["a flag that is text", file({ added_tokens: [added("x", { lstrip: "no" })] }), /"lstrip"/],
    ["added tokens that are no list", file({ added_tokens: {} }), /"added_tokens"/],
    [
      "a normalized token of which nothing is left",
      file({ added_tokens: [added("\u200b", { normalized: true })] }),
      /nothing is left/,
    ],
    [
      "a special token that the template does not define",
      file({ post_processor: { ...template, special_tokens: {} } }),
      /not in "special_tokens"/,
    ],
    [
      "a template that drops the text",
      file({ post_processor: { ...template, single: [step("SpecialToken", "[CLS]")] } }),
      /uses sequences "", expected each of "A" once/,
    ],
    [
      "a pair template that repeats a text",
      file({
        post_processor: { ...template, pair: [step("Sequence", "A"), step("Sequence", "A")] },
      }),
      /uses sequences "AA"/,
    ],
    [
      "special ids beyond the vocabulary",
      file({ post_processor: { type: "BertProcessing", cls: ["c", 2], sep: ["s", 99] } }),
      /adds id 99, the highest id is 15/,
    ],
    [
      "a special token without an id",
      file({ post_processor: { type: "BertProcessing", cls: ["c"], sep: ["s", 3] } }),
      /expected \[token, id\]/,
    ],
  ])("%s", (_, json, message) => {
    const found = outcome(json);
    expect(found).toMatch(/^tokenizer-invalid: tokenizer\.json/);
    expect(found).toMatch(message);
  });

  test("any damage to a good file with a FormatError, or reads it and works", () => {
    const good = JSON.stringify(file());
    const paths = leaves(JSON.parse(good) as object);
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom("__proto__", "constructor", "", -1, 1e300, 0.5, null, [], {}, "\ud800"),
    );
    const damage = fc.record({ path: fc.constantFrom(...paths), value, drops: fc.boolean() });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        const json = JSON.parse(good) as object;
        for (const { path, value, drops } of damages) replaceAt(json, path, drops, value);
        expect(outcome(json)).toMatch(EXPECTED_OUTCOME);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test("any other JSON value with a FormatError", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(outcome(json)).toMatch(EXPECTED_OUTCOME);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe("reads", () => {
  test("names of the prototype as ordinary words", () => {
    expect(idsOf(file(), "constructor toString")).toEqual([2, 13, 1, 3]);
    // "_" is punctuation, so the word can only be met as an added token.
    const json = file({ added_tokens: [added("__proto__")] });
    expect(idsOf(json, "a__proto__")).toEqual([2, 4, 14, 3]);
  });

  test("a model without a type as WordPiece, as files of before 2021 have it", () => {
    expect(idsOf(file(model({ type: undefined })), "abc")).toEqual([2, 6, 8, 3]);
  });

  test("a file without normalizer and post-processor: bare text, the second with type id 1", () => {
    const tokenizer = tokenizerOf(file({ normalizer: null, post_processor: null }));
    const { ids, typeIds, sequenceIds } = tokenizer.encode("ab é", "b");
    expect([...ids]).toEqual([6, 9, 5]);
    expect([...typeIds]).toEqual([0, 0, 1]);
    expect([...sequenceIds]).toEqual([0, 0, 1]);
    expect(tokenizer.specialTokenCount(true)).toBe(0);
  });

  test("ids of added tokens from the vocabulary, then the next free ones, not from the file", () => {
    const tokens = [added("b", { id: 0 }), added("<x>", { id: 500 }), added("<y>", { id: 7 })];
    const json = file({ added_tokens: tokens });
    expect(idsOf(json, "b<x><y>")).toEqual([2, 5, 16, 17, 3]);
    expect(tokenizerOf(json).vocabSize).toBe(18);
  });

  test("the pad id from the padding section, else from [PAD]", () => {
    expect(tokenizerOf(file({ padding: { pad_id: 3 } })).padId).toBe(3);
    expect(tokenizerOf(file({ padding: { pad_id: 99 } })).padId).toBe(0);
    expect(tokenizerOf(file()).padId).toBe(0);
  });

  test("neither truncation nor padding", () => {
    const padding = { strategy: { Fixed: 128 }, pad_id: 0 };
    expect(idsOf(file({ truncation: { max_length: 3 }, padding }), "a b ab")).toHaveLength(5);
  });
});

describe("for any text", () => {
  const tokenizer = tokenizerOf(file());
  const anyText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: fc.constantFrom(..."ab c!é漢😀\u0301\u0316\u1b44[SEP]") }),
  );

  test("pieces are inside the text, in order, not empty, with word ids that count up", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { ids, starts, ends, wordIds } = tokenizer.tokenize(text);
        for (let i = 0; i < ids.length; i++) {
          expect(starts[i]).toBeLessThan(ends[i]!);
          expect(ends[i]).toBeLessThanOrEqual(text.length);
          expect(starts[i]).toBeGreaterThanOrEqual(i ? starts[i - 1]! : 0);
          expect(wordIds[i]! - (i ? wordIds[i - 1]! : -1)).toBeLessThanOrEqual(1);
          expect(ids[i]).toBeLessThan(tokenizer.vocabSize);
        }
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test("a text gives the same after any other text", () => {
    fc.assert(
      fc.property(anyText, anyText, (text, other) => {
        const fresh = tokenizerOf(file()).tokenize(text);
        tokenizer.tokenize(other);
        expect(tokenizer.tokenize(text)).toEqual(fresh);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test("code point offsets count as Array.from does", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const toCodePoints = codePointOffsets(text);
        let utf16 = 0;
        Array.from(text).forEach((c, index) => {
          expect(toCodePoints(utf16)).toBe(index);
          utf16 += c.length;
        });
        expect(toCodePoints(utf16)).toBe(Array.from(text).length);
      }),
      { seed: SEED },
    );
  });

  test("half of a surrogate pair disappears like U+FFFD and splits nothing", () => {
    expect(idsOf(file(), "a\ud800b")).toEqual(idsOf(file(), "a\ufffdb"));
    expect(idsOf(file({ normalizer: null }), "\udc00")).toEqual([2, 1, 3]);
  });

  // A quadratic step in any of these would run for hours.
  const MILLION = 1 << 20;
  test.each([
    ["one word", "a".repeat(MILLION), 1],
    ["words at the length limit", `${"b".repeat(100)} `.repeat(MILLION / 101), 10381],
    ["combining marks out of order", "a" + "\u0301\u0316".repeat(MILLION / 2), 1],
    ["beginnings of an added token", "[SE".repeat(MILLION / 4), MILLION / 2],
    ["white space", " ".repeat(MILLION), 0],
    ["punctuation", "!".repeat(MILLION), MILLION],
  ])("a million characters of %s take linear time", (_, text, expected) => {
    const words = new Set(tokenizer.tokenize(text).wordIds);
    expect(words.size).toBe(expected);
  });
});

/** Paths of every value inside a JSON value. */
function leaves(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]));
  return path.length > 0 ? [path, ...inner] : inner;
}

function replaceAt(json: object, path: string[], drops: boolean, value: unknown): void {
  let parent: unknown = json;
  for (const key of path.slice(0, -1)) parent = (parent as Record<string, unknown>)?.[key];
  if (typeof parent !== "object" || parent === null) return; // an earlier damage took it away
  const fields = parent as Record<string, unknown>;
  if (drops && Array.isArray(parent)) parent.splice(Number(path.at(-1)), 1);
  else if (drops) delete fields[path.at(-1)!];
  else fields[path.at(-1)!] = value;
}
