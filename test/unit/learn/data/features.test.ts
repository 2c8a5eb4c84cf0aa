/** Examples become features through the serving tokenizer: labels stand where a word begins. */
import { describe, expect, test } from "vitest";
import { joinWords } from "../../../../src/learn/data/lines.ts";
import { featuresOf } from "../../../../src/learn/data/features.ts";
import { WORD_SHAPES } from "../../../../src/core/model/word-shapes.ts";
import { TINY_VOCAB, tinyTokenizerJson } from "../../../support/tiny-base.ts";
import { tokenizerOf } from "../../../support/tokenizer-file.ts";

const tokenizer = tokenizerOf(tinyTokenizerJson());
const tokens = (ids: Int32Array): string[] => [...ids].map((id) => TINY_VOCAB[id]!);
const labels = ["O", "B-X", "I-X"];

const tagged = (words: string[], tags: string[]) => ({ ...joinWords(words), labels: tags });

describe("a token task", () => {
  // "goods" is good + ##s, "n.y." four pieces of one word; "\u0301" alone normalizes to nothing.
  const example = tagged(["the", "goods", "\u0301", "n.y.", "film"], ["O", "B-X", "O", "I-X", "O"]);

  test("labels the first piece of each word and ignores the rest", () => {
    const [feature] = featuresOf([example], tokenizer, { type: "token", labels, maxLength: 64 });
    expect(tokens(feature!.ids)).toEqual([
      "[CLS]",
      "the",
      "good",
      "##s",
      "n",
      ".",
      "y",
      ".",
      "film",
      "[SEP]",
    ]);
    expect([...feature!.labels]).toEqual([-100, 0, 1, -100, 2, -100, -100, -100, 0, -100]);
    expect([...feature!.firstPieces]).toEqual([1, 2, -1, 4, 8]);
  });

  test("labels later pieces with the I- form when asked to", () => {
    const options = { type: "token", labels, maxLength: 64, labelAllTokens: true } as const;
    const [feature] = featuresOf([example], tokenizer, options);
    expect([...feature!.labels]).toEqual([-100, 0, 1, 2, 2, 2, 2, 2, 0, -100]);
  });

  test("tells how the word of each piece is written", () => {
    const written = tagged(["The", "GOODS", "x2", "n.Y."], ["O", "B-X", "O", "I-X"]);
    const [feature] = featuresOf([written], tokenizer, { type: "token", labels, maxLength: 64 });
    const shapes = [...feature!.shapes!].map((shape) => WORD_SHAPES[shape] ?? "");
    const [first, last] = ["", ""]; // special tokens
    const nY = ["lower", "other", "title", "other"]; // the tokenizer takes it for four words
    expect(shapes.slice(0, 4)).toEqual([first, "title", "upper", "upper"]);
    expect(shapes.slice(-5)).toEqual([...nY, last]);
  });

  test("labels each of the tokenizer's words where tags are chosen together, and chains them", () => {
    const options = { type: "token", labels, maxLength: 64, readsWords: true } as const;
    const [feature] = featuresOf([example], tokenizer, options);
    // the, goods, and n . y . of one word
    expect([...feature!.labels]).toEqual([-100, 0, 1, -100, 2, 2, 2, 2, 0, -100]);
    expect([...feature!.chain!]).toEqual([0, 1, 2, 2, 2, 2, 0]);
    expect([...feature!.firstPieces]).toEqual([1, 2, -1, 4, 8]);
    const [begun] = featuresOf([tagged(["n.y."], ["B-X"])], tokenizer, options);
    expect([...begun!.chain!]).toEqual([1, 2, 2, 2]);
  });

  test("learns nothing from the later parts of a word outside of entities, but chains them", () => {
    const options = { type: "token", labels, maxLength: 64, readsWords: true } as const;
    const address = tagged(["n.y.", "goods"], ["O", "O"]);
    const [feature] = featuresOf([address], tokenizer, options);
    expect([...feature!.labels].slice(0, 6)).toEqual([-100, 0, -100, -100, -100, 0]);
    expect([...feature!.chain!]).toEqual([0, 0, 0, 0, 0]);
    const [all] = featuresOf([address], tokenizer, { ...options, labelAllTokens: true });
    expect([...all!.labels].slice(0, 6)).toEqual([-100, 0, 0, 0, 0, 0]);
  });

  test("chains no tags where each is chosen alone", () => {
    const [feature] = featuresOf([example], tokenizer, { type: "token", labels, maxLength: 64 });
    expect(feature!.chain).toBeUndefined();
  });

  test("labels all pieces and all of the tokenizer's words alike", () => {
    const options = { type: "token", labels, maxLength: 64, labelAllTokens: true } as const;
    const [alone] = featuresOf([example], tokenizer, options);
    const [together] = featuresOf([example], tokenizer, { ...options, readsWords: true });
    expect(together!.labels).toEqual(alone!.labels);
  });

  test("cuts at max_length and forgets the words that are cut off", () => {
    const [feature] = featuresOf([example], tokenizer, { type: "token", labels, maxLength: 4 });
    expect(tokens(feature!.ids)).toEqual(["[CLS]", "the", "good", "[SEP]"]);
    expect([...feature!.firstPieces]).toEqual([1, 2, -1, -1, -1]);
  });

  test("ignores a tag that is not in the list", () => {
    const options = { type: "token", labels, maxLength: 64 } as const;
    const [feature] = featuresOf([tagged(["film"], ["B-Y"])], tokenizer, options);
    expect([...feature!.labels]).toEqual([-100, -100, -100]);
  });
});

describe("a sequence task", () => {
  const options = { type: "sequence", labels: ["down", "up"], maxLength: 8 } as const;

  test("has one label a row and cuts the longer text of a pair", () => {
    const example = {
      text: "the film",
      pair: "good good good good good",
      labels: ["up"],
      words: [],
    };
    const [feature] = featuresOf([example], tokenizer, options);
    expect(tokens(feature!.ids)).toEqual([
      "[CLS]",
      "the",
      "film",
      "[SEP]",
      "good",
      "good",
      "good",
      "[SEP]",
    ]);
    expect([...feature!.typeIds]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect([...feature!.labels]).toEqual([1]);
  });

  test("lists all labels of a text that has several, or none", () => {
    const texts = [["up", "down"], []].map((names) => ({ text: "x", labels: names, words: [] }));
    const features = featuresOf(texts, tokenizer, options);
    expect(features.map(({ labels }) => [...labels])).toEqual([[1, 0], []]);
  });

  test("scales a number that is to be found", () => {
    const example = { text: "x", labels: ["7.5"], words: [] };
    const scale = { mean: 5, deviation: 2 };
    const [feature] = featuresOf([example], tokenizer, { ...options, scale });
    expect(feature!.value).toBe(1.25);
  });
});
