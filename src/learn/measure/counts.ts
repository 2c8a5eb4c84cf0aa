/**
 * One table of counts a row, from which all numbers of an evaluation follow: scores, their intervals
 * and the figures of each label. A row is a text, or a whole sentence of tags; what it counts are
 * its labels, or its entities by type.
 */
import type { Decisions } from "./decisions.ts";
import { entitiesOf } from "./decisions.ts";
import type { TagSpan } from "./entities.ts";

/** Decisions that are right or wrong; numbers are compared by correlation.ts. */
export type CountedDecisions = Exclude<Decisions, { kind: "regression" }>;

/** What one row says of one label. */
interface LabelCount {
  readonly label: number; // index into the table's labels
  readonly support: number;
  readonly predicted: number;
  readonly correct: number;
}

interface RowCounts {
  readonly labels: readonly LabelCount[];
  /** Units that are right as a whole, and all units: the row itself, or the words of a sentence. */
  readonly right: number;
  readonly units: number;
}

export interface CountTable {
  readonly kind: CountedDecisions["kind"];
  /** Labels, or entity types, in the order of their names. */
  readonly labels: readonly string[];
  readonly rows: readonly RowCounts[];
}

/** The counts of some rows together. */
export interface Sums {
  /** Of each label: how often it is true, is answered, and both. */
  readonly support: Float64Array; // [C]
  readonly predicted: Float64Array; // [C]
  readonly correct: Float64Array; // [C]
  right: number;
  units: number;
}

/** Counts decisions. A label that a row names twice counts once. */
export function countTable(decisions: CountedDecisions): CountTable {
  const itemsOf = itemReader(decisions);
  const rows = decisions.truth.map((truth, row) => {
    const said = decisions.predicted[row]!;
    return { truth, said, ...itemsOf(row) };
  });
  const found = new Set(rows.flatMap(({ is, says }) => [...is, ...says].map(labelOf)));
  // Of several labels a text those that never occur count, too.
  const known = decisions.kind === "multi-label" ? decisions.labels : [];
  const labels = [...new Set([...known, ...found])].sort(byCodeUnit);
  const idOf = new Map(labels.map((label, id) => [label, id]));
  return {
    kind: decisions.kind,
    labels,
    rows: rows.map(({ truth, said, is, says }) => {
      const counts = new Map<number, { support: number; predicted: number; correct: number }>();
      const countOf = (item: string) => {
        const label = idOf.get(labelOf(item))!;
        const count = counts.get(label) ?? { support: 0, predicted: 0, correct: 0 };
        counts.set(label, count);
        return count;
      };
      for (const item of is) countOf(item).support += 1;
      for (const item of says) {
        const count = countOf(item);
        count.predicted += 1;
        if (is.has(item)) count.correct += 1;
      }
      const isRight = is.size === says.size && [...is].every((item) => says.has(item));
      return {
        labels: Array.from(counts, ([label, count]) => ({ label, ...count })),
        ...(decisions.kind === "token"
          ? rightWords(truth as readonly string[], said as readonly string[])
          : { right: isRight ? 1 : 0, units: 1 }),
      };
    }),
  };
}

/** The counts of the rows with these numbers; a number that occurs twice counts twice. */
export function sumRows({ labels, rows }: CountTable, numbers: Iterable<number>): Sums {
  const sums: Sums = {
    support: new Float64Array(labels.length),
    predicted: new Float64Array(labels.length),
    correct: new Float64Array(labels.length),
    right: 0,
    units: 0,
  };
  for (const row of numbers) {
    const counts = rows[row]!;
    sums.right += counts.right;
    sums.units += counts.units;
    for (const { label, support, predicted, correct } of counts.labels) {
      sums.support[label]! += support;
      sums.predicted[label]! += predicted;
      sums.correct[label]! += correct;
    }
  }
  return sums;
}

/** An entity is written as its type and place, so that equal entities are equal strings. */
const SEPARATOR = "\u0000";
const labelOf = (item: string): string => item.split(SEPARATOR, 1)[0]!;

/** What of a row's truth or answer is counted: its label, its labels, or its entities. */
function itemReader(decisions: CountedDecisions): (row: number) => {
  is: ReadonlySet<string>;
  says: ReadonlySet<string>;
} {
  if (decisions.kind === "token") {
    const texts = entitiesOf(decisions);
    const items = (spans: readonly TagSpan[]) => new Set(spans.map((span) => span.join(SEPARATOR)));
    return (row) => ({ is: items(texts[row]!.truth), says: items(texts[row]!.predicted) });
  }
  const items = (side: string | readonly string[]) =>
    new Set(typeof side === "string" ? [side] : side);
  const { truth, predicted } = decisions;
  return (row) => ({ is: items(truth[row]!), says: items(predicted[row]!) });
}

const rightWords = (truth: readonly string[], said: readonly string[]) => ({
  right: truth.filter((tag, word) => tag === said[word]).length,
  units: truth.length,
});

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
