/** The data of `same-question`, which no file has as it is: pairs out of banking77's questions. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findFile, readDataFile } from "../../runs/task/data-files.ts";
import { questionPairs } from "../../../src/learn/data/question-pairs.ts";
import { derive, keyOf } from "../../../src/learn/random.ts";
import { writeWhole } from "../../node/files.ts";

/** Training pairs come from the training questions alone, test pairs from the test questions. */
const PARTS = ["train", "test"] as const;

/**
 * Writes `data/train.jsonl` and `data/test.jsonl` of the folder of `same-question`, where they are
 * missing.
 */
export async function makePairs(dir: string, dataDir: string): Promise<void> {
  for (const part of PARTS) {
    const out = join(dir, "data", `${part}.jsonl`);
    if (existsSync(out)) continue;
    const { examples } = await readDataFile(findFile(`banking77/${part}.csv`, [dataDir]));
    const pairs = questionPairs(examples, derive(keyOf(0), part));
    await writeWhole(out, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
  }
}
