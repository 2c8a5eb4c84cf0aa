/**
 * The label list of a task: which names there are and in which order, so that the same data always
 * gives the same list, whatever the order of its rows.
 */
import { InputError } from "../../core/errors.ts";
import type { ProblemType, TaskType } from "../../core/model/task.ts";
import { tagReader } from "../../core/model/spans.ts";
import { isNumber } from "./read.ts";
import type { Example } from "./read.ts";

/** Tags of one entity type in the order in which they are listed. */
const POSITIONS = ["B", "I", "E", "L", "S", "U"];

/** What a word with such a tag may fall into, beside tags that it has anyway. */
const WITHIN: Readonly<Record<string, string>> = { B: "I", S: "BIE", U: "BIL" };

/**
 * All labels of these examples, sorted: integers by value, names by code unit; for tags "O" first,
 * then type by type, with those that the parts of a word need: an I- for every B-, and a begin, a
 * middle and an end for every entity of one word.
 */
export function labelsOf(examples: readonly Example[], type: TaskType): string[] {
  const found = new Set(examples.flatMap(namesOf));
  if (type === "sequence") return [...found].sort(compareLabels);
  const readTag = tagReader([...found]);
  for (const tag of found) {
    const { type: entity } = readTag(tag);
    if (entity === tag) continue;
    for (const position of WITHIN[tag[0]!] ?? "") found.add(`${position}-${entity}`);
  }
  found.delete("O");
  return ["O", ...[...found].sort(compareTags)];
}

/** The labels that a row speaks of: those of its shares, where it has some. */
export const namesOf = ({ labels, shares }: Example): readonly string[] =>
  shares ? shares.map(([name]) => name) : labels;

/** So many different numbers can still be names: ratings in half steps, say. */
const MAX_NUMBERED_CLASSES = 10;

/**
 * What kind of problem the labels of these rows pose: several labels where any text has more or
 * less than one; a number where all labels are numbers, some with a fraction, and too many to be
 * names; otherwise one label of a list.
 */
export function problemTypeOf(examples: readonly Example[], type: TaskType): ProblemType {
  if (type === "token") return "single_label_classification";
  if (examples.some(({ labels }) => labels.length !== 1)) return "multi_label_classification";
  const names = [...new Set(examples.flatMap(namesOf))];
  const isRegression =
    examples.every(({ shares }) => shares === undefined) &&
    names.length > MAX_NUMBERED_CLASSES &&
    names.every(isNumber) &&
    names.some((name) => !Number.isInteger(Number(name)));
  return isRegression ? "regression" : "single_label_classification";
}

/** Integers of any length by their value, then names by code unit. */
function compareLabels(a: string, b: string): number {
  const [isNumberA, isNumberB] = [isInteger(a), isInteger(b)];
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  const difference = isNumberA ? BigInt(a) - BigInt(b) : 0n;
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

const isInteger = (label: string): boolean => /^-?\d+$/.test(label);

function compareTags(a: string, b: string): number {
  return (
    compareLabels(a.slice(2), b.slice(2)) ||
    POSITIONS.indexOf(a[0]!) - POSITIONS.indexOf(b[0]!) ||
    compareLabels(a, b)
  );
}

/**
 * `--label-names`: `negative,positive` names the labels 0, 1, ..; `1=World,2=Sports` names any
 * label, up to the first "="; `MISC=` drops one. Returns the map for DataOptions and the names in
 * their order. Throws InputError `label-names-invalid`.
 */
export function readLabelNames(text: string): {
  labelMap: Record<string, string | null>;
  labels: string[];
} {
  const items = text.split(",").map((item) => item.trim());
  const named = items.some((item) => item.includes("="));
  const entries = new Map<string, string | null>();
  for (const [i, item] of items.entries()) {
    const cut = item.indexOf("=");
    const [label, name] = named
      ? [item.slice(0, Math.max(0, cut)).trim(), item.slice(cut + 1).trim()]
      : [String(i), item];
    const fail = (why: string): never => {
      throw new InputError(
        "label-names-invalid",
        `--label-names: "${item}" is not allowed${why}; write name,name,.. for the labels 0, 1, .. or label=name,.. ("label=" drops it)`,
      );
    };
    if (label === "" || (name === "" && !named)) fail("");
    if (entries.has(label)) fail(`, since "${label}" is named twice`);
    entries.set(label, name === "" ? null : name);
  }
  const names = [...entries.values()].filter((name) => name !== null);
  return { labelMap: Object.fromEntries(entries), labels: [...new Set(names)] };
}

/** The map that names the labels 0, 1, .. of a list. */
export const labelMapOf = (names: readonly string[]): Record<string, string | null> =>
  Object.fromEntries(names.map((name, i) => [String(i), name]));
