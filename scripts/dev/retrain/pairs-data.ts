/** The data of `same-question`, which no file has as it is: pairs out of banking77's questions. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { findFile, readDataFile } from "../../runs/task/data-files.ts";
import { questionPairs } from "../../../src/learn/data/question-pairs.ts";
import { derive, keyOf } from "../../../src/learn/random.ts";
import { writeWhole } from "../../node/files.ts";

const TASK = "same-question";
/** Training pairs come from the training questions alone, test pairs from the test questions. */
const PARTS = ["train", "test"] as const;

/**
 * Writes `data/train.jsonl` and `data/test.jsonl` of the folder of `same-question`, where they are
 * missing. Other tasks are trained on files as they are, so nothing is written for them.
 */
export async function makeData(dir: string, dataDir: string): Promise<void> {
  if (basename(dir) !== TASK) return;
  for (const part of PARTS) {
    const out = join(dir, "data", `${part}.jsonl`);
    if (existsSync(out)) continue;
    const { examples } = await readDataFile(findFile(`banking77/${part}.csv`, [dataDir]));
    const pairs = questionPairs(examples, derive(keyOf(0), part));
    await writeWhole(out, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
  }
}
