/** Successive halving as arithmetic: what it spends, whom it keeps, what it says of the choice. */
import fc from "../../support/properties.ts";
import { describe, expect, test } from "vitest";
import {
  MAX_SHARE,
  gridCompute,
  planCompute,
  planRungs,
  rungCompute,
  runLength,
  survivors,
} from "../../../scripts/runs/sweep/plan.ts";
import { candidatesOf, sweep, sweepFacts } from "../../../scripts/runs/sweep/sweep-run.ts";
import type { Candidate, SweepRun } from "../../../scripts/runs/sweep/sweep-run.ts";
import { boundsOf, meanScore } from "../../../scripts/runs/trial/statistics.ts";

const sizes = fc.record({
  candidates: fc.integer({ min: 2, max: 60 }),
  seeds: fc.integer({ min: 1, max: 8 }),
  share: fc.double({ min: 0.01, max: MAX_SHARE, noNaN: true }),
});

describe("the rungs", () => {
  test("of the default sweep, 12 pairs and 3 seeds, spend 7.2 of 36 full runs", () => {
    const rungs = planRungs({ candidates: 12, seeds: 3 });
    expect(rungs.map(({ candidates, seeds }) => [candidates, seeds])).toEqual([
      [12, 1],
      [4, 2],
      [2, 3],
    ]);
    // 7.2 / 3 rungs = 2.4 a rung: 2.4 / 12, 2.4 / 8, 2.4 / 6
    expect(rungs.map(({ budget }) => Number(budget.toFixed(6)))).toEqual([0.2, 0.3, 0.4]);
    expect(planCompute(rungs)).toBeCloseTo(7.2, 10);
  });

  test("never spend more than their share of the grid", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        expect(planCompute(planRungs(size))).toBeLessThanOrEqual(
          size.share * gridCompute(size) * (1 + 1e-12),
        );
      }),
    );
  });

  test("get fewer candidates, more seeds and longer runs, and end with two and every seed", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const rungs = planRungs(size);
        expect(rungs[0]!.candidates).toBe(size.candidates);
        expect(rungs.at(-1)).toMatchObject({ candidates: 2, seeds: size.seeds });
        for (const [i, rung] of rungs.entries()) {
          expect(rung.budget).toBeGreaterThan(0);
          expect(rung.budget).toBeLessThanOrEqual(1);
          const before = rungs[i - 1];
          if (!before) continue;
          expect(rung.candidates).toBeLessThan(before.candidates);
          expect(rung.seeds).toBeGreaterThanOrEqual(before.seeds);
          if (rung.budget < 1) expect(rungCompute(rung)).toBeCloseTo(rungCompute(before), 9);
        }
      }),
    );
  });

  test.each([
    [{ candidates: 1, seeds: 3 }, /nothing to choose/],
    [{ candidates: 4, seeds: 3, share: 0.5 }, /share 0.5: expected .* at most 0.2/],
  ])("of %o are refused", (size, message) => {
    expect(() => planRungs(size)).toThrow(message);
  });
});

describe("the length of a run", () => {
  test("never makes more passes over rows than its share, but for a single row", () => {
    const full = fc.record({
      epochs: fc.integer({ min: 1, max: 40 }),
      rows: fc.integer({ min: 10, max: 100_000 }),
    });
    const budget = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(full, budget, (whole, share) => {
        const { epochs, rows } = runLength(share, whole);
        expect(epochs * rows).toBeLessThanOrEqual(
          Math.max(epochs, share * whole.epochs * whole.rows * (1 + 1e-9)),
        );
        expect(epochs).toBeLessThanOrEqual(whole.epochs);
        expect(rows).toBeLessThanOrEqual(whole.rows);
      }),
    );
  });

  test("of a fifth of 8 epochs is two passes over four fifths of the rows", () => {
    expect(runLength(0.2, { epochs: 8, rows: 1000 })).toEqual({ epochs: 2, rows: 800 });
    expect(runLength(1, { epochs: 8, rows: 1000 })).toEqual({ epochs: 8, rows: 1000 });
  });
});

describe("survivors", () => {
  const scores = fc.uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2 });

  test("are the best, best first, whatever order they come in", () => {
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 5 }), (list, keep) => {
        const entries = list.map((score, candidate) => ({ candidate, score }));
        const kept = survivors(entries, keep);
        expect(kept).toEqual(survivors(entries.toReversed(), keep));
        const worstKept = Math.min(...kept.map((i) => list[i]!));
        const others = list.filter((_, i) => !kept.includes(i));
        expect(Math.max(-1, ...others)).toBeLessThan(worstKept);
        expect(list[kept[0]!]).toBe(Math.max(...list));
      }),
    );
  });

  test("among equals are those that come first", () => {
    const equal = [3, 1, 2].map((candidate) => ({ candidate, score: 0.5 }));
    expect(survivors(equal, 2)).toEqual([1, 2]);
  });
});

