/** Balance and lengths of the data, as the report shows them. */
import type { TaskType } from "../../../src/core/manifest.ts";
import type { Example } from "../data.ts";
import { entitiesOf } from "../metrics.ts";
import type { Histogram, LabelCount } from "./facts.ts";

/** Rows of each label, or entities of each type, in training and evaluation data. */
export function labelBalance(
  type: TaskType,
  train: readonly Example[],
  evaluation: readonly Example[],
): LabelCount[] {
  const counts = new Map<string, { train: number; eval: number }>();
  const add = (examples: readonly Example[], use: "train" | "eval"): void => {
    for (const { labels } of examples) {
      const names = type === "token" ? entitiesOf(labels).map(([name]) => name) : labels;
      for (const name of names) {
        const count = counts.get(name) ?? { train: 0, eval: 0 };
        count[use] += 1;
        counts.set(name, count);
      }
    }
  };
  add(train, "train");
  add(evaluation, "eval");
  return [...counts]
    .map(([label, count]) => ({ label, ...count }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}

/** About so many bars: enough to see a second hump, few enough to be filled. */
const BARS = 24;

/** Width of the bars for lengths up to `longest`: 1, 2, 4, 8, 16, .. tokens. */
export const barWidth = (longest: number): number =>
  2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, longest) / BARS)));

/** Histogram of lengths in tokens; all of them lie in a bar. */
export function histogramOf(lengths: readonly number[], width: number): Histogram {
  const sorted = [...lengths].sort((a, b) => a - b);
  const max = sorted.at(-1) ?? 0;
  const counts = Array.from({ length: Math.floor(max / width) + 1 }, () => 0);
  for (const length of sorted) counts[Math.floor(length / width)]! += 1;
  // The smallest value that at least this share of all does not exceed.
  const quantile = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { width, counts, median: quantile(0.5), p95: quantile(0.95), max };
}
