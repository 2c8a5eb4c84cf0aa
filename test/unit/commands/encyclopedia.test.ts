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
    ["Hugo Bly (1884 - 1967) was a writer and publisher.", "PER"],
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
    expect(taggedSentences([sentence], namesOf("B-MISC"))[0]?.hasOther).toBe(true);
    expect(tags(namesOf("B-PER", "B-ORG"))).toEqual([]);
    // In news on sport: a team that is called as its town.
    expect(tags(namesOf("B-ORG"))).toEqual([]);
  });

  it('has two organisations with "and" between them as two, and a ministry of several things as one', () => {
    expect(
      tagged(
        "A year later Acme Bank and the Zog Club met people of the Ministry of Health and Welfare.",
      ),
    ).toEqual([
      "A year later Acme/B-ORG Bank/I-ORG and the Zog/B-ORG Club/I-ORG met people of the " +
        "Ministry/B-ORG of/I-ORG Health/I-ORG and/I-ORG Welfare/I-ORG .",
    ]);
  });

  it("is left out where a person of an organisation is named without a first name", () => {
    expect(tagged("A year later Zog of Acme Bank came back late.")).toEqual([]);
  });

  it("knows a company without the last word of its name, too", () => {
    const article = "Acme Corporation is a large company.";
    expect(tagged(article, "A year later people bought it from Acme again.")[1]).toContain(
      "Acme/B-ORG again",
    );
  });

  it("ends before the last comma where it names a band, and later what is not known", () => {
    const article = "The Zogs were a rock band.";
    const sentence = "A year later people heard The Zogs again, a few weeks before Bly left.";
    expect(tagged(article, sentence)[1]).toBe("A year later people heard The Zogs/B-ORG again");
    expect(tagged(sentence)).toEqual([]);
  });

  it("may name nothing", () => {
    const sentence = "there are many who never left the town in these years.";
    expect(taggedSentences([sentence])[0]?.tags.every((tag) => tag === "O")).toBe(true);
  });
});

describe("the choice", () => {
  const of = (tokens: string[], tags = tokens.map(() => "O")): TaggedSentence => ({
    tokens,
    tags,
    hasOther: false,
  });

  it("holds at most 400 sentences that name nothing, and those have a capital letter within", () => {
    const plain = Array.from({ length: 10 }, () => of(["all", "is", "small"]));
    const months = Array.from({ length: 1000 }, () => of(["it", "was", "May"]));
    const chosen = balanced([...plain, ...months]);
    expect(chosen).toHaveLength(400);
    expect(new Set(chosen.map(({ tokens }) => tokens.at(-1)))).toEqual(new Set(["May"]));
  });

  it("names no organisation first in more than eight sentences", () => {
    const alike = Array.from({ length: 20 }, () => of(["by", "Acme"], ["O", "B-ORG"]));
    expect(balanced([...alike, of(["by", "Zog"], ["O", "B-ORG"])])).toHaveLength(9);
  });
});
