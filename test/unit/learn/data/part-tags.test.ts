/** A word of the data may be several of the tokenizer's: each gets a tag of its own. */
import { describe, expect, test } from "vitest";
import { partTags } from "../../../../src/learn/data/part-tags.ts";

describe("tags of a word's parts", () => {
  test.each([
    ["BIO", "O B-X I-X", "B-X", "B-X I-X I-X"],
    ["BIO", "O B-X I-X", "I-X", "I-X I-X I-X"],
    ["BIO", "O B-X I-X", "O", "O O O"],
    ["BIOES", "O B-X I-X E-X S-X", "S-X", "B-X I-X E-X"],
    ["BIOES", "O B-X I-X E-X S-X", "E-X", "I-X I-X E-X"],
    ["BIOES", "O B-X I-X E-X S-X", "B-X", "B-X I-X I-X"],
    ["BILOU", "O B-X I-X L-X U-X", "U-X", "B-X I-X L-X"],
    ["IO", "O PER", "PER", "PER PER PER"],
    ["IO", "O E-MAIL", "E-MAIL", "E-MAIL E-MAIL E-MAIL"],
  ])("%s, labels %s: %s is %s", (_, labels, tag, parts) => {
    expect(partTags(labels.split(" "))(tag, 3).join(" ")).toBe(parts);
  });

  test("a word of one part keeps its tag", () => {
    expect(partTags(["O", "B-X", "I-X", "E-X", "S-X"])("S-X", 1)).toEqual(["S-X"]);
  });

  test("where the list has no such tag, the first part has its word's and the others none", () => {
    const tagsOf = partTags(["O", "B-Y", "I-Y", "S-X", "B-X", "E-Z"]);
    expect(tagsOf("S-X", 3)).toEqual(["B-X", null, null]);
    expect(tagsOf("B-X", 2)).toEqual(["B-X", null]);
    expect(tagsOf("E-Z", 2)).toEqual(["E-Z", "E-Z"]);
  });
});
