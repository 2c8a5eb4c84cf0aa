/** `eval --report FILE`: the page for a task and any data, without what only its training knows. */
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import type { Task } from "../../src/core/format/task.ts";
import { evaluationFacts } from "./evaluation-facts.ts";
import type { EvaluationSource } from "./evaluation-facts.ts";
import { reportHtml } from "./page.ts";
import { taskFacts } from "./task-facts.ts";
import { writeWhole } from "../node/files.ts";

/** Writes `path` by rename, so that it is the old page or the new one, whole. */
export async function writeEvaluationReport(
  path: string,
  folder: string,
  { manifest, version }: Task,
  base: Pick<BaseManifest, "dtype">,
  source: Omit<EvaluationSource, "hasTexts">,
): Promise<void> {
  const facts = taskFacts(manifest, base, {
    // The manifest says what serves, not how it was found.
    method: manifest.num_virtual_tokens > 0 ? "prefix" : "linear",
    version,
    folder,
    evaluation: evaluationFacts(manifest, { ...source, hasTexts: true }),
  });
  await writeWhole(path, reportHtml(facts));
}
