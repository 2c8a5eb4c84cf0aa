/**
 * What a person should see of the data before training for an hour: how many rows each label has, how
 * long the texts are, and which of them occur twice. Plain data, for the terminal and the report.
 */
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import type { Tokenizer } from "../../core/tokenizer/tokenizer.ts";
import { quantile } from "./bootstrap.ts";
import type { Example } from "../data/read.ts";
import { entityReader } from "./entities.ts";
import { keyOfText } from "../data/split.ts";

export interface DataFileFact {
  readonly name: string;
  readonly use: "train" | "eval";
  readonly rows: number;
  readonly badRows: number;
}

/** Rows of a label, or entities of a type. */
export interface LabelCount {
  readonly label: string;
  readonly train: number;
  readonly eval: number;
}

/** `counts[i]` values lie in [i * width, (i + 1) * width); the last bin also holds all that is longer. */
export interface Histogram {
  readonly width: number;
  readonly counts: readonly number[];
  readonly median: number;
  /** 95 of 100 values are at most this. */
  readonly p95: number;
  readonly max: number;
}

export interface DataSummary {
  readonly files: readonly DataFileFact[];
  /** Rows of each label or, of tags, entities of each type; empty for numbers. */
  readonly balance: readonly LabelCount[];
  /** Tokens a text, special tokens included. */
  readonly lengths: { readonly train: Histogram; readonly eval: Histogram };
  /** Share of the training texts that are longer than a window. */
  readonly cutShare: number;
  readonly duplicates: Duplicates;
}

export interface Duplicates {
  /** Training rows left out, because their texts are evaluation texts. */
  readonly inEvaluation: number;
  /** Training rows whose text occurred before; they are kept. */
  readonly withinTrain: number;
  /** Of those texts, how many have rows that disagree about the label. */
  readonly conflicting: number;
}

/** Texts whose length is looked at: so many, evenly spread, tell the shape. */
const MAX_MEASURED = 5_000;
const WIDTHS = [4, 8, 16, 32, 64, 128, 256, 512];
const MAX_BINS = 12;

/** Tokens of each text, of at most 5,000 evenly spread ones. */
export function tokenCounts(examples: readonly Example[], tokenizer: Tokenizer): number[] {
  const step = Math.max(1, examples.length / MAX_MEASURED);
  const count = Math.min(examples.length, MAX_MEASURED);
  return Array.from({ length: count }, (_, i) => {
    const { text, pair } = examples[Math.floor(i * step)]!;
    return tokenizer.encode(text, pair).ids.length;
  });
}

/** Rows by label, or entities by type, most frequent first. */
export function balanceOf(
  train: readonly Example[],
  evaluation: readonly Example[],
  {
    type,
    problemType,
    labels,
  }: {
    readonly type: TaskType;
    readonly problemType: ProblemType;
    readonly labels: readonly string[];
  },
): LabelCount[] {
  if (problemType === "regression") return [];
  const entitiesOf = entityReader(labels);
  const counts = new Map<string, { train: number; eval: number }>();
  const count = (examples: readonly Example[], side: "train" | "eval"): void => {
    for (const { labels } of examples) {
      const names = type === "token" ? entitiesOf(labels).map(([entity]) => entity) : labels;
      for (const name of names) {
        const found = counts.get(name) ?? { train: 0, eval: 0 };
        counts.set(name, { ...found, [side]: found[side] + 1 });
      }
    }
  };
  count(train, "train");
  count(evaluation, "eval");
  return [...counts]
    .map(([label, found]) => ({ label, ...found }))
    .sort((a, b) => b.train - a.train || (a.label < b.label ? -1 : 1));
}

/** Texts that occur more than once among the training rows. */
export function duplicatesWithin(
  train: readonly Example[],
): Pick<Duplicates, "withinTrain" | "conflicting"> {
  const groups = [...Map.groupBy(train, keyOfText).values()].filter(({ length }) => length > 1);
  const labelsOf = ({ labels }: Example): string => labels.join("\u0000");
  return {
    withinTrain: groups.reduce((sum, { length }) => sum + length - 1, 0),
    conflicting: groups.filter((rows) => new Set(rows.map(labelsOf)).size > 1).length,
  };
}

/** At most 12 bins of equal width; longer values than the last bin's end are counted in it. */
export function histogramOf(values: readonly number[]): Histogram {
  const sorted = values.toSorted((a, b) => a - b);
  const max = sorted.at(-1) ?? 0;
  const far = quantile(sorted, 0.99);
  const width = WIDTHS.find((candidate) => far < candidate * MAX_BINS) ?? Math.ceil(far / MAX_BINS);
  const bins = Math.min(MAX_BINS, Math.floor(max / width) + 1);
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of values) {
    const bin = Math.min(counts.length - 1, Math.floor(value / width));
    counts[bin] = counts[bin]! + 1;
  }
  const [median, p95] = [quantile(sorted, 0.5), quantile(sorted, 0.95)];
  return { width, counts, median: Math.round(median), p95: Math.ceil(p95), max };
}
