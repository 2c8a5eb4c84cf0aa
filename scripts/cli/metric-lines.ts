/** Metrics as lines for people: the numbers, how sure they are, then a table of labels. */
import type { CrossValidation } from "../../src/learn/measure/cross-validation.ts";
import type { Evaluation } from "../../src/learn/measure/evaluate.ts";

/** A table longer than this is for --json. */
const MAX_LABELS = 100;

/** `temperature` is the manifest's; `uncalibrated` the same rows without it, where it is new. */
export function metricLines(
  { metrics, score, ece }: Evaluation,
  {
    temperature,
    uncalibrated,
    crossValidation,
  }: {
    readonly temperature: number;
    readonly uncalibrated?: Evaluation | undefined;
    readonly crossValidation?: CrossValidation | null;
  },
): string[] {
  const { type: _, rows, labels, ...numbers } = metrics;
  const summary = Object.entries(numbers).map(
    ([name, value]) =>
      `${name} ${value.toFixed(4)}${name === score.name ? ` (${intervalText(score)})` : ""}`,
  );
  return [
    `${rows} rows${crossValidation ? foldsText(crossValidation) : ""} · ${summary.join(" · ")} · judged by ${score.name}`,
    ...(ece === null ? [] : [calibrationLine(ece, temperature, uncalibrated)]),
    ...(labels.length > 0 ? labelTable(labels) : []),
  ];
}

/** How the rows were held out: `, cross-validated in 5 folds`. */
const foldsText = ({ folds, of, alone, isWhole }: CrossValidation): string =>
  `, cross-validated in ${folds < of ? `${folds} of ` : ""}${of} folds${isWhole ? "" : " (the head alone)"}${alone > 0 ? `, ${alone} more always train` : ""}`;

const intervalText = ({ low, high, level }: Evaluation["score"]): string =>
  `${level * 100} %: ${low.toFixed(4)} to ${high.toFixed(4)}`;

function calibrationLine(
  ece: number,
  temperature: number,
  uncalibrated: Evaluation | undefined,
): string {
  const before = uncalibrated?.ece;
  const was = typeof before === "number" && temperature !== 1 ? `${before.toFixed(4)} -> ` : "";
  return `expected calibration error ${was}${ece.toFixed(4)} · temperature ${temperature}`;
}

function labelTable(labels: Evaluation["metrics"]["labels"]): string[] {
  const width = Math.max(5, ...labels.map(({ label }) => label.length));
  return [
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
