/** Rows with the same text, or nearly the same, that disagree about what is true of it. */
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import { nearKeyOf } from "../data/folds.ts";
import type { Example } from "../data/read.ts";

/** A row, and another of its text that more rows agree with. */
export interface Conflict {
  readonly row: number;
  readonly other: number;
}

interface Kind {
  readonly type: TaskType;
  readonly problemType: ProblemType;
}

/**
 * Conflicts between rows with one text, but for case, blanks and quotes, and between `pairs` of rows that
 * are nearly the same. Each row is named once.
 */
export function conflictsWithin(
  examples: readonly Example[],
  pairs: readonly (readonly [first: number, second: number])[],
  kind: Kind,
): { readonly sameTexts: readonly Conflict[]; readonly nearTexts: readonly Conflict[] } {
  const { agree, typicalOf } = claimsAbout(examples, kind);
  const groups = Map.groupBy(examples.keys(), (row) => nearKeyOf(examples[row]!));
  const sameTexts = [...groups.values()].flatMap((rows) => {
    if (rows.length === 1) return [];
    const other = typicalOf(rows);
    return rows.filter((row) => !agree(row, other)).map((row) => ({ row, other }));
  });
  const named = new Set(sameTexts.flatMap(({ row, other }) => [row, other]));
  const nearTexts: Conflict[] = [];
  for (const [first, second] of pairs) {
    if (named.has(first) || named.has(second) || agree(first, second)) continue;
    nearTexts.push({ row: second, other: first });
    named.add(first).add(second);
  }
  return { sameTexts, nearTexts };
}

interface Claims {
  /** Whether two rows of one text may both be right. */
  agree(first: number, second: number): boolean;
  /** A row that as many as possible of these agree with. */
  typicalOf(rows: readonly number[]): number;
}

function claimsAbout(examples: readonly Example[], { type, problemType }: Kind): Claims {
  if (problemType === "regression") {
    const values = examples.map(({ labels }) => Number(labels[0]));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    const deviation = Math.sqrt(square);
    return {
      agree: (first, second) => Math.abs(values[first]! - values[second]!) <= deviation,
      typicalOf: (rows) =>
        rows.toSorted((a, b) => values[a]! - values[b]!)[Math.floor((rows.length - 1) / 2)]!,
    };
  }
  const keys = examples.map(({ labels }) =>
    (type === "token" ? labels : labels.toSorted()).join("\u0000"),
  );
  return {
    // Words that were split otherwise cannot be compared one by one.
    agree: (first, second) =>
      keys[first] === keys[second] ||
      examples[first]!.words.length !== examples[second]!.words.length,
    typicalOf(rows) {
      const alike = Map.groupBy(rows, (row) => keys[row]!);
      return [...alike.values()].reduce((a, b) => (b.length > a.length ? b : a))[0]!;
    },
  };
}

/** What a row says that another with its text does not: its labels, or the words whose tags differ. */
export function claimsOf(
  { text, labels, words }: Example,
  other: Example,
  type: TaskType,
): readonly string[] {
  if (type === "sequence") return labels;
  return labels.flatMap((tag, word) => {
    const { start, end } = words[word]!;
    return tag === other.labels[word] ? [] : [`${text.slice(start, end)}: ${tag}`];
  });
}
