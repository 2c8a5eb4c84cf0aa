/** sweep.json beside task.json: what a sweep found, for the report of the runs that use it. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SweepFacts } from "../../report/facts.ts";
import type { PreparedTask } from "../task/prepare.ts";

const SWEEP = "sweep.json";

export async function writeSweep(dir: string, facts: SweepFacts): Promise<void> {
  const path = join(dir, SWEEP);
  await mkdir(dir, { recursive: true });
  await writeFile(`${path}.tmp`, `${JSON.stringify(facts, null, 2)}\n`);
  await rename(`${path}.tmp`, path);
}

/** The sweep that these settings come from; undefined where there was none, or it chose others. */
export async function readSweep(
  dir: string,
  { numVirtualTokens, hyperparameters }: Pick<PreparedTask, "numVirtualTokens" | "hyperparameters">,
): Promise<SweepFacts | undefined> {
  let text: string;
  try {
    text = await readFile(join(dir, SWEEP), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const facts = JSON.parse(text) as SweepFacts;
  const { chosen } = facts;
  const isUsed =
    chosen.numVirtualTokens === numVirtualTokens &&
    chosen.learningRate === hyperparameters.learning_rate;
  return isUsed ? facts : undefined;
}
