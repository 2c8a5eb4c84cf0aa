/** Metrics as lines for people: the numbers, then a table of labels. */
import { scoreName } from "../training/evaluate.ts";
import type { TaskMetrics } from "../training/evaluate.ts";

/** A table longer than this is for --json. */
const MAX_LABELS = 100;

export function metricLines(metrics: TaskMetrics): string[] {
  const { type, rows, labels, ...numbers } = metrics;
  const summary = Object.entries(numbers).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  const width = Math.max(5, ...labels.map(({ label }) => label.length));
  return [
    `${rows} rows · ${summary.join(" · ")} (judged by ${scoreName(type)})`,
    `${"label".padEnd(width)}  precision  recall      f1  support`,
    ...labels.slice(0, MAX_LABELS).map(({ label, precision, recall, f1, support }) => {
      const cells = [
        precision.toFixed(4).padStart(9),
        recall.toFixed(4),
        f1.toFixed(4),
        String(support).padStart(7),
      ];
      return `${label.padEnd(width)}  ${cells.join("  ")}`;
    }),
    ...(labels.length > MAX_LABELS ? [`.. and ${labels.length - MAX_LABELS} more (--json)`] : []),
  ];
}
