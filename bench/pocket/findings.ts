/** What the bundled base was measured to be, beside what it has to be. */
import type { TaskRatio } from "./tasks.ts";

/** What the base has to reach to be bundled. */
const LIMITS = {
  meanRatio: 0.97,
  leastRatio: 0.94,
  spearman: 0.9,
  latency: 0.55,
  cold: 0.5,
  heapBytes: 50_000_000,
} as const;

/** The figure of a part, beside what it has to be. */
export interface Finding {
  readonly what: string;
  readonly measured: string;
  readonly limit: string;
  readonly ok: boolean;
}

/** The parts that have been measured; each is a file. */
export interface Results {
  readonly tasks?: { readonly mean_ratio: number; readonly tasks: readonly TaskRatio[] };
  readonly similarity?: { readonly spearman: number };
  readonly latency?: { readonly ratio: number };
  readonly cold?: { readonly ratio: number };
  readonly memory?: { readonly after_1x512_bytes: number };
}

/** A line for each figure that there is. */
export function findingsOf({ tasks, similarity, latency, cold, memory }: Results): Finding[] {
  const atLeast = (what: string, value: number, limit: number): Finding => ({
    what,
    measured: value.toFixed(3),
    limit: `>= ${limit}`,
    ok: value >= limit,
  });
  const atMost = (
    what: string,
    value: number,
    limit: number,
    show: (value: number) => string,
  ): Finding => ({
    what,
    measured: show(value),
    limit: `<= ${show(limit)}`,
    ok: value <= limit,
  });
  const share = (value: number): string => value.toFixed(2);
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  return [
    ...(tasks
      ? [
          atLeast("tasks, mean of MiniLM-L6", tasks.mean_ratio, LIMITS.meanRatio),
          atLeast(
            "tasks, least of MiniLM-L6",
            Math.min(...tasks.tasks.map(({ ratio }) => ratio)),
            LIMITS.leastRatio,
          ),
        ]
      : []),
    ...(similarity
      ? [atLeast("similarities, Spearman", similarity.spearman, LIMITS.spearman)]
      : []),
    ...(latency ? [atMost("latency 1x128, ratio", latency.ratio, LIMITS.latency, share)] : []),
    ...(cold
      ? [atMost("first answer, of MiniLM-L6 loaded plainly", cold.ratio, LIMITS.cold, share)]
      : []),
    ...(memory
      ? [atMost("heap after 1x512", memory.after_1x512_bytes, LIMITS.heapBytes, megabytes)]
      : []),
  ];
}
