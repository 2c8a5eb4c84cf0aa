/** Which requests a canary gets. Shares are counted over many keys of the shapes that callers send. */
import { describe, expect, it } from "vitest";
import { isInCanary } from "../../../src/serve/canary.ts";

const KEYS: readonly [string, (i: number) => string][] = [
  ["numbers", (i) => String(i)],
  ["user names", (i) => `user-${i}@example.org`],
  ["request ids", (i) => `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`],
];
const COUNT = 20_000;

const shareOf = (
  keyOf: (i: number) => string,
  percent: number,
  version = "0123456789ab",
): number => {
  const keys = Array.from({ length: COUNT }, (_, i) => keyOf(i));
  return keys.filter((key) => isInCanary("mood", { version, percent }, key)).length / COUNT;
};

describe("a canary", () => {
  it.each(KEYS)("gets its share of %s", (_, keyOf) => {
    // Five standard deviations of a binomial share over so many keys.
    for (const percent of [1, 5, 50, 90]) {
      const p = percent / 100;
      const bound = 5 * Math.sqrt((p * (1 - p)) / COUNT);
      expect(Math.abs(shareOf(keyOf, percent) - p)).toBeLessThan(bound);
    }
  });

  it("gets nothing with 0 and everything with 100", () => {
    expect([shareOf(String, 0), shareOf(String, 100)]).toEqual([0, 1]);
  });

  it("keeps whom it had when its share grows", () => {
    const version = "0123456789ab";
    const keys = Array.from({ length: 1_000 }, (_, i) => `key ${i}`);
    const at = (percent: number): string[] =>
      keys.filter((key) => isInCanary("mood", { version, percent }, key));
    expect(at(30)).toEqual(expect.arrayContaining(at(10)));
  });

  it("draws others for another version, and for another task", () => {
    const keys = Array.from({ length: 4_000 }, (_, i) => `key ${i}`);
    const drawn = (task: string, version: string): Set<string> =>
      new Set(keys.filter((key) => isInCanary(task, { version, percent: 50 }, key)));
    const first = drawn("mood", "0123456789ab");
    for (const other of [drawn("mood", "ba9876543210"), drawn("other", "0123456789ab")]) {
      const both = [...first].filter((key) => other.has(key)).length / first.size;
      expect(Math.abs(both - 0.5)).toBeLessThan(0.06);
    }
  });
});
