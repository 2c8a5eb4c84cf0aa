/** The cells without a row: what the verb `label` makes of the names of a set's labels, on the test rows. */
import { readBaseFolder } from "../../scripts/base/base-folder.ts";
import { sha256 } from "../../scripts/node/hash.ts";
import { labelsOf } from "../../src/learn/data/labels.ts";
import type { Example } from "../../src/learn/data/read.ts";
import { EVALUATION_BATCH, assess, evaluationLogits } from "../../src/learn/measure/evaluate.ts";
import { packNamedTask } from "../../src/learn/task/named-task.ts";
import { runtimesWith } from "../accuracy/cell.ts";
import type { OurOptions } from "./ours.ts";
import { scored } from "./results.ts";
import type { Outcome } from "./results.ts";
import type { LadderSet } from "./sets.ts";

/** Makes the task and measures it on the test rows, on the runtime that serves. */
export async function runNames({
  name,
  nameOf,
  test,
  base: dir,
  threads,
  signal,
}: Pick<OurOptions, "name" | "test" | "base" | "threads" | "signal"> &
  Required<Pick<LadderSet, "nameOf">>): Promise<Outcome> {
  const start = performance.now();
  const base = await runtimesWith(threads).openBase(await readBaseFolder(dir), "serving");
  try {
    const labels = labelsOf(test, "sequence").map(nameOf);
    const named = { name, labels, isMultiLabel: false, created: new Date() };
    const { task, prefixBytes } = await packNamedTask(base, named, sha256);
    const seconds = (performance.now() - start) / 1000;
    const examples = test.map((example): Example => {
      return { ...example, labels: example.labels.map(nameOf) };
    });
    const options = { batchSize: EVALUATION_BATCH, signal };
    const logits = await evaluationLogits(base, task, examples, options);
    const evaluation = assess(task.manifest, examples, logits);
    return {
      ...scored(evaluation),
      reported: null,
      seconds,
      bytes: prefixBytes.byteLength,
      settings: { labels, pooling: task.manifest.pooling },
    };
  } finally {
    await base.encoder.release();
  }
}
