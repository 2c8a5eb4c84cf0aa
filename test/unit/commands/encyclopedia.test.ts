/** Sentences of an encyclopaedia, tagged by rules. Expected: read off the rules by hand. */
import { describe, expect, it } from "vitest";
import { balanced, taggedSentences } from "../../../scripts/dev/retrain/encyclopedia/sentences.ts";
import type { TaggedSentence } from "../../../scripts/dev/retrain/encyclopedia/sentences.ts";
import { annotatedNames } from "../../../scripts/dev/retrain/encyclopedia/annotated.ts";
import { articleOf } from "../../../scripts/dev/retrain/encyclopedia/titles.ts";

describe("the first sentence of an article", () => {
  it.each([
    ["Anders Celsius (27 November 1701 - 25 April 1744) was a Swedish astronomer.", "PER"],
    ["Ada Bly (born 1950) is one of the few known people of her valley.", "PER"],
    ["The Atlanta Braves are an American baseball team based in Atlanta.", "ORG"],
    ["Seward is a small city in Alaska.", "LOC"],
    ["Belle Film is a drama that was directed by a young painter.", null],
    ["Zogism is a view of the world that was held by few.", "open"],
  ])("says what it is about: %s", (paragraph, type) => {
    expect(articleOf(paragraph)?.type).toBe(type);
  });

  it.each([
    "It is a city in the south of the country.",
    "Furthermore, there was a town near the river.",
  ])("names a subject: %s begins no article", (paragraph) => {
    expect(articleOf(paragraph)).toBeNull();
  });
});

/** Tags as `word/B-PER`, one string a sentence. */
const tagged = (...paragraphs: string[]): string[] =>
  taggedSentences(paragraphs).map(({ tokens, tags }) =>
    tokens.map((token, i) => (tags[i] === "O" ? token : `${token}/${tags[i]}`)).join(" "),
  );

const CELSIUS = "Anders Celsius (1701 - 1744) was a Swedish astronomer.";

describe("a sentence", () => {
  it("has the tags of articles, of endings of names, and of known places", () => {
    expect(
      tagged(CELSIUS, "A year later Anders Celsius taught at Lund University in Sweden.")[1],
    ).toBe(
      "A year later Anders/B-PER Celsius/I-PER taught at Lund/B-ORG University/I-ORG in Sweden/B-LOC .",
    );
  });

  it("knows a person by the surname within that person's article", () => {
    const sentence = "A year later Celsius measured the height of the mountain.";
    expect(tagged(CELSIUS, sentence)[1]).toContain("Celsius/B-PER measured");
    expect(tagged(sentence)).toEqual([]);
  });

  it("is left out where a name in it is not known, whatever else it names", () => {
    expect(tagged("A year later they went to Paris with Zog and came back late.")).toEqual([]);
  });

  it("knows a name that people have tagged elsewhere, unless their tags differ", () => {
    const sentence = "A year later they went to Paris with Zog and came back late.";
    const namesOf = (...tags: string[]): ReturnType<typeof annotatedNames> =>
      annotatedNames(
        tags.map((tag) => ({ text: "Zog", words: [{ start: 0, end: 3 }], labels: [tag] })),
      );
    const tags = (names: ReturnType<typeof annotatedNames>): (readonly string[])[] =>
      taggedSentences([sentence], names).map((found) => found.tags.filter((tag) => tag !== "O"));
    expect(tags(namesOf("B-PER", "B-PER"))).toEqual([["B-LOC", "B-PER"]]);
    expect(tags(namesOf("B-MISC"))).toEqual([["B-LOC"]]);
    expect(tags(namesOf("B-PER", "B-ORG"))).toEqual([]);
  });

  it("may name nothing", () => {
    const sentence = "there are many who never left the town in these years.";
    expect(taggedSentences([sentence])[0]?.tags.every((tag) => tag === "O")).toBe(true);
  });
});

it("the choice holds at most 700 sentences without a name, and those have a capital letter within", () => {
  const of = (...tokens: string[]): TaggedSentence => ({ tokens, tags: tokens.map(() => "O") });
  const plain = Array.from({ length: 10 }, () => of("all", "is", "small"));
  const months = Array.from({ length: 1000 }, () => of("it", "was", "May"));
  const chosen = balanced([...plain, ...months]);
  expect(chosen).toHaveLength(700);
  expect(new Set(chosen.map(({ tokens }) => tokens.at(-1)))).toEqual(new Set(["May"]));
});
