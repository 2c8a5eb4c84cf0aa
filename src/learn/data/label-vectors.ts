/**
 * Labels written as one 0 or 1 for each label there is (`[1, 0, 0]`). Read as names they would be a
 * task with the labels "0" and "1", so they are told apart by looking at all rows of a file.
 */
import { InputError } from "../../core/errors.ts";
import type { FoundRow } from "./formats.ts";

/** Label as in the file -> name; null for a label that is dropped. */
export type LabelMap = Readonly<Record<string, string | null>>;

const isZero = (label: string): boolean => /^(?:0(?:\.0*)?|false)$/i.test(label);
const isOne = (label: string): boolean => /^(?:1(?:\.0*)?|true)$/i.test(label);

/** Whether the labels of a row could be places: a list, and each of them 0 or 1. */
const couldBePlaces = ({ labels, isList }: FoundRow): boolean =>
  isList === true && labels.length > 0 && labels.every((label) => isZero(label) || isOne(label));

const hasLargerNumber = ({ labels }: FoundRow): boolean =>
  labels.some((label) => /^\d+$/.test(label) && Number(label) > 1);

const hasRepeats = ({ labels }: FoundRow): boolean => new Set(labels).size < labels.length;

/**
 * How to read the labels of rows that are places; null when these rows have names. The function
 * returns the names of the places with a 1, or what is wrong with the row. Throws InputError
 * `labels-unnamed` when nothing says what the places stand for.
 */
export function readerOfPlaces(
  rows: readonly FoundRow[],
  labelMap: LabelMap | undefined,
  subject: string,
): ((row: FoundRow) => readonly string[] | string) | null {
  const names = namesOfPlaces(labelMap);
  // A list of one number is a place where there is one name, and otherwise the number of a label.
  const least = names?.length === 1 ? 1 : 2;
  const candidates = rows.filter((row) => row.labels.length >= least && couldBePlaces(row));
  const lengths = new Set(rows.map(({ labels }) => labels.length));
  const areAlike = candidates.length === rows.length && lengths.size === 1;
  // Lists of label numbers may repeat 0 and 1, too: others of them have larger numbers.
  const areMost = candidates.length > rows.length / 2 || !rows.some(hasLargerNumber);
  if (!areAlike && !(areMost && candidates.some(hasRepeats))) return null;
  if (candidates.length === 0) return null;
  const count = candidates[0]!.labels.length;
  if (names === null) {
    throw new InputError(
      "labels-unnamed",
      `${subject}: labels are lists of ${count} zeros and ones; name the places with --label-names a,b,.. (${count} names), or write the names of the labels that hold`,
    );
  }
  if (!candidates.some(({ labels }) => labels.length === names.length)) {
    throw new InputError(
      "labels-unnamed",
      `${subject}: labels are lists of ${count} zeros and ones, --label-names has ${names.length} names; expected one name for each place`,
    );
  }
  return (row) => {
    if (!couldBePlaces(row) || row.labels.length !== names.length) {
      const found = row.labels.slice(0, 8).join(", ");
      return `the label is "${found}", expected ${names.length} zeros and ones as in other rows`;
    }
    const held = names.filter((_, i) => isOne(row.labels[i]!));
    return [...new Set(held.filter((name) => name !== null))];
  };
}

/** The names of the places 0, 1, ..; null unless exactly these are named. */
function namesOfPlaces(labelMap: LabelMap | undefined): readonly (string | null)[] | null {
  const count = labelMap ? Object.keys(labelMap).length : 0;
  if (!labelMap || count === 0) return null;
  const names = Array.from({ length: count }, (_, i) => labelMap[String(i)]);
  return names.includes(undefined) ? null : (names as (string | null)[]);
}
