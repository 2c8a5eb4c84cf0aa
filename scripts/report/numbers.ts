/** Numbers as the report and the card write them. */
import type { Interval } from "./facts.ts";

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

/** Said of a temperature of 1, which is what stands when there is no ground to fit one (calibration.ts). */
export const UNFITTED =
  "Logits are taken as they are, temperature 1: too few answers, or too few wrong ones, to fit another by.";
