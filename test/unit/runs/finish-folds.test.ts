/** A task that was measured by cross-validation says so in everything that is written of it. */
import { expect, test } from "vitest";
import { metricLines } from "../../../scripts/cli/metric-lines.ts";
import { openBase } from "../../../scripts/base/open-base.ts";
import { finishTask } from "../../../src/learn/task/finish.ts";
import { EMPTY_SPEC } from "../../../src/learn/task/spec.ts";
import { UNMEASURED, packTask } from "../../../src/learn/task/packed-task.ts";
import type { TaskFacts } from "../../../src/learn/task/packed-task.ts";
import { CLASSIFIER_BIAS, CLASSIFIER_WEIGHT } from "../../../src/core/model/shapes.ts";
import { float32 } from "../../../src/core/model/tensor.ts";
import { foldsName } from "../../../src/learn/data/folds.ts";
import { crossValidated } from "../../../src/learn/measure/cross-validation.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";
import { NODE_HOST } from "../../../scripts/runs/task/host.ts";

const FACTS: TaskFacts = {
  task: "mood",
  type: "sequence",
  problem_type: "single_label_classification",
  labels: ["down", "up"],
  num_virtual_tokens: 0,
  position_offset: 0,
  pooling: "mean",
  max_length: 32,
  ...UNMEASURED,
  created: "2026-11-23T22:43:16.887Z",
};

test("a finished task holds how its rows were held out, beside score and interval", async () => {
  const base = await makeTinyBase({ dtype: "int8", seed: 1 });
  const serving = await openBase(base, "web");
  const hidden = base.manifest.configuration.hidden_size;
  const head = new Map([
    [CLASSIFIER_WEIGHT, float32([2, hidden], new Float32Array(2 * hidden))],
    [CLASSIFIER_BIAS, float32([2], new Float32Array(2))],
  ]);
  const train = Array.from({ length: 9 }, (_, n) => ({
    text: `text ${n}`,
    labels: [FACTS.labels[n % 2]!],
    words: [],
  }));
  // Seven of eight are right, and the last row was never held out.
  const held = train.slice(0, 8).map((_, row) => ({
    row,
    fold: row % 4,
    answer: { rows: [Float32Array.of(0, (row % 2 === 1) === row > 0 ? 3 : -3)] },
  }));
  const divided = [0, 1, 2, 3].map((fold) => ({
    train: [...train.keys()].filter((row) => row === 8 || row % 4 !== fold),
    held: [fold, fold + 4],
    of: 4,
    alone: 1,
  }));
  const prepared = {
    evaluation: [],
    evaluationName: foldsName(4, "moods.csv"),
    evaluationFiles: [],
  };
  const folds = crossValidated(train, divided, held, { isWhole: true });
  const first = await packTask(FACTS, base.manifest, head, "float16", NODE_HOST.sha256);
  const options = { ...NODE_HOST, facts: FACTS, prepared, spec: EMPTY_SPEC, serving };
  const { packed, evaluation, crossValidation } = await finishTask(first, folds, options);
  await serving.encoder.release();

  const { score } = evaluation;
  expect(packed.task.manifest.metrics).toMatchObject({
    dataset: "moods.csv, cross-validated in 4 folds",
    rows: 8,
    accuracy: score.value,
    interval: { low: score.low, high: score.high },
    cross_validation: { folds: 4, rows: 8, rows_never_held_out: 1, trained_anew: "all" },
  });
  expect(metricLines(evaluation, { temperature: 1, crossValidation })[0]).toMatch(
    /^8 rows, cross-validated in 4 folds, 1 more always train · accuracy/,
  );
});
