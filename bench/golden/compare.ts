/** One comparison with a golden value: what was measured, what is allowed, whether it holds. */

/** A line of the report. `skipped` says why nothing was measured; it counts as neither right nor wrong. */
export interface Check {
  readonly check: string;
  readonly metric: "max_abs_difference" | "relative_l2" | "cosine" | "differences" | "skipped";
  readonly value: number | null;
  /** Largest value allowed, smallest for a cosine; null for what is only reported. */
  readonly bound: number | null;
  readonly ok: boolean;
  readonly detail?: string;
}

/** A value that must not exceed `bound`; NaN never holds. */
export const atMost = (
  check: string,
  metric: Check["metric"],
  value: number,
  bound: number,
  detail?: string,
): Check => ({ check, metric, value, bound, ok: value <= bound, ...(detail ? { detail } : {}) });

/** A cosine that must reach `bound`. */
export const cosineAtLeast = (check: string, value: number, bound: number): Check => ({
  check,
  metric: "cosine",
  value,
  bound,
  ok: value >= bound,
});

export const skipped = (check: string, detail: string): Check => ({
  check,
  metric: "skipped",
  value: null,
  bound: null,
  ok: true,
  detail,
});

/** Largest absolute difference over the elements that `isCounted` keeps; NaN when one is NaN. */
export function maxAbsDifference(
  found: Float32Array,
  expected: Float32Array,
  isCounted: (index: number) => boolean = () => true,
): number {
  if (found.length !== expected.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < found.length; i++) {
    if (!isCounted(i)) continue;
    const difference = Math.abs(found[i]! - expected[i]!);
    if (Number.isNaN(difference)) return NaN;
    worst = Math.max(worst, difference);
  }
  return worst;
}

/** |found - expected| / |expected| and the cosine of the angle between them. */
export function vectorDifference(
  found: Float32Array,
  expected: Float32Array,
): { relativeL2: number; cosine: number } {
  if (found.length !== expected.length) return { relativeL2: Infinity, cosine: -1 };
  let [difference, norm, own, dot] = [0, 0, 0, 0];
  for (let i = 0; i < found.length; i++) {
    const [a, b] = [found[i]!, expected[i]!];
    difference += (a - b) ** 2;
    norm += b * b;
    own += a * a;
    dot += a * b;
  }
  return { relativeL2: Math.sqrt(difference / norm), cosine: dot / Math.sqrt(norm * own) };
}
