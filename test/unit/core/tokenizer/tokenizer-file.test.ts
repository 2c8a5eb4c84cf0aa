/**
 * The vocabulary of a tokenizer.json as it is read into flat memory, against the plain form of the same
 * models, which test/support/plain-models.ts has. Seeded.
 */
import fc from "../../../support/properties.ts";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../../../src/core/errors.ts";
import { encodeUtf8 } from "../../../../src/core/text.ts";
import { JsonBytes } from "../../../../src/core/tokenizer/json/json-bytes.ts";
import {
  createTokenizer,
  streamTokenizer,
  type Tokenizer,
} from "../../../../src/core/tokenizer/tokenizer.ts";
import { plainScore, plainUnigram, plainWordPiece } from "../../../support/plain-models.ts";
import { file, model, tokenizerOf } from "../../../support/tokenizer-file.ts";

const SEED = 26;

/** Words that share beginnings, in several scripts, with what JSON has to escape. */
const word = fc.string({
  unit: fc.constantFrom(...'aaab"\\/\n\u0001é漢\u{1F600}\u2028'),
  minLength: 1,
  maxLength: 5,
});
const words = fc.uniqueArray(word, { minLength: 1, maxLength: 30 });

/** Every way to write a JSON file: white space, and escapes for what is not ASCII. */
const style = fc.record({ indent: fc.nat(3), isAscii: fc.boolean() });
const write = (json: unknown, { indent, isAscii }: { indent: number; isAscii: boolean }) => {
  const text = JSON.stringify(json, null, indent);
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return encodeUtf8(isAscii ? text.replaceAll(/[^\0-\x7f]/g, escape) : text);
};
const bare = { normalizer: null, post_processor: null, added_tokens: [] };
/** One word a text: nothing in it is white space. */
const METASPACE = { type: "Metaspace", replacement: "a", prepend_scheme: "never", split: false };

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const piece = bytes.slice(at, (at += sizes[i % sizes.length]!));
    yield piece;
    piece.fill(0x21); // a reader that kept the piece itself would now read other bytes
  }
}

const idsOf = (tokenizer: Tokenizer, text: string): number[] => [...tokenizer.tokenize(text).ids];

