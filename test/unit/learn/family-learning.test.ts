/**
 * What every family must be able to do beside answering: learn a task through the 8-bit layers that
 * serve, lose a layer, and learn its teacher's states again. Gradients are held against central
 * differences in graph/family-gradients.test.ts, both engines against float32 in
 * engine/simd/parity.test.ts.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { shrinkBase } from "../../../scripts/base/shrink.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import {
  STUDENT_UNITS,
  TEACHER_UNITS,
  UNIT_SHARES,
  buildDistillGraph,
} from "../../../scripts/runs/distill/graph.ts";
import { collateTokens } from "../../../src/core/model/collate.ts";
import { INPUT_IDS, gradOf } from "../../../src/core/model/shapes.ts";
import { float32, int64, toFloat32 } from "../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import { baseConfig, baseFloatWeights } from "../../../src/encoder/base.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { ARCHITECTURES } from "../../../src/encoder/families/families.ts";
import type { Session } from "../../../src/engine/session.ts";
import { packGraph } from "../../../src/graph/encoding/pack.ts";
import { LABELS } from "../../../src/learn/graph/loss.ts";
import { parametersOf, weightParameters } from "../../../src/learn/graph/parameters.ts";
import type { Arrays } from "../../../src/learn/graph/parameters.ts";
import { LOSS, buildTrainingGraph } from "../../../src/learn/graph/training-graph.ts";
import { graphWeights } from "../../../src/learn/graph/weights.ts";
import { adamw, applyUpdates } from "../../../src/learn/loop/optim.ts";
import { partsOf } from "../../../src/learn/methods.ts";
import { derive, keyOf } from "../../../src/learn/random.ts";
import { hiddenStates, meanCosine, withSession } from "../../support/encode.ts";
import { inTable } from "../../support/central-differences.ts";
import { FAMILY_CONFIGS } from "../../support/family-bases.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

/** Texts whose label is whether word 50 stands in them, anywhere. */
const TEXTS: readonly (readonly [ids: readonly number[], label: number])[] = [
  [[2, 50, 71, 90, 3], 1],
  [[2, 71, 90, 120, 3], 0],
  [[2, 130, 88, 50, 64, 3], 1],
  [[2, 64, 88, 130, 3], 0],
  [[2, 99, 50, 3], 1],
  [[2, 99, 101, 77, 3], 0],
];
const ROWS = TEXTS.map(([ids]) => ({
  ids: Int32Array.from(ids),
  typeIds: new Int32Array(ids.length),
  positionOffset: 0,
}));

/** The losses of so many steps of AdamW. */
async function losses(
  session: Session,
  start: Arrays,
  steps: number,
  feedsOf: (params: Arrays) => Readonly<Record<string, Tensor>>,
  gradient: (name: string, found: Float32Array) => Float32Array = (_, found) => found,
): Promise<number[]> {
  const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
  const optimizer = adamw({ ...settings, learningRate: 0.02 });
  let params = start;
  let state = optimizer.init(params);
  const found: number[] = [];
  for (let step = 0; step < steps; step++) {
    const outputs = await session.run(feedsOf(params));
    found.push(toFloat32(outputs[LOSS]!)[0]!);
    const grads = Object.keys(params).map((name) => [
      name,
      gradient(name, toFloat32(outputs[gradOf(name)]!)),
    ]);
    const next = optimizer.update(Object.fromEntries(grads) as Arrays, state, params);
    state = next.state;
    params = applyUpdates(params, next.updates);
  }
  return found;
}

test("every family is among the tiny bases", () => {
  const types = Object.values(FAMILY_CONFIGS).map((config) => config["model_type"] ?? "bert");
  expect([...new Set(types)].toSorted()).toEqual(Object.keys(ARCHITECTURES).toSorted());
});

const FAMILIES = Object.keys(ARCHITECTURES);

