/** Transitions are counted in the labels of the training rows. */
import { describe, expect, test } from "vitest";
import { countTransitions } from "../../../../src/learn/data/transitions.ts";

const labels = ["O", "B-X", "I-X", "B-Y", "I-Y"];
const [O, BX, IX, BY, IY] = [0, 1, 2, 3, 4] as const;
const chain = (...tags: number[]): Int32Array => Int32Array.from(tags);
const rows = Array.from({ length: 50 }, () => chain(O, BX, O, BY, O, O));
const { between, start } = countTransitions(rows, labels);
const score = (from: number, to: number): number => between[from * labels.length + to]!;

describe("transitions", () => {
  test("pairs that come more often than by chance earn something, rarer ones lose something", () => {
    expect(score(BX, O)).toBeGreaterThan(0);
    expect(score(BX, BY)).toBeLessThan(0);
    expect(start[O]).toBeGreaterThan(0);
    expect(start[BX]).toBeLessThan(0);
  });

  test("are a fifth of the pointwise mutual information, with ten observations beforehand", () => {
    // 50 times B-X, each followed by O; of 305 tags (one more than seen of each label) 201 are O.
    const expected = 201 / 305;
    const information = Math.log((50 + 10 * expected) / (60 * expected));
    expect(score(BX, O)).toBeCloseTo(0.2 * information, 6);
  });

  test("an entity is not gone on with where that never happened: after O, another entity, at the start", () => {
    expect(score(O, IX)).toBe(-100);
    expect(score(BY, IX)).toBe(-100);
    expect(start[IX]).toBe(-100);
  });

  test("within an entity nothing is ruled out: longer ones may just not have occurred", () => {
    expect(score(BX, IX)).toBeGreaterThan(-2);
    expect(score(IX, IX)).toBeGreaterThan(-2);
  });

  test("a tag set in which I- begins entities keeps that, also where it never did so yet", () => {
    const found = countTransitions([chain(0, 1, 1, 0)], ["O", "I-X"]);
    expect(found.between[1]).toBeGreaterThan(-2);
    expect(found.start[1]).toBeGreaterThan(-2);
  });

  test("IOB1, where B- only parts neighbours, rules nothing out", () => {
    const iob1 = ["O", "B-X", "I-X", "I-Y"];
    const found = countTransitions([chain(0, 2, 1, 0), chain(3, 0)], iob1);
    expect(Math.min(...found.between, ...found.start)).toBeGreaterThan(-2);
  });

  test("a type that no row begins has no rule", () => {
    const found = countTransitions([chain(O, BX, O)], labels);
    const after = (from: number, to: number): number => found.between[from * labels.length + to]!;
    expect(after(O, IX)).toBe(-100);
    expect(after(O, IY)).toBeGreaterThan(-2);
  });

  test("a slip among a hundred entities changes no rule, but what it shows may happen", () => {
    const slip = countTransitions([...rows, ...rows, chain(BY, IX)], labels);
    const after = (from: number, to: number): number => slip.between[from * labels.length + to]!;
    expect(after(O, IX)).toBe(-100);
    expect(after(BY, IX)).toBeGreaterThan(-2);
    const slips = countTransitions([...rows, chain(BY, IX)], labels);
    expect(slips.between[O * labels.length + IX]).toBeGreaterThan(-2);
  });

  test("the last word of a BIOES entity ends one that began", () => {
    const bioes = ["O", "B-X", "I-X", "E-X", "S-X"];
    const found = countTransitions([chain(0, 1, 3, 0, 4, 0)], bioes);
    const [afterO, afterB] = [0, 1].map((from) => found.between[from * bioes.length + 3]!);
    expect(afterO).toBe(-100);
    expect(afterB).toBeGreaterThan(-2);
  });

  test("labels without positions are never ruled out", () => {
    const found = countTransitions([chain(0, 0)], ["O", "PER", "LOC"]);
    expect(Math.min(...found.between, ...found.start)).toBeGreaterThan(-2);
  });

  test("a label outside the list interrupts its chain", () => {
    const unknown = countTransitions([chain(O, -100, BX)], labels);
    const known = countTransitions([chain(O), chain(BX)], labels);
    expect(unknown.between).toEqual(known.between);
    expect(unknown.start[BX]).toBeLessThan(known.start[BX]!);
  });

  test("of a task without rows they say nothing but what is impossible", () => {
    const found = countTransitions([], ["O", "B-X"]);
    expect([...found.between, ...found.start].every((value) => Math.abs(value) < 1e-6)).toBe(true);
  });
});
