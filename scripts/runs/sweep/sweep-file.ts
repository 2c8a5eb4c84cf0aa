/** sweep.json beside task.json: what a sweep found, for the report of the runs that use it. */
import { join } from "node:path";
import { parseJson } from "../../../src/core/text.ts";
import { readIfThere, writeWhole } from "../../node/files.ts";
import type { SweepFacts } from "../../../src/report/facts.ts";
import type { PreparedTask } from "../../../src/learn/task/prepare.ts";

const SWEEP = "sweep.json";

export const writeSweep = (dir: string, facts: SweepFacts): Promise<void> =>
  writeWhole(join(dir, SWEEP), `${JSON.stringify(facts, null, 2)}\n`);

/** The sweep that these settings were chosen by; undefined without one, or where it chose others. */
export async function readSweep(
  dir: string,
  { numVirtualTokens, hyperparameters }: Pick<PreparedTask, "numVirtualTokens" | "hyperparameters">,
): Promise<SweepFacts | undefined> {
  const path = join(dir, SWEEP);
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  const facts = parseJson(bytes, path) as SweepFacts;
  const { chosen } = facts;
  const isUsed =
    chosen.numVirtualTokens === numVirtualTokens &&
    chosen.learningRate === hyperparameters.learning_rate;
  return isUsed ? facts : undefined;
}
