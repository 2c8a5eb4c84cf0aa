/**
 * What is odd about the labels of a data set, and what to do about it: labels that are probably one,
 * placeholders for a missing label, numbers that are learned as names. None of it is an error, since
 * each may be meant.
 */
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import { caseless, caselessSkeleton, skeleton, visible } from "./confusables.ts";
import { namesOf } from "./labels.ts";
import { isNumber } from "./read.ts";
import type { Example } from "./read.ts";

/** What tables and programs write where they have no value. */
const PLACEHOLDER =
  /^(?:null|nan|nat|none|nil|undefined|n\/?a|#n\/a|<na>|\\n|#(?:ref|value|name|div\/0)[!?]|[-.]+|\?+|[([]?(?:blank|empty|missing|unlabel+ed|no label|not available)[)\]]?)$/i;
/** How a spreadsheet shows a long number, of which it has lost the last digits. */
const SHORTENED = /^-?\d(?:\.\d+)?E\+\d+$/;
/** A list as a program prints it, which a table shows as one label. */
const PRINTED_LIST = /^(?:\[.*\]|\{.*\}|[01](?: [01])+)$/s;
/** Digits with what people write around them: `$20.50`, `35 %`, `1.000,5`, `4/5`. */
const WRITTEN_NUMBER = /^[-+]?[$€£¥]?\s?\d[\d.,' ]*\s?(?:%|[$€£¥]|\/\s?\d+)?$/;
/** More whole numbers than this are seldom names of classes. */
const MAX_WHOLE_CLASSES = 20;
/** So many labels are named in a warning. */
const MAX_NAMED = 4;
/** So many warnings of one kind are given. */
const MAX_GROUPS = 5;

/** Ways in which two labels may be one, the plainest first, and how to say it. */
const SAME: readonly {
  readonly key: (label: string) => string;
  readonly what: string;
  /** The characters themselves say too little. */
  readonly isEscaped?: boolean;
}[] = [
  { key: visible, what: "differ only by characters that cannot be seen", isEscaped: true },
  { key: numeral, what: "are the same number" },
  { key: caseless, what: "differ only in case, or in blanks and signs" },
  { key: skeleton, what: "look alike, with different characters", isEscaped: true },
  { key: caselessSkeleton, what: "look alike, with different characters", isEscaped: true },
];

/**
 * Warnings about the labels of these rows, each with the way out. `isChosen`: the kind of problem
 * was asked for, so numbers are names on purpose.
 */
export function labelWarnings(
  examples: readonly Example[],
  {
    type,
    problemType,
    isChosen,
  }: {
    readonly type: TaskType;
    readonly problemType: ProblemType;
    readonly isChosen: boolean;
  },
): string[] {
  if (problemType === "regression") return [];
  const counts = new Map<string, number>();
  for (const example of examples) {
    const labels = namesOf(example);
    // Of tags the types are compared: B- and I- of one type would be said twice.
    for (const label of new Set(type === "token" ? labels.map(typeOfTag) : labels)) {
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
  }
  const asksForNumbers = type === "sequence" && problemType === "single_label_classification";
  return [
    ...sameWarnings(counts),
    ...placeholderWarnings(counts),
    ...shortenedWarnings(counts),
    ...listWarnings(counts),
    ...(asksForNumbers && !isChosen ? numberWarnings(counts) : []),
  ];
}

/** The same for one number in several spellings; longer ones than a double holds stay as they are. */
function numeral(label: string): string {
  const value = isNumber(label) ? Number(label) : NaN;
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? String(value + 0) : label;
}

type Counts = ReadonlyMap<string, number>;

const typeOfTag = (tag: string): string => tag.replace(/^[BIESLU][-_](?=.)/, "");

function sameWarnings(counts: Counts): string[] {
  const warnings: string[] = [];
  const told = new Set<string>();
  for (const { key, what, isEscaped = false } of SAME) {
    for (const group of Map.groupBy(counts.keys(), key).values()) {
      if (group.length < 2 || group.every((label) => told.has(label))) continue;
      for (const label of group) told.add(label);
      const sorted = group.toSorted((a, b) => counts.get(b)! - counts.get(a)! || (a < b ? -1 : 1));
      const listed = sorted.slice(0, MAX_NAMED).map((label) => counted(label, counts, isEscaped));
      const more = sorted.length > MAX_NAMED ? ` and ${sorted.length - MAX_NAMED} more` : "";
      warnings.push(
        `labels ${listed.join(" and ")}${more} ${what}; if they mean the same, ${joining(sorted, isEscaped)}`,
      );
    }
  }
  const left = warnings.length - MAX_GROUPS;
  return left > 0
    ? [...warnings.slice(0, MAX_GROUPS), `${left} more groups of labels differ as little`]
    : warnings;
}

/** How to make these labels one: the first of them has the most rows. */
function joining(labels: readonly string[], isEscaped: boolean): string {
  const [first = "", ...others] = labels;
  const canBeNamed = labels.every(
    (label) =>
      label.trim() === label && !/[,="]/.test(label) && !(isEscaped && /[^ -~]/.test(label)),
  );
  if (!canBeNamed) return "correct them in the file";
  const pairs = others.slice(0, MAX_NAMED).map((label) => `${label}=${first}`);
  return `--label-names "${pairs.join(",")}" makes them one`;
}

function placeholderWarnings(counts: Counts): string[] {
  return [...counts.keys()]
    .filter((label) => PLACEHOLDER.test(visible(label)))
    .map(
      (label) =>
        `label ${counted(label, counts)} often stands for a label that is missing; if it does here, --label-names "${label}=" leaves it out`,
    );
}

function shortenedWarnings(counts: Counts): string[] {
  const found = [...counts.keys()].filter((label) => SHORTENED.test(label));
  if (found.length === 0) return [];
  return [
    `labels ${listOf(found)} are long numbers that a spreadsheet has shortened: different ones may have become one; export them again as text`,
  ];
}

function listWarnings(counts: Counts): string[] {
  const found = [...counts.keys()].filter((label) => PRINTED_LIST.test(label));
  if (found.length === 0) return [];
  return [
    `labels ${listOf(found)} are lists that were written as text, each learned as one name; write jsonl with a list of names or a score for each, or names with a sign between them and --label-separator`,
  ];
}

/** Numbers among the labels, where so many of them are numbers that an order is likely. */
function numberWarnings(counts: Counts): string[] {
  const labels = [...counts.keys()].filter((label) => !PLACEHOLDER.test(visible(label)));
  const written = labels.filter((label) => !isNumber(label) && WRITTEN_NUMBER.test(label));
  const numbers = [...labels.filter(isNumber), ...written];
  const hasFractions = numbers.some((label) => !/^-?\d+(?:\/\d+)?$/.test(label));
  if (numbers.length < 2 || numbers.length < 0.8 * labels.length) return [];
  if (!hasFractions && numbers.length <= MAX_WHOLE_CLASSES) return [];
  const which = numbers.length === labels.length ? "the" : `${numbers.length} of the`;
  const how =
    written.length > 0
      ? "write them as plain numbers with a decimal point, such as 1250.5, and --problem-type regression learns them as numbers"
      : "--problem-type regression learns them as numbers";
  return [
    `${which} ${labels.length} labels are numbers (${listOf(numbers.toSorted(byValue))}) and are learned as names without an order; ${how}, --label-names gives them names`,
  ];
}

const valueOf = (label: string): number => parseFloat(label.replace(/^\D+/, "").replace(",", "."));
const byValue = (a: string, b: string): number => valueOf(a) - valueOf(b);

function counted(label: string, counts: Counts, isEscaped = false): string {
  const rows = counts.get(label)!;
  const name = isEscaped ? escaped(label) : shown(label);
  return `${name} (${rows === 1 ? "1 row" : `${rows.toLocaleString("en")} rows`})`;
}

const listOf = (labels: readonly string[]): string =>
  labels.slice(0, MAX_NAMED).map(shown).join(", ") + (labels.length > MAX_NAMED ? ", .." : "");

/** A label in quotes. */
const shown = (label: string): string => JSON.stringify(label.slice(0, 60));

/** The same with the numbers of all characters that may look like others, or like none. */
const escaped = (label: string): string =>
  Array.from(shown(label), (char) =>
    /[ -~]/.test(char) ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`,
  ).join("");
