/** Which tag sets are remarked on: those in which a person probably meant something else. */
import { expect, test } from "vitest";
import { tagSetWarnings } from "../../../../src/learn/data/tag-set.ts";

test.each([
  ["IOB2", ["O", "B-PER", "I-PER"]],
  ["IOB1, where hardly any type needs a B-", ["O", "I-PER", "I-LOC", "B-LOC"]],
  ["BIOES", ["O", "B-X", "I-X", "E-X", "S-X"]],
  ["IO", ["O", "PER", "ORG", "LOC"]],
  ["names that look like one position each", ["O", "S_100", "E-MAIL"]],
  ["parts of speech", ["ADJ", "NOUN", "VERB", "X"]],
])("%s: nothing", (_, labels) => {
  expect(tagSetWarnings(labels)).toEqual([]);
});

test.each([
  ["bare positions", ["O", "B", "I"], /^tags B, I: a position without a type .* B-NAME/],
  ["an underscore", ["O", "B_PER", "I_PER"], /^tags B_PER, I_PER: are read as whole names/],
  ["a colon", ["O", "B:PER", "I:PER", "B:LOC"], /^tags B:PER, I:PER, B:LOC: are read as whole/],
  ["a bar, in small letters", ["O", "b|per", "i|per"], /^tags b\|per, i\|per: are read as whole/],
  ["small letters", ["O", "b-per", "i-per"], /^tags b-per, i-per: .* a capital followed by "-"/],
  ["no sign", ["O", "BPER", "IPER"], /^tags BPER, IPER: .* followed by "-"/],
  ["no type", ["O", "B-", "I-"], /^tags B-, I-: a position without a type/],
  [
    "words as positions",
    ["O", "BEG-PER", "IN-PER"],
    /^tags BEG-PER, IN-PER: .* positions are B, I/,
  ],
  ["positions at the end", ["O", "PER-B", "PER-I"], /^tags PER-B, PER-I: .* stands first/],
  ["a zero or a small o", ["0", "B-PER", "I-PER"], /^tags 0: .* tagged "O"/],
  ["a tag without a position", ["O", "B-PER", "I-PER", "MISC"], /^tags MISC: have no position/],
])("%s: a sentence with what to write", (_, labels, sentence) => {
  const warnings = tagSetWarnings(labels);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(sentence);
});

test("many tags are told by the first of them", () => {
  const labels = ["A", "C", "D", "F", "G"].flatMap((type) => [`B_${type}`, `I_${type}`]);
  expect(tagSetWarnings(labels)[0]).toMatch(/^tags B_A, I_A, B_C, I_C, \.\.: /);
});
