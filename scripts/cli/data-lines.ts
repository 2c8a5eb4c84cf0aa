/**
 * What `train` shows before the first step, on one screen: how the labels are spread, how long the
 * texts are, what occurs twice, and every setting with its reason.
 */
import type { DataSummary, Histogram, LabelCount } from "../../src/learn/measure/data-summary.ts";
import type { DoubtfulFact } from "../../src/learn/measure/doubtful-rows.ts";
import { namesOf } from "../../src/learn/data/labels.ts";
import { shownSettings } from "../../src/learn/task/settings.ts";
import type { PreparedTask } from "../../src/learn/task/prepare.ts";

/** More labels than this are shown by their largest and smallest. */
const MAX_LABELS = 8;
const BAR = 20;
const MAX_WIDTH = 100;
/** Labels with fewer rows are hardly learned. */
const FEW_ROWS = 5;

/** Lines about the data. */
export function dataLines(name: string, prepared: PreparedTask): string[] {
  const { train, labels, problemType, summary } = prepared;
  const kinds = {
    single_label_classification: `${labels.length} labels`,
    multi_label_classification: `${labels.length} labels, any number of them a text`,
    regression: "a number for each",
  };
  return [
    `${name}: ${count(train.length)} rows to train on, ${measured(prepared)}; ${kinds[problemType]}`,
    ...balanceLines(summary.balance, prepared),
    ...softLines(prepared),
    ...lengthLines(summary, prepared.maxLength),
    ...duplicateLines(summary),
  ];
}

function measured({ evaluation, evaluationName, folds }: PreparedTask): string {
  if (folds === null) return `${count(evaluation.length)} to evaluate (${evaluationName})`;
  const held = folds.reduce((sum, fold) => sum + fold.held.length, 0);
  const name = folds.length === 1 ? "one fold" : `${folds.length} folds`;
  return `${count(held)} of them held out in turn to evaluate, in ${name}`;
}

function balanceLines(
  balance: readonly LabelCount[],
  { train, folds }: Pick<PreparedTask, "train" | "folds">,
): string[] {
  if (balance.length === 0) return [];
  const isLong = balance.length > MAX_LABELS;
  const shown = isLong ? [...balance.slice(0, MAX_LABELS - 2), ...balance.slice(-1)] : balance;
  const width = Math.min(32, Math.max(...shown.map(({ label }) => label.length)));
  const most = Math.max(1, ...balance.map(({ train }) => train));
  const lines = shown.map(({ label, train }) => {
    const bar = "█".repeat(Math.max(train > 0 ? 1 : 0, Math.round((BAR * train) / most)));
    return `  ${clip(label, width).padEnd(width)}  ${bar.padEnd(BAR)}  ${count(train)}`;
  });
  if (isLong) lines.splice(-1, 0, `  .. ${balance.length - MAX_LABELS + 1} more ..`);
  const few = balance.filter(({ train }) => train > 0 && train < FEW_ROWS);
  const taught = new Set(train.flatMap(namesOf));
  const none = balance.filter(({ label, train }) => train === 0 && !taught.has(label));
  const unseen = balance.filter((row) => folds === null && row.eval === 0 && row.train > 0);
  return [
    ...lines,
    ...(none.length > 0
      ? [`  only in the evaluation rows, so never answered: ${names(none)}`]
      : []),
    ...(few.length > 0 ? [`  fewer than ${FEW_ROWS} rows to learn from: ${names(few)}`] : []),
    ...(unseen.length > 0 ? [`  nothing to evaluate on: ${names(unseen)}`] : []),
  ];
}

function softLines({ train, problemType }: PreparedTask): string[] {
  const soft = train.filter(({ shares }) => shares).length;
  if (soft === 0) return [];
  const what = soft === 1 ? "1 row gives" : `${count(soft)} rows give`;
  if (problemType === "multi_label_classification") {
    return [`  ${what} a score for each label; a label holds from 0.5 on`];
  }
  const how = soft === 1 ? "it is" : "they are";
  return [`  ${what} a score for each label; ${how} counted by the largest`];
}

function lengthLines({ lengths, cutShare }: DataSummary, maxLength: number): string[] {
  const { width, counts, median, p95, max } = lengths.train;
  const cut =
    cutShare > 0 ? `; ${percent(cutShare)} are longer than ${maxLength} and cut for training` : "";
  const end = width * counts.length;
  return [
    `  tokens a text: half have up to ${median}, 95 % up to ${p95}, the longest ${max}${cut}`,
    `  0 ${sparkline(lengths.train)} ${max > end ? `${end} and more` : end}`,
  ];
}

/** One character a bin, as high as its share. */
function sparkline({ counts }: Histogram): string {
  const most = Math.max(1, ...counts);
  return counts
    .map((n) => (n === 0 ? "·" : "▁▂▃▄▅▆▇█"[Math.min(7, Math.floor((8 * n) / most))]!))
    .join("");
}

function duplicateLines({ duplicates }: DataSummary): string[] {
  const { inEvaluation, withinTrain, conflicting } = duplicates;
  return [
    ...(inEvaluation > 0
      ? [`  ${count(inEvaluation)} training rows left out: their texts are evaluation texts`]
      : []),
    ...(withinTrain > 0
      ? [
          `  ${count(withinTrain)} training rows repeat an earlier text and are kept` +
            (conflicting > 0
              ? `; ${conflicting === 1 ? "1 text has" : `${count(conflicting)} texts have`} different labels`
              : ""),
        ]
      : []),
  ];
}

/** More places than this make a line too long to read. */
const MAX_PLACES = 5;

/** How many training rows have doubtful labels, and where they stand: one line, or none. */
export function doubtfulLines(rows: readonly DoubtfulFact[], report: string | null): string[] {
  if (rows.length === 0) return [];
  const places = rows.slice(0, MAX_PLACES).map(({ place }) => place);
  const more = rows.length > places.length ? ", .." : "";
  const why = report === null ? "" : "; why is in the report";
  const what = rows.length === 1 ? "row to look at, whose label" : "rows to look at, whose labels";
  return [`${count(rows.length)} ${what} may be wrong: ${places.join(", ")}${more}${why}`];
}

/** The settings, with the reason for each that was chosen, in lines of up to 100 characters. */
export const settingsLines = (
  prepared: PreparedTask,
  base: { name: string; dtype: string },
): string[] =>
  wrapped(
    shownSettings(prepared, base).map(
      ({ text, reason, more = "" }) => `${text}${reason === null ? "" : ` (${reason})`}${more}`,
    ),
  );

/** Items between dots, in lines of up to 100 characters; later lines are set in. */
function wrapped(items: readonly string[]): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(item);
    else if (last.length + item.length + 3 <= MAX_WIDTH) lines[lines.length - 1] += ` · ${item}`;
    else lines.push(`  ${item}`);
  }
  return lines;
}

/** "40 s", "12 min", "2.5 h" */
export function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}

const count = (value: number): string => value.toLocaleString("en");
const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const clip = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;
const names = (list: readonly LabelCount[]): string =>
  list
    .slice(0, 5)
    .map(({ label }) => label)
    .join(", ") + (list.length > 5 ? ` and ${list.length - 5} more` : "");