describe("a vocabulary in flat memory", () => {
  test("of WordPiece cuts as the same words in a map", () => {
    fc.assert(
      fc.property(words, fc.array(word), style, (vocab, texts, how) => {
        const continuing = vocab.map((each, i) => (i % 3 === 0 ? `##${each}` : each));
        const ids = Object.fromEntries(["[UNK]", ...new Set(continuing)].map((w, id) => [w, id]));
        const plain = plainWordPiece(ids, "[UNK]");
        const json = file({ ...bare, pre_tokenizer: METASPACE, ...model({ vocab: ids }) });
        const tokenizer = createTokenizer(write(json, how));
        for (const text of [...texts, ...vocab])
          expect(idsOf(tokenizer, text)).toEqual(plain(text));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  const score = fc.double({ min: -20, max: 0, noNaN: true });
  test("of Unigram cuts as the same words and scores in a map, to the last bit of a sum", () => {
    fc.assert(
      fc.property(
        words,
        fc.array(score, { minLength: 31 }),
        word,
        style,
        (list, scores, text, how) => {
          const vocab = ["<unk>", ...list].map((w, i): [string, number] => [w, scores[i]!]);
          const plain = plainUnigram(vocab, 0);
          const fields = { type: "Unigram", unk_id: 0, vocab };
          const tokenizer = createTokenizer(
            write({ ...bare, pre_tokenizer: METASPACE, model: fields }, how),
          );
          for (const each of [text, list.join(""), `${text}x`]) {
            expect(idsOf(tokenizer, each)).toEqual(plain(each));
          }
        },
      ),
      { seed: SEED, numRuns: 300 },
    );
  });

  test("is the same in whatever pieces the file arrives", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(words, style, sizes, async (vocab, how, cuts) => {
        const ids = Object.fromEntries(["[UNK]", ...vocab].map((w, id) => [w, id]));
        // Text that looks like structure, before and behind the vocabulary.
        const around = {
          decoder: '{"model": {"vocab": {',
          truncation: ["model", { vocab: { a: "}" } }],
        };
        const json = { ...around, ...file({ ...bare, ...model({ vocab: ids }) }), ...around };
        const bytes = write(json, how);
        const [whole, streamed] = [
          createTokenizer(bytes),
          await streamTokenizer(inPieces(bytes, cuts)),
        ];
        expect(streamed.vocabSize).toBe(whole.vocabSize);
        for (const text of vocab) expect(idsOf(streamed, text)).toEqual(idsOf(whole, text));
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test("is refused for what its pieces end with, such as a wrong hash, before anything else", async () => {
    const damaged = new FormatError("file-hash-mismatch", "other bytes than were promised");
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield encodeUtf8('{"model": {"vocab": {"a": "no id", ');
      yield encodeUtf8("more of it");
      throw damaged;
    }
    await expect(streamTokenizer(pieces())).rejects.toBe(damaged);
  });

  test("of bytes has its merges before its words or behind them", () => {
    const byteLevel = { ...bare, pre_tokenizer: { type: "ByteLevel", add_prefix_space: false } };
    const [vocab, merges] = [{ a: 0, b: 1, ab: 2 }, [["a", "b"], "a ab"].slice(0, 1)];
    for (const fields of [
      { vocab, merges },
      { merges, vocab },
    ]) {
      const tokenizer = tokenizerOf({ ...byteLevel, model: { type: "BPE", ...fields } });
      expect(idsOf(tokenizer, "aab")).toEqual([0, 2]);
    }
  });
});

describe("scores", () => {
  const read = (text: string): number => {
    const json = new JsonBytes();
    json.bytes = encodeUtf8(`${text},`);
    const found = json.score();
    return json.at === text.length ? found : NaN;
  };

  test("are the digits divided by a power of ten, for any number that is written without an exponent", () => {
    const number = fc
      .double({ min: 1e-6, max: 1e6, noNaN: true })
      .chain((x) => fc.constantFrom(x, -x));
    fc.assert(
      fc.property(number, (x) => {
        expect(read(String(x))).toBe(plainScore(x));
      }),
      { seed: SEED, numRuns: 20_000 },
    );
  });

  // By hand from serde_json's reader, which Python's library has: digits that 64 bits do not hold go.
  test.each([
    ["-9.210340371976182", -9210340371976182 / 1e15],
    ["0", 0],
    ["-3", -3],
    ["-1.50", -1.5],
    ["2e-3", 0.002],
    ["1.25E+2", 125],
    ["5e-324", 5e-324],
    ["0e999", 0],
    ["0.1234567890123456789012345", Number("12345678901234567890") / 1e20],
  ])("%s", (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  test.each(["", "-", ".5", "1.", "01", "1e", "--1", "1.2.3", "NaN", "+1"])(
    "%s is none",
    (text) => {
      expect(read(text)).toBeNaN();
    },
  );
});

describe("a file that is no JSON inside of its vocabulary", () => {
  const outcomeOf = (bytes: Uint8Array): string => {
    try {
      createTokenizer(bytes);
      return "works";
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return `${error.code}: ${error.message}`;
    }
  };
  const damage = (from: string | RegExp, to: string): Uint8Array =>
    Buffer.from(JSON.stringify(file()).replace(from, to), "latin1");
  test.each([
    ["a missing comma", damage('"a":4,', '"a":4 '), /json-invalid: .* at byte \d+, expected ","/],
    ["a comma at the end", damage(/(__proto__":\d+)\}/, "$1,}"), /json-invalid/],
    ["a missing colon", damage('"a":', '"a" '), /json-invalid: .*expected ":"/],
    ["a bracket of a list", damage(/(__proto__":\d+)\}/, "$1]"), /json-invalid/],
    ["an unknown escape", damage('"a":', '"\\a":'), /json-invalid: .*an escape/],
    ["a control character", damage('"a":', '"\n":'), /json-invalid: .*a character of a text/],
    ["half a UTF-8 sequence", damage('"a":', '"\xc3":'), /json-invalid: .*UTF-8/],
    ["UTF-8 that is longer than it needs to be", damage('"a":', '"\xc0\x80":'), /UTF-8/],
    ["a surrogate in UTF-8", damage('"a":', '"\xed\xa0\x80":'), /UTF-8/],
    ["a number with a leading zero", damage('"a":4', '"a":04'), /tokenizer-invalid: .*id is 04/],
    ["a word without an id", damage('"a":4', '"a":'), /tokenizer-invalid: .*id is missing/],
    ["two vocabularies", damage('"vocab":', '"vocab":{},"vocab":'), /has "vocab" twice/],
    ["two models", damage('"model":', '"model":{},"model":'), /has "model" twice/],
    ["an end in the middle of it", damage(/"ab":.*/, ""), /json-invalid/],
  ])("%s", (_, bytes, message) => {
    expect(outcomeOf(bytes)).toMatch(message);
  });

  test("any change of a byte is told, or read and works", () => {
    const good = encodeUtf8(JSON.stringify(file()));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = good.slice();
        bytes[at] = byte;
        expect(outcomeOf(bytes)).toMatch(
          /^(works$|json-invalid: |tokenizer-invalid: |tokenizer-unsupported: )/,
        );
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  });
});
