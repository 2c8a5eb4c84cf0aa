/** Writes a finished run into its folder: all files at once, then its saved state goes. */
import { join } from "node:path";
import { isServed, partsOf } from "../../../src/learn/methods.ts";
import type { FinishedRun } from "../../../src/learn/task/finish.ts";
import type { PreparedTask } from "../../../src/learn/task/prepare.ts";
import { DEFAULT_LEVEL } from "../../../src/learn/task/spec.ts";
import type { TaskSpec } from "../../../src/learn/task/spec.ts";
import { CHECKPOINT, tunedCheckpoint } from "../../../src/learn/task/tuned-checkpoint.ts";
import type { SweepFacts } from "../../../src/report/facts.ts";
import { reportHtml } from "../../../src/report/page.ts";
import { taskCard } from "../../../src/report/task-card.ts";
import { trainedFacts } from "../../../src/report/trained-task.ts";
import { RUNTIME_TITLES, namedRuntime } from "../../base/runtimes.ts";
import { REPORT, writeComparisonFolder, writeTaskFolder } from "../../task/task-folder.ts";
import { removeSavedRun } from "../saved-run.ts";

/** What a finished run is written with, besides itself. */
export interface WriteOptions {
  /** The text of task.json; null leaves the one in the folder alone. */
  readonly taskJson: string | null;
  /** The sweep that chose these settings, for the report. */
  readonly sweep?: SweepFacts | undefined;
}

/** Writes a finished run into `out`, and removes its saved state. Returns the report's path, if any. */
export async function writeTrainedTask(
  out: string,
  spec: TaskSpec,
  prepared: PreparedTask,
  run: FinishedRun,
  { taskJson, sweep }: WriteOptions,
): Promise<string | null> {
  const runtime = isServed(prepared.method) ? namedRuntime("serving", run.base) : "node";
  const facts = { ...trainedFacts(out, spec, prepared, run, RUNTIME_TITLES[runtime]), sweep };
  const report = (spec.report ?? DEFAULT_LEVEL) === "none" ? null : reportHtml(facts);
  const texts = { taskJson, card: taskCard(facts), report };
  if (isServed(prepared.method)) await writeTaskFolder(out, run.packed, texts);
  else await writeComparisonFolder(out, texts, checkpointOf(prepared, run));
  await removeSavedRun(out);
  return report === null ? null : join(out, REPORT);
}

/** The files of a fine-tuned checkpoint; none for a method that leaves the weights alone. */
function checkpointOf({ method, type, labels }: PreparedTask, run: FinishedRun) {
  if (!partsOf(method).weights) return new Map<string, Uint8Array>();
  const files = tunedCheckpoint(run.origin, run.state.best!.params, { type, labels });
  return new Map([...files].map(([name, bytes]) => [`${CHECKPOINT}/${name}`, bytes]));
}
