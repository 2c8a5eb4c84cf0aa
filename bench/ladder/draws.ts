/**
 * The rows of a draw: n of each class, or n sentences of a set with tags. A draw's order of the rows
 * does not depend on n, so the draw of 16 rows contains the draw of 8 with the same number, and a
 * curve over n compares like with like. The test rows are the same for all draws.
 */
import { join } from "node:path";
import { writeWhole } from "../../scripts/node/files.ts";
import type { TaskType } from "../../src/core/model/task.ts";
import type { Example } from "../../src/learn/data/read.ts";
import { someRows } from "../../src/learn/data/split.ts";
import { derive, keyOf, permutation } from "../../src/learn/random.ts";
import { SETS } from "./sets.ts";
import type { SetId, SetRows } from "./sets.ts";

/** Rows a class, or sentences; `all` is at most MAX_ROWS_A_CLASS of each class. */
export type RowCount = number | "all";

/** 5,000 rows of two classes, as many as the accuracy table learns from. */
const MAX_ROWS_A_CLASS = 2_500;
/** Enough that the mean of some draws moves by less than a point, few enough to answer often. */
const MAX_TEST_ROWS = 500;

export interface Draw {
  readonly train: readonly Example[];
  readonly test: readonly Example[];
}

/** The training rows and the test rows of a draw. A class with fewer rows gives all of them. */
export function drawOf(id: SetId, rows: SetRows, count: RowCount, draw: number): Draw {
  return { train: trainingRows(id, rows.train, count, draw), test: testRows(id, rows.test) };
}

function trainingRows(
  id: SetId,
  examples: readonly Example[],
  count: RowCount,
  draw: number,
): readonly Example[] {
  const key = derive(keyOf(draw), "draw", id);
  const places = examples.map((_, place) => place);
  const classOf = (place: number): string =>
    SETS[id].type === "token" ? "" : examples[place]!.labels[0]!;
  const chosen = [...Map.groupBy(places, classOf)].flatMap(([label, members]) => {
    const order = permutation(derive(key, label), members.length);
    const wanted = count === "all" ? MAX_ROWS_A_CLASS : count;
    return [...order.subarray(0, wanted)].map((i) => members[i]!);
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

function lineOf({ text, labels, words }: Example, type: TaskType): string {
  if (type === "sequence") return JSON.stringify({ text, label: labels[0]! });
  const tokens = words.map(({ start, end }) => text.slice(start, end));
  return JSON.stringify({ tokens, tags: labels });
}
