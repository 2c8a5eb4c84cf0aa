/**
 * Seeded fuzz of everything that reads what strangers write. Here 20,000 inputs; `npm run fuzz`
 * takes a million, or FUZZ_RUNS, with FUZZ_SEED.
 */
import { describe, expect, it } from "vitest";
import { TARGETS, fuzz } from "../support/fuzz-targets.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 20_000);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20_261_123);

describe(`seeded fuzz: ${RUNS.toLocaleString("en")} inputs, seed ${SEED}`, () => {
  it("spends every input", () => {
    expect(TARGETS.reduce((sum, { percent }) => sum + percent, 0)).toBe(100);
  });

  it.each(TARGETS)("$percent % on $name: no crash, no hang, no 500", async (target) => {
    const verdicts = await fuzz(target, (RUNS * target.percent) / 100, SEED);
    for (const verdict of target.expected) {
      expect(verdicts.get(verdict) ?? 0, `${verdict} among ${[...verdicts]}`).toBeGreaterThan(0);
    }
    const total = [...verdicts.values()].reduce((sum, count) => sum + count, 0);
    expect(total).toBe((RUNS * target.percent) / 100);
  });
});
