/** Entities over their text: pieces, offsets in both units, colours. */
import { describe, expect, it } from "vitest";
import { coloursOf, legendOf, segmentsOf } from "../../../../src/browser/page/segments.ts";

/** The entity at a word of a text, with offsets as a Worker answers them: code points. */
function entityAt(text: string, word: string, group = "PER") {
  const before = text.slice(0, text.indexOf(word));
  const [start, length] = [before, word].map((part) => Array.from(part).length) as [number, number];
  return { entity_group: group, score: 0.9, word, start, end: start + length };
}
const piecesOf = (text: string, ...words: string[]) =>
  segmentsOf(
    text,
    words.map((word) => entityAt(text, word)),
  );

describe("the pieces of a text", () => {
  it.each([
    ["Ada met Grace.", ["Ada", "Grace"], ["Ada", " met ", "Grace", "."]],
    ["in Oslo", ["Oslo"], ["in ", "Oslo"]],
    ["nothing here", [], ["nothing here"]],
    ["AdaGrace", ["Ada", "Grace"], ["Ada", "Grace"]],
    ["\u{1F600}\u{1F600} Ada \u{1F600}", ["Ada"], ["\u{1F600}\u{1F600} ", "Ada", " \u{1F600}"]],
    ["زار محمد باريس أمس", ["محمد", "باريس"], ["زار ", "محمد", " ", "باريس", " أمس"]],
  ])("of %s", (text, words, pieces) => {
    const found = piecesOf(text, ...words);
    expect(found.map((piece) => piece.text)).toEqual(pieces);
    expect(found.filter(({ entity }) => entity).map((piece) => piece.text)).toEqual(words);
  });

  it("have both kinds of offsets: an emoji is one character and two UTF-16 units", () => {
    const [, ada] = piecesOf("\u{1F600} Ada", "Ada");
    expect(ada?.entity).toMatchObject({ start: 2, end: 5, utf16: { start: 3, end: 6 } });
  });

  it("leave out an entity that overlaps the one before, or ends before it begins", () => {
    const text = "Ada Lovelace";
    const [whole, part] = [entityAt(text, text), entityAt(text, "Lovelace")];
    const odd = { ...part, start: 5, end: 5 };
    expect(segmentsOf(text, [whole, part, odd]).map((piece) => piece.text)).toEqual([text]);
  });
});

describe("colours and legend", () => {
  const groups = Array.from({ length: 20 }, (_, i) => `G${i}`);

  it("give a group its own colour, whatever else is in the text", () => {
    expect([...coloursOf(groups, ["G2", "G9"])]).toEqual([
      ["G2", 2],
      ["G9", 1],
    ]);
  });

  it("give groups of one text different colours, as long as there are any", () => {
    expect([...coloursOf(groups, ["G1", "G9", "G2"]).values()]).toEqual([1, 2, 3]);
    expect(new Set(coloursOf(groups, groups.slice(0, 8)).values()).size).toBe(8);
    expect(coloursOf(groups, groups).size).toBe(20);
  });

  it("count the entities of each group", () => {
    const groups = ["LOC", "PER", "LOC"].map((entity_group) => ({ entity_group }));
    expect(legendOf(groups)).toEqual([
      { group: "LOC", count: 2 },
      { group: "PER", count: 1 },
    ]);
  });
});
