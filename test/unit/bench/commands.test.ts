/** `bench` as a family of commands: it lists, chooses and refuses; and what its comparisons mean. */
import { describe, expect, test } from "vitest";
import {
  atMost,
  cosineAtLeast,
  maxAbsDifference,
  vectorDifference,
} from "../../../bench/golden/compare.ts";
import { asText, runVerb } from "../../support/verb.ts";

const run = async (...argv: string[]) => asText(await runVerb(...argv));

describe("bench", () => {
  test("without a name lists the benchmarks, and only those", async () => {
    const { code, out } = await run("bench", "--json");
    const names = (JSON.parse(out) as { name: string }[]).map(({ name }) => name);
    expect(code).toBe(0);
    expect(names).toContain("golden");
    expect(names).not.toContain("stats");
  });

  test("a benchmark has its own options and help", async () => {
    const { code, out } = await run("bench", "golden", "--help");
    expect(code).toBe(0);
    expect(out).toContain("npx edge-prefix bench golden --golden DIR --checkpoint DIR");
  });

  test("every benchmark's usage names it once", async () => {
    const { out } = await run("bench", "--json");
    for (const { name } of JSON.parse(out) as { name: string }[]) {
      const help = (await run("bench", name, "--help")).out;
      const usage = help.split("\n").find((line) => line.startsWith("Usage: "));
      expect(usage).toMatch(new RegExp(`^Usage: npx edge-prefix bench ${name}(?! bench)( |$)`));
    }
  });

  test("a misspelt name is a wrong command line, with the right name as a hint", async () => {
    const { code, err } = await run("bench", "goldne");
    expect(code).toBe(2);
    expect(err).toContain('did you mean "golden"?');
  });

  test("a folder without golden values is named", async () => {
    const { code, err } = await run("bench", "golden", "--golden", "docs", "--checkpoint", "docs");
    expect(code).toBe(1);
    expect(err).toContain("golden-not-found");
  });
});

describe("a comparison", () => {
  const f = (...values: number[]): Float32Array => Float32Array.from(values);

  test("measures what is counted only", () => {
    expect(maxAbsDifference(f(1, 9), f(1.5, 0), (i) => i === 0)).toBe(0.5);
  });

  test("never holds for NaN or for other sizes", () => {
    const bad = maxAbsDifference(f(NaN, 0), f(0, 0));
    expect(atMost("x", "max_abs_difference", bad, 1).ok).toBe(false);
    expect(atMost("x", "max_abs_difference", maxAbsDifference(f(1), f(1, 2)), 1).ok).toBe(false);
    expect(cosineAtLeast("x", vectorDifference(f(NaN), f(1)).cosine, 0.5).ok).toBe(false);
  });

  test("tells length from direction", () => {
    const { relativeL2, cosine } = vectorDifference(f(2, 0), f(1, 0));
    expect([relativeL2, cosine]).toEqual([1, 1]);
  });
});
