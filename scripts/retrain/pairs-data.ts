/** The data of `same-question`, which no file has as it is: pairs out of banking77's questions. */
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findFile } from "../training/data-files.ts";
import { readDataFile } from "../training/data.ts";
import { questionPairs } from "../training/question-pairs.ts";
import { derive, keyOf } from "../training/random.ts";

/** Training pairs come from the training questions alone, test pairs from the test questions. */
const PARTS = ["train", "test"] as const;

/** Writes `data/train.jsonl` and `data/test.jsonl` of the task folder, where they are missing. */
export async function makePairs(dir: string, dataDir: string): Promise<void> {
  for (const part of PARTS) {
    const out = join(dir, "data", `${part}.jsonl`);
    if (existsSync(out)) continue;
    const { examples } = await readDataFile(findFile(`banking77/${part}.csv`, [dataDir]));
    const pairs = questionPairs(examples, derive(keyOf(0), part));
    await mkdir(dirname(out), { recursive: true });
    await writeFile(`${out}.tmp`, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
    await rename(`${out}.tmp`, out);
  }
}
