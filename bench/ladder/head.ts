/**
 * The head alone, as well as it can be had: a logistic regression on the frozen base's pooled states of
 * whole texts, fitted as a convex problem. What `train --method linear` comes near by steps.
 */
import { readBaseFolder } from "../../scripts/base/base-folder.ts";
import { tokenizerOf } from "../../src/encoder/loaded-base.ts";
import { readDataFile } from "../../scripts/runs/task/data-files.ts";
import { maxLengthOf } from "../../src/core/format/configuration.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import { featuresOf } from "../../src/learn/data/features.ts";
import type { Feature } from "../../src/learn/data/features.ts";
import { labelsOf } from "../../src/learn/data/labels.ts";
import type { Example } from "../../src/learn/data/read.ts";
import { fitHead, headLogits } from "../../src/learn/head/fit-head.ts";
import type { FeatureRows } from "../../src/learn/head/fit-head.ts";
import { targetsOf } from "../../src/learn/head/rows.ts";
import { pooledStates } from "../../src/learn/measure/pooled-states.ts";
import { EVALUATION_BATCH, assess } from "../../src/learn/measure/evaluate.ts";
import { runtimesWith } from "../accuracy/cell.ts";
import type { OurOptions } from "./ours.ts";
import { scored } from "./results.ts";
import type { Outcome } from "./results.ts";

/** As the longest default of `train`. */
const MAX_LENGTH = 256;
const PROBLEM = "single_label_classification";
/** Numbers of a task are stored in 16 bits. */
const BYTES_A_NUMBER = 2;

/** Fits a head and measures it on the test rows, on the runtime that serves. */
export async function runHead({
  train,
  test,
  base: dir,
  threads,
  signal,
}: Pick<OurOptions, "train" | "test" | "base" | "threads" | "signal">): Promise<Outcome> {
  const start = performance.now();
  const base = await readBaseFolder(dir);
  const { configuration, pooling: own } = base.manifest;
  const pooling = own ?? "mean";
  const { examples } = await readDataFile(train);
  const labels = labelsOf(examples, "sequence");
  const maxLength = Math.min(MAX_LENGTH, maxLengthOf(configuration));
  const read = (rows: readonly Example[]): Feature[] =>
    featuresOf(rows, tokenizerOf(base), { type: "sequence", labels, maxLength });
  const statesOn = async (
    runtime: "serving" | "node",
    rows: readonly Feature[],
  ): Promise<FeatureRows> => {
    const loaded = await runtimesWith(threads).openBase(base, runtime);
    const options = { pooling, batchSize: EVALUATION_BATCH, signal };
    return pooledStates(loaded, emptyPrefix(configuration), rows, options).finally(() =>
      loaded.encoder.release(),
    );
  };
  const features = read(examples);
  const targets = targetsOf(features, PROBLEM, labels.length);
  const head = fitHead(await statesOn("node", features), targets, { numLabels: labels.length });
  const seconds = (performance.now() - start) / 1000;

  const logits = headLogits(await statesOn("serving", read(test)), head).map((row) => ({
    rows: [row],
  }));
  const decoder = {
    type: "sequence",
    problem_type: PROBLEM,
    labels,
    temperature: 1,
    thresholds: null,
    other: null,
  } as const;
  const evaluation = assess(decoder, test, logits);
  return {
    ...scored(evaluation),
    reported: null,
    seconds,
    bytes: BYTES_A_NUMBER * (head.weight.length + head.bias.length),
    settings: { head: "logistic regression", pooling, max_length: maxLength },
  };
}
