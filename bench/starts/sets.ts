/** The rows of the tasks of `bench starts`: a seed draws those to learn from, those measured on stay. */
import { join } from "node:path";
import { readDataFile } from "../../scripts/runs/task/data-files.ts";
import { writeWhole } from "../../scripts/node/files.ts";
import { questionPairs } from "../../src/learn/data/question-pairs.ts";
import type { Example } from "../../src/learn/data/read.ts";
import { someRows, withoutTextsOf } from "../../src/learn/data/split.ts";
import { derive, keyOf } from "../../src/learn/random.ts";
import { TASKS } from "../accuracy/tasks.ts";
import type { Cell, StartedTask } from "./plan.ts";

const MAX_TEST_ROWS = 1_000;

/** Rows to draw from, and rows to measure on. */
export interface PairRows {
  readonly train: readonly Example[];
  readonly test: readonly Example[];
}

/** Reads the data of a task below `data`. Throws what `readDataFile` throws. */
export async function readPairs(task: StartedTask, data: string): Promise<PairRows> {
  if (task === "rte") {
    const { train, reported, options } = TASKS.rte;
    const read = async (path: string) => (await readDataFile(join(data, path), options)).examples;
    return { train: await read(train), test: await read(reported) };
  }
  const testOf = (rows: readonly Example[]): readonly Example[] =>
    someRows(rows, MAX_TEST_ROWS, derive(keyOf(0), "test", task));
  if (task === "sick") {
    // It has no split of its own here.
    const { examples } = await readDataFile(join(data, "nli", "sick.tsv"));
    const test = testOf(examples);
    return { train: withoutTextsOf(examples, test), test };
  }
  const pairs = async (part: "train" | "test"): Promise<Example[]> => {
    const { examples } = await readDataFile(join(data, "banking77", `${part}.csv`));
    return questionPairs(examples, derive(keyOf(0), part)).map(
      ({ text, text_pair: pair, label }) => ({ text, pair, labels: [label], words: [] }),
    );
  };
  return { train: await pairs("train"), test: testOf(await pairs("test")) };
}

/** Writes the rows that a cell learns from as a file that `train` reads; returns how many. */
export async function writeRows(
  path: string,
  { train }: PairRows,
  { task, rows, seed }: Cell,
): Promise<number> {
  const count = rows === "all" ? train.length : Number(rows);
  const chosen =
    count >= train.length ? train : someRows(train, count, derive(keyOf(seed), "rows", task));
  const lines = chosen.map(({ text, pair, labels }) =>
    JSON.stringify({ text, text_pair: pair, label: labels[0] }),
  );
  await writeWhole(path, `${lines.join("\n")}\n`);
  return chosen.length;
}