describe.each(FAMILIES)("%s", (family) => {
  let base: Base;
  let smaller: Base;
  beforeAll(async () => {
    base = await makeTinyBase({ dtype: "int8", seed: 4, config: FAMILY_CONFIGS[family]! });
    smaller = await shrinkBase(base, {
      name: "smaller",
      layers: [0],
      ids: null,
      dtype: "fp32",
      openSession: createNodeSession,
      created: new Date(0),
    });
  });

  test("learns a toy task by a prefix, through layers in 8 bits", async () => {
    const { architecture, config } = baseConfig(base);
    const encoder = { architecture, config, weights: baseFloatWeights(base), pooler: null };
    const target = {
      parts: partsOf("prefix"),
      pooling: "mean",
      numLabels: 2,
      numVirtualTokens: 4,
    } as const;
    const computed = await graphWeights(base, "int16", createNodeSession);
    const { graph } = buildTrainingGraph({ ...encoder, ...target, computed });
    const parameters = parametersOf(target, encoder);
    const start = parameters.map(({ name, start }) => [name, start(derive(keyOf(6), name))]);
    const session = await createNodeSession(packGraph(graph));
    const lengths = ROWS.map(() => target.numVirtualTokens);
    const fixed = {
      ...collateTokens(ROWS, lengths, base.manifest.configuration, "all").feeds,
      [LABELS]: int64(
        [TEXTS.length],
        TEXTS.map(([, label]) => label),
      ),
    };
    const found = await losses(session, Object.fromEntries(start) as Arrays, 25, (params) => ({
      ...fixed,
      ...Object.fromEntries(
        parameters.map(({ name, dims }) => [name, float32(dims, params[name]!)]),
      ),
    }));
    await session.release();
    expect(found[0]).toBeGreaterThan(0.5);
    expect(found.at(-1)).toBeLessThan(0.3 * found[0]!);
  });

  test("loses a layer, and learns the larger base's states again", async () => {
    const { architecture, config } = baseConfig(smaller);
    expect(config.layers).toBe(1);
    const [hidden, width] = [config.hidden, Math.max(...ROWS.map(({ ids }) => ids.length))];
    const rows = ROWS.map(({ ids }) => ({ ids: [...ids] }));
    const teacher = await withSession(createNodeSession, base, (session) =>
      hiddenStates(base, session, rows),
    );
    const before = await withSession(createNodeSession, smaller, (session) =>
      hiddenStates(smaller, session, rows),
    );
    const all = (states: readonly Float32Array[]) =>
      Float32Array.from(states.flatMap((each) => [...each]));
    const cosine = meanCosine(all(before), all(teacher), hidden);

    // Each token is a stretch of its own.
    const B = ROWS.length;
    const [units, targets] = [B * width * width, B * width * hidden].map(
      (size) => new Float32Array(size),
    ) as [Float32Array, Float32Array];
    const shares = new Float32Array(B * width);
    const tokens = ROWS.reduce((sum, { ids }) => sum + ids.length, 0);
    for (const [b, { ids }] of ROWS.entries()) {
      for (const t of ids.keys()) {
        const row = teacher[b]!.subarray(t * hidden, (t + 1) * hidden);
        const length = Math.hypot(...row);
        units[(b * width + t) * width + t] = 1;
        shares[b * width + t] = 1 / tokens;
        targets.set(
          row.map((value) => value / length),
          (b * width + t) * hidden,
        );
      }
    }
    const weights = baseFloatWeights(smaller);
    const trained = weightParameters(weights);
    const encoder = { architecture, config, weights, pooler: null };
    const session = await createNodeSession(
      packGraph(buildDistillGraph({ encoder, trained, poolWeight: 0 })),
    );
    const none = ROWS.map(() => 0);
    const { feeds } = collateTokens(ROWS, none, smaller.manifest.configuration, "all");
    const fixed = {
      ...feeds,
      [STUDENT_UNITS]: float32([B, width, width], units),
      [TEACHER_UNITS]: float32([B, width, hidden], targets),
      [UNIT_SHARES]: float32([B, width], shares),
    };
    const start = trained.map(({ name }) => [name, toFloat32(weights.get(name)!)]);
    const found = await losses(
      session,
      Object.fromEntries(start) as Arrays,
      8,
      (params) => ({
        ...fixed,
        ...Object.fromEntries(
          trained.map(({ name, dims }) => [name, float32(dims, params[name]!)]),
        ),
      }),
      (name, found) => {
        if (name !== architecture.wordTable) return found;
        const [rows, columns] = weights.get(name)!.dims as [number, number];
        return inTable(feeds[INPUT_IDS]!, found, [rows, columns]);
      },
    );
    await session.release();
    // The loss begins as what the states say of themselves, then falls.
    expect(found[0]).toBeCloseTo(1 - cosine, 4);
    expect(found.at(-1)).toBeLessThan(0.8 * found[0]!);
  });
});