describe("a sweep", () => {
  const candidates: readonly Candidate[] = [8, 16, 32, 64].flatMap((numVirtualTokens) =>
    [0.003, 0.01, 0.03].map((learningRate) => ({ numVirtualTokens, learningRate })),
  );
  const rungs = planRungs({ candidates: candidates.length, seeds: 3 });
  /** A landscape with one peak, and a ripple that only the seed makes. */
  const landscape = ({ numVirtualTokens: P, learningRate, seed }: SweepRun): number =>
    0.9 -
    0.05 * Math.abs(Math.log2(P / 32)) -
    0.2 * Math.abs(Math.log10(learningRate / 0.01)) +
    0.001 * seed;

  test("finds the peak, with every pair tried and the runs it planned", async () => {
    const runs: SweepRun[] = [];
    const outcome = await sweep(candidates, rungs, async (run) => {
      runs.push(run);
      return landscape(run);
    });
    expect(outcome!.chosen).toMatchObject({ numVirtualTokens: 32, learningRate: 0.01, seeds: 3 });
    expect(runs).toHaveLength(12 + 4 * 2 + 2 * 3);
    const spent = runs.reduce((sum, { budget }) => sum + budget, 0);
    expect(spent).toBeCloseTo(outcome!.compute, 9);
    expect(spent).toBeLessThanOrEqual(0.2 * 36 + 1e-9);
    expect(outcome!.standings).toHaveLength(12);
    expect(outcome!.reason).toBe(
      "32 virtual tokens at 0.01 came first of 12 with 90.1 (the mean of 3 seeds), 5.0 points ahead of 16 virtual tokens at 0.01, beyond what seeds explain",
    );
  });

  test("says so when seeds differ more than the settings", async () => {
    const noise = ({ numVirtualTokens: P, learningRate, seed }: SweepRun): number =>
      0.02 * Math.sin(P + 1000 * learningRate + 78.2 * seed);
    const outcome = await sweep(candidates, rungs, async (run) => 0.8 + noise(run));
    expect(outcome!.reason).toContain("no more than seeds may explain: either will do");
  });

  test("is sure of a gap that every seed shows, however much the seeds differ", async () => {
    const outcome = await sweep(candidates, rungs, async (run) => landscape(run) - 0.1 * run.seed);
    expect(outcome!.chosen).toMatchObject({ numVirtualTokens: 32, learningRate: 0.01 });
    expect(outcome!.reason).toContain("beyond what seeds explain");
  });

  test("whose best pair leads every round chooses it, and twice the same", async () => {
    const scores = fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), {
      minLength: 12,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(scores, async (list) => {
        const indexOf = (run: Candidate): number =>
          candidates.findIndex(
            (item) =>
              item.numVirtualTokens === run.numVirtualTokens &&
              item.learningRate === run.learningRate,
          );
        const outcome = await sweep(candidates, rungs, async (run) => list[indexOf(run)]!);
        expect(await sweep(candidates, rungs, async (run) => list[indexOf(run)]!)).toEqual(outcome);
        expect(list[indexOf(outcome!.chosen)]).toBe(Math.max(...list));
      }),
    );
  });

  test("that is interrupted has no outcome", async () => {
    let left = 5;
    expect(await sweep(candidates, rungs, async () => ((left -= 1) > 0 ? 0.5 : null))).toBeNull();
  });

  test("is drawn as a cell for each pair", async () => {
    const outcome = await sweep(candidates, rungs, async (run) => landscape(run));
    const { cells, chosen } = sweepFacts(outcome!, "accuracy");
    expect(cells).toHaveLength(12);
    expect(chosen).toEqual({ numVirtualTokens: 32, learningRate: 0.01 });
    const first = cells[0]!;
    expect([first.seeds, first.interval, first.budget]).toEqual([
      1,
      undefined,
      expect.closeTo(0.2),
    ]);
  });
});

describe("the pairs", () => {
  test("are lengths x rates around the method's own", () => {
    expect(candidatesOf("prefix", "sequence", {})).toHaveLength(12);
    expect(candidatesOf("prefix", "token", {}).at(-1)).toEqual({
      numVirtualTokens: 128,
      learningRate: 0.03,
    });
  });

  test("are rates alone where there are no virtual tokens", () => {
    expect(candidatesOf("bias", "token", { lengths: [8, 16] })).toEqual(
      [0.0009, 0.003, 0.009].map((learningRate) => ({ numVirtualTokens: 0, learningRate })),
    );
  });
});

describe("a mean over seeds", () => {
  test("has Student's interval", () => {
    // scipy.stats.t.interval(0.95, 2, loc=np.mean(x), scale=scipy.stats.sem(x))
    const { mean, interval, seeds } = meanScore([0.8, 0.82, 0.87]);
    expect([mean, seeds]).toEqual([expect.closeTo(0.83, 12), 3]);
    expect(interval![0]).toBeCloseTo(0.74043, 4);
    expect(interval![1]).toBeCloseTo(0.91957, 4);
  });

  test("of one seed, or of two, has none", () => {
    expect(meanScore([0.8])).toEqual({ mean: 0.8, interval: null, seeds: 1 });
    expect(meanScore([0.84, 0.76])).toMatchObject({ mean: 0.8, interval: null, seeds: 2 });
  });

  test("ends where the metric ends", () => {
    expect(meanScore([0.9, 1, 1], [0, 1]).interval![1]).toBe(1);
    expect(meanScore([0.05, 0, 0.2], boundsOf("accuracy")).interval![0]).toBe(0);
    expect(meanScore([0.05, 0, 0.2], boundsOf("spearman")).interval![0]).toBeLessThan(0);
  });
});
