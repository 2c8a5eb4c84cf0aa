/**
 * The rows of a draw: n of each class, or n in all of a set with tags and where n is large. A draw's
 * order of the rows does not depend on n, so the draw of 16 rows a class contains the draw of 8 with the
 * same number, and a curve over n compares like with like. The test rows are the same for all draws.
 */
import { join } from "node:path";
import { writeWhole } from "../../scripts/node/files.ts";
import type { TaskType } from "../../src/core/model/task.ts";
import type { Example } from "../../src/learn/data/read.ts";
import { someRows } from "../../src/learn/data/split.ts";
import { derive, keyOf, permutation } from "../../src/learn/random.ts";
import { SETS } from "./sets.ts";
import type { SetId, SetRows } from "./sets.ts";

/** Up to this number, counts are rows of each class; above it, and of sets with tags, rows in all. */
const MOST_A_CLASS = 64;

/** Whether a number of rows is counted by class. */
export const isByClass = (id: SetId, count: number): boolean =>
  SETS[id].type === "sequence" && count <= MOST_A_CLASS;

/** Enough that the mean of some draws moves by less than a point, few enough to answer often. */
const MAX_TEST_ROWS = 500;

export interface Draw {
  readonly train: readonly Example[];
  readonly test: readonly Example[];
}

/** The training rows and the test rows of a draw. A class with fewer rows gives all of them. */
export function drawOf(id: SetId, rows: SetRows, count: number, draw: number): Draw {
  return { train: trainingRows(id, rows.train, count, draw), test: testRows(id, rows.test) };
}

function trainingRows(
  id: SetId,
  examples: readonly Example[],
  count: number,
  draw: number,
): readonly Example[] {
  const key = derive(keyOf(draw), "draw", id);
  const places = examples.map((_, place) => place);
  const classOf = (place: number): string =>
    isByClass(id, count) ? examples[place]!.labels[0]! : "";
  const chosen = [...Map.groupBy(places, classOf)].flatMap(([label, members]) => {
    const order = permutation(derive(key, label), members.length);
    return [...order.subarray(0, count)].map((i) => members[i]!);
  });
  return chosen.toSorted((a, b) => a - b).map((place) => examples[place]!);
}

const testRows = (id: SetId, examples: readonly Example[]): readonly Example[] =>
  someRows(examples, MAX_TEST_ROWS, derive(keyOf(0), "test", id));

/** Files of a draw, as `train` and other programs read them. */
export interface DrawFiles {
  readonly train: string;
  readonly test: string;
}

/** Writes `train.jsonl` and `test.jsonl` of a draw into a folder. */
export async function writeDraw(folder: string, draw: Draw, type: TaskType): Promise<DrawFiles> {
  const files = { train: join(folder, "train.jsonl"), test: join(folder, "test.jsonl") };
  for (const part of ["train", "test"] as const) {
    await writeWhole(
      files[part],
      draw[part].map((example) => `${lineOf(example, type)}\n`).join(""),
    );
  }
  return files;
}

function lineOf({ text, pair, labels, words }: Example, type: TaskType): string {
  if (type === "sequence") {
    return JSON.stringify({
      text,
      ...(pair !== undefined && { text_pair: pair }),
      label: labels[0]!,
    });
  }
  const tokens = words.map(({ start, end }) => text.slice(start, end));
  return JSON.stringify({ tokens, tags: labels });
}
