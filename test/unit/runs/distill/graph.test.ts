/**
 * The distillation graph over a tiny encoder: its loss against the definition written out over the
 * student's own hidden states, its gradients against central differences of the whole model in
 * float64.
 */
import { describe, expect, test } from "vitest";
import { encodeModel } from "../../../../src/graph/encoding/model.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import {
  HIDDEN,
  LOSS,
  STUDENT_POOL,
  STUDENT_UNITS,
  TEACHER_POOL,
  TEACHER_UNITS,
  UNIT_SHARES,
  buildDistillGraph,
  buildStudentGraph,
} from "../../../../scripts/runs/distill/graph.ts";
import { weightParameters } from "../../../../src/learn/graph/parameters.ts";
import { keyOf, uniforms } from "../../../../src/learn/random.ts";
import { collateTokens } from "../../../../src/core/model/collate.ts";
import { INPUT_IDS, gradOf } from "../../../../src/core/model/shapes.ts";
import { float32, toFloat32 } from "../../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import { inTable, slopesOf } from "../../../support/central-differences.ts";
import { tinyEncoder } from "../../../support/tiny-encoder.ts";

const random = uniforms(keyOf(11));
const encoder = { ...tinyEncoder(random) };
const H = 8;
const trained = weightParameters(encoder.weights);
const ROWS = [
  { ids: Int32Array.of(1, 5, 7, 2), typeIds: new Int32Array(4), positionOffset: 0 },
  { ids: Int32Array.of(1, 9, 2), typeIds: new Int32Array(3), positionOffset: 0 },
];
/** Stretches of the tokens: the first text has two tokens in one, the second one for each. */
const UNITS = [
  [0, 1, 1, 2],
  [0, 1, 2],
];
const POOL_WEIGHT = 0.7;

const unitRows = (count: number): Float32Array => {
  const rows = Float32Array.from({ length: count * H }, () => 2 * random() - 1);
  for (let row = 0; row < count; row++) {
    const own = rows.subarray(row * H, (row + 1) * H);
    const length = Math.hypot(...own);
    own.forEach((value, i) => (own[i] = value / length));
  }
  return rows;
};

const studentUnits = new Float32Array(2 * 3 * 4);
for (const [b, units] of UNITS.entries()) {
  for (const [t, unit] of units.entries()) {
    studentUnits[(b * 3 + unit) * 4 + t] = 1 / units.filter((other) => other === unit).length;
  }
}
const feeds: Record<string, Tensor> = {
  ...collateTokens(ROWS, [0, 0], { first_position: 0, pad_token_id: 0 }, "all").feeds,
  ...Object.fromEntries(trained.map(({ name }) => [name, encoder.weights.get(name)!])),
  [STUDENT_UNITS]: float32([2, 3, 4], studentUnits),
  [TEACHER_UNITS]: float32([2, 3, H], unitRows(6)),
  [UNIT_SHARES]: float32([2, 3], new Float32Array(6).fill(1 / 6)),
  [STUDENT_POOL]: float32(
    [2, 1, 4],
    Float32Array.of(0.25, 0.25, 0.25, 0.25, 1 / 3, 1 / 3, 1 / 3, 0),
  ),
  [TEACHER_POOL]: float32([2, 1, H], unitRows(2)),
};
const graph = buildDistillGraph({ encoder, trained, poolWeight: POOL_WEIGHT });

const run = async (
  built: ReturnType<typeof buildDistillGraph>,
): Promise<(name: string) => Float32Array> => {
  const session = await createNodeSession({ graph: encodeModel(built), weights: new Map() });
  const known = new Set(session.inputs);
  const outputs = await session.run(
    Object.fromEntries(Object.entries(feeds).filter(([name]) => known.has(name))),
  );
  await session.release();
  return (name) => toFloat32(outputs[name]!);
};

/** 1 - cos of the mean of some rows of `states` and a row of length 1. */
function distance(states: Float32Array, rows: readonly number[], target: Float32Array): number {
  const mean = Array.from(
    { length: H },
    (_, h) => rows.reduce((sum, row) => sum + states[row * H + h]!, 0) / rows.length,
  );
  return 1 - mean.reduce((sum, value, h) => sum + value * target[h]!, 0) / Math.hypot(...mean);
}

describe("the loss", () => {
  test("is the mean distance of stretches plus the weighted one of mean-pooled texts", async () => {
    const states = (await run(buildStudentGraph(encoder, trained)))(HIDDEN);
    const targets = toFloat32(feeds[TEACHER_UNITS]!);
    const pools = toFloat32(feeds[TEACHER_POOL]!);
    let expected = 0;
    for (const [b, units] of UNITS.entries()) {
      const own = states.subarray(b * 4 * H);
      for (const unit of new Set(units)) {
        const rows = [...units.keys()].filter((t) => units[t] === unit);
        expected += distance(own, rows, targets.subarray((b * 3 + unit) * H)) / 6;
      }
      const all = distance(own, [...units.keys()], pools.subarray(b * H, (b + 1) * H));
      expected += (POOL_WEIGHT * all) / 2;
    }
    expect((await run(graph))(LOSS)[0]).toBeCloseTo(expected, 5);
  });

  test("is 0 for a student that is its teacher", async () => {
    const states = (await run(buildStudentGraph(encoder, trained)))(HIDDEN);
    const own = new Float32Array(6 * H);
    for (const [b, units] of UNITS.entries()) {
      for (let unit = 0; unit < 3; unit++) {
        const rows = [...units.keys()].filter((t) => units[t] === unit);
        const mean = Array.from({ length: H }, (_, h) =>
          rows.reduce((sum, t) => sum + states[(b * 4 + t) * H + h]!, 0),
        );
        own.set(
          mean.map((value) => value / Math.hypot(...mean)),
          (b * 3 + unit) * H,
        );
      }
    }
    const before = feeds[TEACHER_UNITS]!;
    feeds[TEACHER_UNITS] = float32([2, 3, H], own);
    const tokensOnly = buildDistillGraph({ encoder, trained, poolWeight: 0 });
    const loss = (await run(tokensOnly))(LOSS)[0]!;
    feeds[TEACHER_UNITS] = before;
    expect(Math.abs(loss)).toBeLessThan(1e-6);
  });
});

describe("gradients", () => {
  test("agree with central differences in float64 for every trained weight", async () => {
    const read = await run(graph);
    const slopes = slopesOf(graph, LOSS, feeds);
    let steepest = 0;
    for (const { name, dims } of trained) {
      const given = read(gradOf(name));
      const isTable = name === encoder.architecture.wordTable;
      const found = isTable ? inTable(feeds[INPUT_IDS]!, given, [dims[0]!, H]) : given;
      // Each difference costs two runs of the model: the steepest element of each tensor.
      const i = found.reduce((top, x, at) => (Math.abs(x) > Math.abs(found[top]!) ? at : top), 0);
      const slope = slopes.of(name, i);
      expect(Math.abs(found[i]! - slope), `${name}[${i}]`).toBeLessThan(2e-6);
      steepest = Math.max(steepest, Math.abs(slope));
    }
    expect(steepest).toBeGreaterThan(1e-3);
  });
});
