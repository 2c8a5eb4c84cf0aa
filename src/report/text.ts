/** Plain text as report and card write it: numbers, names of metrics, tables, lines to paste. */
import { ENOUGH_ROWS } from "../learn/measure/bootstrap.ts";
import type { CrossValidation } from "../learn/measure/cross-validation.ts";
import type { StartGain } from "../learn/task/start-gain.ts";
import type { Interval, ReportFacts, StartFacts, TaughtFacts, TrainingFacts } from "./facts.ts";

/** 3080 -> "3,080" */
export const formatCount = (value: number): string => Math.round(value).toLocaleString("en");

/** A score, loss or probability: three decimals, true minus sign. */
export const formatScore = (value: number): string => minus(value.toFixed(3));

/** "0.918 to 0.936" */
export const formatInterval = ([low, high]: Interval): string =>
  `${formatScore(low)} to ${formatScore(high)}`;

/** "76 kB" (1 kB = 1,000 bytes) */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** "41 s", "12 min", "2.5 h" */
export function formatSeconds(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6_000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** A tick or setting: as few digits as tell it. */
export const formatNumber = (value: number): string =>
  minus(
    value !== 0 && Math.abs(value) < 1e-4
      ? value.toExponential().replace("e-", "e−")
      : Number.isInteger(value)
        ? value.toLocaleString("en")
        : String(Number(value.toPrecision(6))),
  );

/** "12 %", with a space that does not break */
export const formatShare = (share: number): string =>
  `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;

/** "1 row", "3,080 rows" */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

const minus = (text: string): string => text.replace(/^-/, "−");

/** How the intervals of evaluation rows were found (learn/measure/bootstrap.ts). */
export const intervalNote = (rows: number): string =>
  rows >= ENOUGH_ROWS
    ? "Intervals are by bootstrap: whole rows drawn with replacement, a thousand times."
    : "Intervals are Wilson's, since the rows are few; how much a row tells was found by drawing whole rows with replacement.";

/** What cross-validation says of a task, and what it does not, as sentences for report and card. */
export function crossValidationNote({ folds, of, alone, isWhole }: CrossValidation): string {
  const what = isWhole ? "a task that was trained" : "a head that was fitted";
  const others = of === 2 ? "the other half of the rows" : `the other ${of - 1} of ${of} folds`;
  return [
    `Each row was answered by ${what} on ${others}.`,
    folds < of && `${folds} of the folds were held out: enough rows to judge by.`,
    "The task that was written has learned from all rows, so it is more likely a little better than a little worse. The intervals allow for that, and for the few rows.",
    alone > 0 &&
      `${plural(alone, "row is the only text of its label, always trains and is not measured", "rows are the only texts of their labels, always train and are not measured")}.`,
  ]
    .filter((sentence) => sentence !== false)
    .join(" ");
}

/** How long a task was trained, and which parameters it has. */
export function trainingText(facts: TrainingFacts): string {
  const { rows, steps, epochs, bestEpoch, averaged, seconds, teacher } = facts;
  const count = `${plural(rows, "row")}, ${plural(steps, "step")}`;
  const time = seconds === undefined ? "" : `, in ${formatSeconds(seconds)}`;
  const taught = teacher ? ` ${teacherText(teacher)}` : "";
  if (epochs.length === 1) return `${count}${time}.${taught}`;
  const kept = averaged
    ? `Kept is the mean of ${averaged.runs} runs from the same start, of each the best epoch; its score is ${formatScore(averaged.score)}.`
    : `The parameters after epoch ${bestEpoch} were kept.`;
  return `${count} in ${epochs.length} epochs${time}. ${kept}${taught}`;
}

/** What the rows that measure have also chosen; null where a run has one epoch, and nothing was. */
export const choiceNote = ({ epochs }: TrainingFacts): string | null =>
  epochs.length > 1
    ? "The best epoch was chosen by the same rows, which flatters the numbers a little."
    : null;

/** Who taught, and on what. */
function teacherText({ name, what, share, temperature, unlabelled }: TaughtFacts): string {
  const texts =
    unlabelled > 0 ? `; it alone answered ${plural(unlabelled, "text")} without a label` : "";
  const softened = temperature === 1 ? "" : `, softened by a temperature of ${temperature}`;
  return `Taught by ${name}, ${what}: its answers to these rows${softened} are ${formatShare(share)} of the loss${texts}.`;
}

/** Where a training started from, and what that knew of the task. */
export function startText({ name, tasks, gain }: StartFacts): string {
  const from = `Started from the pretrained prefix ${name}, which learned ${tasks.join(", ")}.`;
  return gain === undefined ? from : `${from} Before training, ${gainText(gain)}.`;
}

/** `a head alone scores accuracy 0.611 on it, 0.527 on the base as it is (..)`. */
export const gainText = ({ metric, with: on, without, rows, fittedRows }: StartGain): string =>
  `a head alone scores ${metricName(metric)} ${formatScore(on)} on it, ${formatScore(without)} on the base as it is (fitted to ${plural(fittedRows, "row")}, measured on ${formatCount(rows)} others)`;

/** Names of metrics as the field writes them. */
const METRIC_NAMES: Readonly<Record<string, string>> = {
  accuracy: "accuracy",
  macro_f1: "macro F1",
  micro_f1: "micro F1",
  f1: "entity F1",
  precision: "precision",
  micro_precision: "micro precision",
  micro_recall: "micro recall",
  recall: "recall",
  matthews: "Matthews correlation",
  spearman: "Spearman correlation",
  pearson: "Pearson correlation",
  mean_absolute_error: "mean absolute error",
  token_accuracy: "token accuracy",
  subset_accuracy: "subset accuracy",
  ece: "expected calibration error",
};

/** `macro_f1` -> "macro F1"; an unknown name stays readable. */
export const metricName = (name: string): string => METRIC_NAMES[name] ?? name.replaceAll("_", " ");

/** Said of a temperature of 1: no other was fitted, or it made the calibration worse (evaluate.ts). */
export const UNFITTED =
  "Logits are taken as they are, temperature 1: too few answers, or too few wrong ones, to fit another by, or none that brought scores nearer to the truth.";

/** A markdown table: the first row is the header. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) =>
    Math.max(3, ...rows.map((cells) => cells[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join(
    "\n",
  );
}

/** Where `npm start` listens. */
const ORIGIN = "http://localhost:8787";

type Subject = Pick<ReportFacts, "task" | "type" | "sample" | "folder">;

const urlOf = (task: string): string => `${ORIGIN}/v1/tasks/${task}/predict`;
const folderOf = ({ task, folder }: Subject): string => folder ?? `prefixes/${task}`;

/** The inputs of a request: the author's first example, or a place to put one's own. */
function inputsOf({ sample }: Subject): unknown {
  if (sample === undefined) return "your text";
  return sample.pair === undefined ? sample.text : { text: sample.text, text_pair: sample.pair };
}

export const pushLine = (subject: Subject): string =>
  `npx edge-prefix push ${shellWord(folderOf(subject))}`;

export const curlLine = (subject: Subject): string =>
  `curl -s ${urlOf(subject.task)} \\\n  -H 'content-type: application/json' \\\n  -d ${shellWord(JSON.stringify({ inputs: inputsOf(subject) }))}`;

/** huggingface_hub's client; null for pairs, which its methods do not take. */
export function pythonLines(subject: Subject): string | null {
  if (subject.sample?.pair !== undefined) return null;
  const method = subject.type === "token" ? "token_classification" : "text_classification";
  // JSON's strings are Python's.
  return `from huggingface_hub import InferenceClient\n\nclient = InferenceClient(model="${urlOf(subject.task)}")\nprint(client.${method}(${JSON.stringify(inputsOf(subject))}))`;
}

/** A word for a POSIX shell: quoted unless it is plain. */
export const shellWord = (word: string): string =>
  /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
