/** What is said about odd labels, and that nothing is said about usual ones. Expected values by hand. */
import fc from "../../../support/properties.ts";
import { describe, expect, it } from "vitest";
import { labelWarnings } from "../../../../src/learn/data/label-warnings.ts";

const rows = (labels: readonly string[]) =>
  labels.map((label) => ({ text: "t", labels: [label], words: [] }));
const warn = (...labels: string[]) =>
  labelWarnings(rows(labels), {
    type: "sequence",
    problemType: "single_label_classification",
    isChosen: false,
  });

describe("labels that are probably one", () => {
  it.each([
    ["praise", "Praise"],
    ["very good", "very_good"],
    ["very good", "Very  Good"],
    ["Größe", "größe"],
    ["co-op", "co op"],
    ["praise", "praise."],
  ])("%j and %j differ in case, or in blanks and signs", (a, b) => {
    expect(warn(a, a, b, "other")).toEqual([
      `labels ${JSON.stringify(a)} (2 rows) and ${JSON.stringify(b)} (1 row) differ only in case, or in blanks and signs; if they mean the same, --label-names "${b}=${a}" makes them one`,
    ]);
  });

  it.each([
    ["a zero width space", "praise", "praise\u200b", '"praise\\u{200b}"'],
    ["a byte order mark", "praise", "\ufeffpraise", '"\\u{feff}praise"'],
    ["a soft hyphen", "praise", "pra\u00adise", '"pra\\u{ad}ise"'],
    ["a no-break space", "very good", "very\u00a0good", '"very\\u{a0}good"'],
    ["a variation selector", "\u2764", "\u2764\ufe0f", '"\\u{2764}\\u{fe0f}"'],
    ["the form of an accent", "caf\u00e9", "cafe\u0301", '"cafe\\u{301}"'],
    ["a direction mark", "praise", "praise\u200e", '"praise\\u{200e}"'],
    ["a blank at the end", "praise", "praise ", '"praise "'],
  ])("%s cannot be seen, so its number is shown", (_name, a, b, shown) => {
    const [warning, ...more] = warn(a, a, b);
    expect(more).toEqual([]);
    expect(warning).toContain("differ only by characters that cannot be seen");
    expect(warning).toContain(`${shown} (1 row)`);
    expect(warning).toContain("correct them in the file");
  });

  it.each([
    ["a Cyrillic a", "praise", "pr\u0430ise"],
    ["a Cyrillic P in another case", "praise", "\u0420raise"],
    ["a Greek omicron", "positive", "p\u03bfsitive"],
    ["a full-width letter", "A1", "\uff211"],
    ["a zero", "O", "0"],
    ["a one", "l2", "12"],
    ["a dash", "x\u2013y", "x-y"],
    ["an apostrophe", "don't", "don\u2019t"],
    ["Persian and Arabic yeh", "\u06cc", "\u064a"],
  ])("%s looks like another character", (_name, a, b) => {
    const warnings = warn(a, b, "other");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/look alike|differ only/);
  });

  it("are numbers in two spellings", () => {
    expect(warn("1", "1.0", "x", "y").join()).toMatch(
      /"1" \(1 row\) and "1.0" .* are the same number/,
    );
    expect(warn("9007199254740993", "9007199254740992", "x", "y")).toEqual([]);
  });

  it("are told once each, and types of tags once for all their tags", () => {
    expect(warn("Ham", "ham", "HAM")).toHaveLength(1);
    const tags = [{ text: "a b c", labels: ["B-PER", "I-PER", "B-Per", "O"], words: [] }];
    const options = { type: "token", problemType: "single_label_classification", isChosen: false };
    expect(labelWarnings(tags, options as never)).toEqual([
      expect.stringMatching(/^labels "PER" \(1 row\) and "Per" \(1 row\) differ only in case/),
    ]);
    const zero = [{ text: "a b", labels: ["0", "O"], words: [] }];
    expect(labelWarnings(zero, options as never).join()).toMatch(/"0" .* and "O" .* look alike/);
  });

  it("are bounded, however many there are", () => {
    const many = Array.from({ length: 40 }, (_, i) => [`word${i}x`, `Word${i}X`]).flat();
    expect(warn(...many)).toHaveLength(6);
  });
});

