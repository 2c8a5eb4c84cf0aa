/**
 * The number of steps of a run. A number of minutes becomes steps by the machine's speed at the start,
 * so the steps are written beside the saved run: a resumed run has the same steps, and with them the
 * same decay of the learning rate, however fast the machine is then.
 */
import { join } from "node:path";
import { MismatchError } from "../../../src/core/errors.ts";
import { parseJson } from "../../../src/core/text.ts";
import { readIfThere, writeWhole } from "../../node/files.ts";

export type Budget = { readonly steps: number } | { readonly minutes: number };

/** Name of the file in the work folder. */
const PLAN = "plan.json";

/** The steps of `budget`, for DistillOptions; from the work folder when resumed. */
export function stepsOnce(
  work: string,
  budget: Budget,
  { isResumed, note }: { readonly isResumed: boolean; readonly note: (line: string) => void },
): (secondsPerStep: () => Promise<number>) => Promise<number> {
  return async (secondsPerStep) => {
    if ("steps" in budget) return budget.steps;
    const path = join(work, PLAN);
    const known = isResumed ? await readPlan(path, budget.minutes) : null;
    if (known !== null) return known;
    const seconds = await secondsPerStep();
    const steps = Math.max(1, Math.floor((60 * budget.minutes) / Math.max(seconds, 1e-3)));
    note(
      `${steps.toLocaleString("en")} steps of ${seconds.toFixed(2)} s fit ${budget.minutes} minutes`,
    );
    await writeWhole(path, `${JSON.stringify({ minutes: budget.minutes, steps }, null, 2)}\n`);
    return steps;
  };
}

/** Null when nothing was kept; throws MismatchError `distill-plan-mismatch` for other minutes. */
async function readPlan(path: string, minutes: number): Promise<number | null> {
  const bytes = await readIfThere(path);
  if (!bytes) return null;
  const plan = parseJson(bytes, path) as { readonly minutes: number; readonly steps: number };
  if (plan.minutes === minutes) return plan.steps;
  throw new MismatchError(
    "distill-plan-mismatch",
    `${path}: the run was planned for ${plan.minutes} minutes, --minutes is ${minutes}; resume it with the same options`,
  );
}
