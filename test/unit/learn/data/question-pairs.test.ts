/** Pairs of questions out of questions with an intent each: what is paired with what. */
import { describe, expect, it } from "vitest";
import type { Example } from "../../../../src/learn/data/read.ts";
import { nearLabels, questionPairs } from "../../../../src/learn/data/question-pairs.ts";
import { keyOf } from "../../../../src/learn/random.ts";

const INTENTS: Readonly<Record<string, readonly string[]>> = {
  lost_card: ["I lost my card", "my card is gone", "cannot find the card"],
  stolen_card: ["somebody stole my card", "my card was stolen", "the card is stolen"],
  exchange_rate: ["what is the exchange rate", "which rate applies abroad", "is the rate good"],
  top_up: ["how do I top up", "top up by transfer", "my top up failed"],
  age_limit: ["how old must I be", "is there an age limit", "can children join"],
  verify: ["why verify me", "verify identity how", "my verification failed"],
};

const examples: Example[] = Object.entries(INTENTS).flatMap(([label, texts]) =>
  texts.map((text) => ({ text, labels: [label], words: [] })),
);
const intentOf = new Map(examples.map(({ text, labels }) => [text, labels[0]]));

describe("question pairs", () => {
  const pairs = questionPairs(examples, keyOf(1));

  it("are two for each text, one of either kind", () => {
    for (const { text } of examples) {
      const own = pairs.filter((pair) => pair.text === text).map(({ label }) => label);
      expect(own.toSorted()).toEqual(["different", "same"]);
    }
  });

  it("say what is true, and pair no text with itself", () => {
    for (const { text, text_pair: pair, label } of pairs) {
      expect(text).not.toBe(pair);
      expect(label === "same").toBe(intentOf.get(text) === intentOf.get(pair));
    }
  });

  it("follow from the key", () => {
    expect(questionPairs(examples, keyOf(1))).toEqual(pairs);
    expect(questionPairs(examples, keyOf(2))).not.toEqual(pairs);
  });

  it("leave out the same kind where an intent has a single text", () => {
    const lone: Example = { text: "where are you", labels: ["place"], words: [] };
    const own = questionPairs([...examples, lone], keyOf(1)).filter(
      ({ text }) => text === lone.text,
    );
    expect(own.map(({ label }) => label)).toEqual(["different"]);
  });

  it("need two intents", () => {
    expect(() => questionPairs(examples.slice(0, 3), keyOf(1))).toThrow(RangeError);
  });
});

it("the nearest intents are those with similar words", () => {
  const near = nearLabels(new Map(Object.entries(INTENTS)));
  expect(near.get("lost_card")![0]).toBe("stolen_card");
  expect(near.get("stolen_card")![0]).toBe("lost_card");
  expect(near.get("lost_card")).toHaveLength(4);
});