describe("placeholders", () => {
  it.each(["NULL", "null", "nan", "NaN", "None", "N/A", "NA", "#N/A", "<NA>", "-", "?", "\\N"])(
    "%s is told with the way to leave it out",
    (label) => {
      expect(warn("a", "b", label)).toEqual([
        `label ${JSON.stringify(label)} (1 row) often stands for a label that is missing; if it does here, --label-names "${label}=" leaves it out`,
      ]);
    },
  );
});

describe("numbers", () => {
  it("that are learned as names are told, with their order", () => {
    expect(warn("4.5", "1.0", "3.0", "2.5", "5.0")).toEqual([
      "the 5 labels are numbers (1.0, 2.5, 3.0, 4.5, ..) and are learned as names without an order; --problem-type regression learns them as numbers, --label-names gives them names".replace(
        /\(.*\)/,
        '("1.0", "2.5", "3.0", "4.5", ..)',
      ),
    ]);
    expect(warn("4,5", "1,0", "3,5").join()).toMatch(/decimal point/);
    expect(warn("4.5", "1.0", "3.5", "2", "n/a").join("\n")).toMatch(/the 4 labels are numbers/);
    expect(warn("4.5", "1.0", "3.5", "2", "great").join("\n")).toMatch(/^4 of the 5 labels are/);
    expect(warn(...Array.from({ length: 30 }, (_, i) => String(i * 7))).join()).toMatch(/the 30/);
    expect(warn("1.23457E+18", "a").join()).toMatch(/a spreadsheet has shortened/);
  });

  it("are not told where they are ids of classes, or were asked for", () => {
    expect(warn("0", "1")).toEqual([]);
    expect(warn("-1", "0", "1", "2", "3", "4", "5")).toEqual([]);
    const kind = { type: "sequence", problemType: "single_label_classification" } as const;
    expect(labelWarnings(rows(["4.5", "1.0"]), { ...kind, isChosen: true })).toEqual([]);
    const regression = { ...kind, problemType: "regression", isChosen: false } as const;
    expect(labelWarnings(rows(["4.5", "1.0", "n/a"]), regression)).toEqual([]);
  });
});

it("usual labels are passed over in silence", () => {
  expect(warn("positive", "negative", "neutral", "mixed")).toEqual([]);
  // I looks like l, but not like L; a sign at the end, or before a number, is part of the label.
  expect(warn("IT", "LT", "DE", "LI", "LL", "Il")).toEqual([]);
  expect(warn("A", "A-", "A+", "C", "C++", "-1", "1", "1-2", "1.2")).toEqual([]);
  expect(
    warn("sports", "sport", "World", "Sci/Tech", "Business", "日本", "Ελλάδα", "Россия"),
  ).toEqual([]);
});

it("any labels are judged without an error, and equal ones never warned of", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary", minLength: 1 })), (labels) => {
      const warnings = warn(...labels);
      expect(warnings.every((text) => text.length < 1000)).toBe(true);
      if (new Set(labels).size < 2)
        expect(warnings.filter((text) => text.startsWith("labels "))).toEqual([]);
    }),
    { seed: 30, numRuns: 300 },
  );
});

describe("numbers and lists that are written as people write them", () => {
  it.each([
    [["10%", "20%", "35.5%"], /are numbers .* write them as plain numbers/],
    [["$10", "$20.5", "$35"], /are numbers .* write them as plain numbers/],
    [["1,000", "2,500", "3,000"], /are numbers .* write them as plain numbers/],
    [["(blank)", "praise"], /label "\(blank\)" .* often stands for a label that is missing/],
    [["['joy', 'anger']", "['joy']"], /are lists that were written as text/],
    [["1 0 0", "0 1 1"], /are lists that were written as text/],
    [['"praise"', "praise"], /differ only in case, or in blanks and signs/],
  ])("%j are told", (labels, expected) => {
    expect(warn(...labels).join("\n")).toMatch(expected);
  });

  it.each([[["2024-01-01", "2024-01-02"]], [["1/5", "2/5", "3/5"]], [["C", "C#", "C++"]]])(
    "%j are names",
    (labels) => {
      expect(warn(...labels)).toEqual([]);
    },
  );
});
