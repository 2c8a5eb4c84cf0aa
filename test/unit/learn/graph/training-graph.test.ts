/**
 * The training graph over a tiny encoder: its gradients against central differences of the whole
 * model in float64, its logits against the serving graph plus core/head, its inputs.
 */
import { describe, expect, test } from "vitest";
import { countDeltas } from "../../../../src/encoder/forms/deltas.ts";
import type { Architecture } from "../../../../src/encoder/families/architecture.ts";
import { buildServingGraph } from "../../../../src/encoder/forms/serving.ts";
import { encodeModel } from "../../../../src/graph/encoding/model.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import {
  HEAD_DROPOUT,
  PREFIX_DROPOUT,
  dropoutMask,
  headDropoutDims,
  prefixDropoutDims,
} from "../../../../src/learn/graph/dropout.ts";
import {
  LOGITS,
  LOSS,
  SHAPES,
  buildTrainingGraph,
} from "../../../../src/learn/graph/training-graph.ts";
import { IGNORED_LABEL, LABELS, TAUGHT } from "../../../../src/learn/graph/loss.ts";
import { hasVirtualTokens, partsOf } from "../../../../src/learn/methods.ts";
import type { Method } from "../../../../src/learn/methods.ts";
import { parametersOf } from "../../../../src/learn/graph/parameters.ts";
import type { Target } from "../../../../src/learn/graph/parameters.ts";
import type {
  TrainingGraph,
  TrainingGraphOptions,
} from "../../../../src/learn/graph/training-graph.ts";
import { keyOf, uniforms } from "../../../../src/learn/random.ts";
import { collateTokens } from "../../../../src/core/model/collate.ts";
import { collate } from "../../../../src/engine/ort/feeds.ts";
import { linear, pool, tokenLogits } from "../../../../src/core/model/head.ts";
import type { Pooling } from "../../../../src/core/model/head.ts";
import { unpackPrefix } from "../../../../src/core/model/prefix.ts";
import {
  BIAS_DELTAS,
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  INPUT_IDS,
  LAST_HIDDEN_STATE,
  LAYER_WEIGHTS,
  POOLER_BIAS,
  POOLER_WEIGHT,
  PROMPT_EMBEDDINGS,
  SHAPE_WEIGHT,
  gradOf,
  sizeOf,
} from "../../../../src/core/model/shapes.ts";
import { float32, int64, toFloat32 } from "../../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../../src/core/model/tensor.ts";
import { WORD_SHAPES } from "../../../../src/core/model/word-shapes.ts";
import { inTable, slopesOf } from "../../../support/central-differences.ts";
import { tinyEncoder } from "../../../support/tiny-encoder.ts";

const random = uniforms(keyOf(7));
const encoder = tinyEncoder(random);
const [C, P, H] = [3, 2, 8];
const WIDTH = 2 * 2 * 8; // 2*L*N*D
const SHAPE = {
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  head_dim: 4,
  first_position: 0,
  pad_token_id: 0,
  num_bias_deltas: countDeltas(encoder.architecture, encoder.config),
};
const ROWS = [
  { ids: Int32Array.of(1, 5, 7, 2), typeIds: Int32Array.of(0, 0, 1, 1), positionOffset: 0 },
  { ids: Int32Array.of(3, 9), typeIds: Int32Array.of(0, 0), positionOffset: 0 },
];

const uniform = (...dims: number[]): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => 2 * random() - 1),
  );

const PARAMS: Record<string, Tensor> = {
  [PROMPT_EMBEDDINGS]: uniform(P, WIDTH),
  [CLASSIFIER_WEIGHT]: uniform(C, H),
  [CLASSIFIER_BIAS]: uniform(C),
};

type Options = Partial<TrainingGraphOptions> & {
  readonly pooling: Pooling;
  readonly method?: Method;
};

const targetOf = ({ pooling, method = "prefix", readsWords = false }: Options): Target => ({
  readsWords,
  parts: partsOf(method),
  pooling,
  numLabels: C,
  numVirtualTokens: hasVirtualTokens(method) ? P : 0,
});

function build(options: Options): TrainingGraph {
  return buildTrainingGraph({ ...encoder, ...targetOf(options), ...options });
}

/** Values for everything that the method trains: stored weights as they are, the rest random. */
const paramsFor = (options: Options): Record<string, Tensor> =>
  Object.fromEntries(
    parametersOf(targetOf(options), encoder).map(({ name, dims }) => [
      name,
      PARAMS[name] ?? encoder.weights.get(name) ?? encoder.pooler.get(name) ?? uniform(...dims),
    ]),
  );

/** The word shapes of ROWS, nothing for special tokens and padding. */
const ROW_SHAPES = [
  [-1, 0, 1, -1],
  [3, 1, -1, -1],
];

const oneHotShapes = (): Float32Array =>
  Float32Array.from(
    ROW_SHAPES.flat().flatMap((shape) => WORD_SHAPES.map((_, s) => (s === shape ? 1 : 0))),
  );

function feedsFor(options: Options): Record<string, Tensor> {
  const { pooling, problemType } = options;
  const queries = pooling === "none" || pooling === "mean" ? "all" : "first";
  const lengths = ROWS.map(() => targetOf(options).numVirtualTokens);
  const { feeds } = collateTokens(ROWS, lengths, SHAPE, queries);
  const labels = (): Tensor => {
    if (options.softTruth) return float32([2, C], Float32Array.of(0.7, 0.1, 0.2, 0, 0.5, 0));
    if (problemType === "multi_label_classification") {
      return float32([2, C], Float32Array.of(1, 0, 1, 0, 0, 1));
    }
    if (problemType === "regression") return float32([2, C], Float32Array.of(1, -2, 0, 0.5, 3, 1));
    if (pooling !== "none") return int64([2], [2, 0]);
    return int64([2, 4], [1, IGNORED_LABEL, 0, 2, 1, 2, IGNORED_LABEL, IGNORED_LABEL]);
  };
  const shapes = { [SHAPES]: float32([2, 4, WORD_SHAPES.length], oneHotShapes()) };
  return {
    ...feeds,
    [LABELS]: labels(),
    ...(typeof options.softTruth?.temperature === "number" && {
      [TAUGHT]: float32([2, C], Float32Array.of(0, 0, 0, 0.3, 1.1, 0.6)),
    }),
    ...(options.readsWords && shapes),
    ...paramsFor(options),
  };
}

const run = async ({ graph }: TrainingGraph, feeds: Record<string, Tensor>) => {
  const session = await createNodeSession({ graph: encodeModel(graph), weights: new Map() });
  const outputs = await session.run(feeds);
  await session.release();
  return (name: string): Float32Array => toFloat32(outputs[name]!);
};

/** Largest absolute difference; infinite when the lengths differ. */
function difference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Infinity;
  return Math.max(...Array.from(found, (value, i) => Math.abs(value - expected[i]!)));
}

const CASES: readonly Options[] = [
  { pooling: "pooler" },
  { pooling: "cls" },
  { pooling: "mean" },
  { pooling: "none" },
  { pooling: "cls", problemType: "multi_label_classification" },
  { pooling: "mean", softTruth: { temperature: null } },
  { pooling: "cls", softTruth: { temperature: 2 } },
  { pooling: "mean", problemType: "regression" },
  { pooling: "cls", method: "linear" },
  { pooling: "mean", method: "prefix-projection" },
  { pooling: "cls", method: "prompt" },
  { pooling: "none", method: "prompt" },
  { pooling: "none", method: "bias" },
  { pooling: "cls", method: "prefix-bias" },
  { pooling: "pooler", method: "full" },
  { pooling: "none", method: "full" },
  { pooling: "none", readsWords: true },
];
const named = CASES.map(
  (options) =>
    [
      `${options.method ?? "prefix"}, ${options.pooling}, ${options.problemType ?? "single label"}${options.readsWords ? ", word shapes" : ""}${options.softTruth ? `, shares, temperature ${options.softTruth.temperature}` : ""}`,
      options,
    ] as const,
);

describe("the whole model's gradients agree with central differences in float64", () => {
  test.each(named)("%s", async (_name, options) => {
    const training = build(options);
    const feeds = feedsFor(options);
    const read = await run(training, feeds);
    const slopes = slopesOf(training.graph, LOSS, feeds);
    expect(read(LOSS)[0]).toBeCloseTo(slopes.loss, 5);
    for (const target of training.targets) {
      const given = read(gradOf(target));
      const isTable = target === encoder.architecture.wordTable;
      const found = isTable ? inTable(feeds[INPUT_IDS]!, given, [encoder.config.vocab, H]) : given;
      // Each difference costs two runs of the model: some hundred in all.
      const every = Math.ceil((found.length * training.targets.length) / 60);
      const picked = Array.from(found.keys()).filter((i) => i % every === every >> 1);
      expect(
        difference(
          picked.map((i) => found[i]!),
          picked.map((i) => slopes.of(target, i)),
        ),
      ).toBeLessThan(2e-6);
    }
  });
});

describe("the training graph's logits are those of the serving graph and core/head", () => {
  const cases = ["pooler", "cls", "mean", "none"] as const;
  test.each(
    cases.flatMap((pooling) =>
      (["prefix", "prefix-bias"] as const).map((method) => [method, pooling] as const),
    ),
  )("%s, %s", async (method, pooling) => {
    const feeds = feedsFor({ pooling, method });
    const read = await run(build({ pooling, method }), feeds);
    const architecture: Architecture = encoder.architecture;
    const serving = buildServingGraph(architecture, encoder.config, encoder.weights);
    const session = await createNodeSession({ graph: encodeModel(serving), weights: new Map() });
    const prefix = unpackPrefix(toFloat32(PARAMS[PROMPT_EMBEDDINGS]!), [P, WIDTH], SHAPE, "test");
    const deltas =
      method === "prefix"
        ? null
        : {
            biasDeltas: toFloat32(feeds[BIAS_DELTAS]!),
            layerWeights: toFloat32(feeds[LAYER_WEIGHTS]!),
          };
    const rows = ROWS.map((row) => ({ ...row, prefix: { ...prefix, deltas } }));
    const hidden = toFloat32((await session.run(collate(rows, SHAPE, "all")))[LAST_HIDDEN_STATE]!);
    await session.release();

    const weights = (name: string): Float32Array =>
      toFloat32((PARAMS[name] ?? encoder.pooler.get(name))!);
    const head = { weight: weights(CLASSIFIER_WEIGHT), bias: weights(CLASSIFIER_BIAS) };
    const pooler = { weight: weights(POOLER_WEIGHT), bias: weights(POOLER_BIAS) };
    const logitsOf = (states: Float32Array, length: number): number[] =>
      pooling === "none"
        ? tokenLogits(states, length, H, head).flatMap((row) => [...row])
        : [...linear(pool(states, length, H, pooling, pooler), head.weight, head.bias)];
    const logits = read(LOGITS);
    for (const [b, { ids }] of ROWS.entries()) {
      const expected = logitsOf(hidden.subarray(b * 4 * H, (b + 1) * 4 * H), ids.length);
      const start = (b * logits.length) / ROWS.length;
      const found = logits.subarray(start, start + expected.length);
      expect(difference(found, expected)).toBeLessThan(1e-5);
    }
  });
});

test("word shapes add their column of the head's weights to the logits, special tokens nothing", async () => {
  const options: Options = { pooling: "none", readsWords: true };
  const feeds = feedsFor(options);
  const [plain, shaped] = [
    await run(build({ pooling: "none" }), feedsFor({ pooling: "none" })),
    await run(build(options), feeds),
  ];
  const weight = toFloat32(feeds[SHAPE_WEIGHT]!);
  const added = ROW_SHAPES.flat().flatMap((shape) =>
    Array.from({ length: C }, (_, c) => (shape < 0 ? 0 : weight[c * WORD_SHAPES.length + shape]!)),
  );
  const found = shaped(LOGITS).map((logit, i) => logit - plain(LOGITS)[i]!);
  expect(difference(found, added)).toBeLessThan(1e-5);
});

describe("labels", () => {
  test("a batch in which every position is left out has loss 0 and gradient 0", async () => {
    const feeds = feedsFor({ pooling: "none" });
    const ignored = int64([2, 4], Array<number>(8).fill(IGNORED_LABEL));
    const read = await run(build({ pooling: "none" }), { ...feeds, [LABELS]: ignored });
    expect(read(LOSS)[0]).toBeCloseTo(0, 12);
    expect(Math.max(...read(gradOf(PROMPT_EMBEDDINGS)).map(Math.abs))).toBe(0);
  });

  test("the loss is the mean over the positions that count", async () => {
    const feeds = feedsFor({ pooling: "none" });
    const training = build({ pooling: "none" });
    const lossOf = async (labels: number[]): Promise<number> =>
      (await run(training, { ...feeds, [LABELS]: int64([2, 4], labels) }))(LOSS)[0]!;
    const none = IGNORED_LABEL;
    const first = await lossOf([1, none, none, none, none, none, none, none]);
    const second = await lossOf([none, none, none, none, none, 2, none, none]);
    const both = await lossOf([1, none, none, none, none, 2, none, none]);
    expect(both).toBeCloseTo((first + second) / 2, 6);
  });
});

test("shares of 1 give the loss and the gradients of the labels themselves", async () => {
  const hard = await run(build({ pooling: "cls" }), feedsFor({ pooling: "cls" }));
  const options = { pooling: "cls", softTruth: { temperature: null } } as const;
  const shares = float32([2, C], Float32Array.of(0, 0, 1, 1, 0, 0)); // labels 2 and 0
  const soft = await run(build(options), { ...feedsFor(options), [LABELS]: shares });
  expect(soft(LOSS)[0]).toBeCloseTo(hard(LOSS)[0]!, 6);
  const name = gradOf(PROMPT_EMBEDDINGS);
  expect(difference(soft(name), hard(name))).toBeLessThan(1e-6);
});

describe("dropout masks are inputs", () => {
  test("masks of ones change nothing", async () => {
    const plain = await run(build({ pooling: "mean" }), feedsFor({ pooling: "mean" }));
    const ones = (dims: readonly number[]): Tensor => dropoutMask(dims, 0, random);
    const read = await run(build({ pooling: "mean", prefixDropout: true, headDropout: true }), {
      ...feedsFor({ pooling: "mean" }),
      [PREFIX_DROPOUT]: ones(prefixDropoutDims(encoder.config, 2, P)),
      [HEAD_DROPOUT]: ones(headDropoutDims(encoder.config, 2)),
    });
    expect(difference(read(LOGITS), plain(LOGITS))).toBeLessThan(1e-6);
    expect(
      difference(read(gradOf(PROMPT_EMBEDDINGS)), plain(gradOf(PROMPT_EMBEDDINGS))),
    ).toBeLessThan(1e-6);
  });

  test("a virtual token that is dropped everywhere gets no gradient, the other one does", async () => {
    const dims = prefixDropoutDims(encoder.config, 2, P);
    const mask = Float32Array.from({ length: sizeOf(dims) }, (_, i) => i % P);
    const read = await run(build({ pooling: "cls", prefixDropout: true }), {
      ...feedsFor({ pooling: "cls" }),
      [PREFIX_DROPOUT]: float32(dims, mask),
    });
    const grad = read(gradOf(PROMPT_EMBEDDINGS));
    expect(Math.max(...grad.subarray(0, WIDTH).map(Math.abs))).toBe(0);
    expect(Math.max(...grad.subarray(WIDTH).map(Math.abs))).toBeGreaterThan(0);
  });

  test("keep their mean: dropped numbers are 0, the rest grow", () => {
    const { data } = dropoutMask([100, 100], 0.2, random);
    expect(new Set(data)).toEqual(new Set([0, Math.fround(1.25)]));
    expect(data.reduce((sum, value) => sum + value, 0) / data.length).toBeCloseTo(1, 1);
  });
});

describe("combinations", () => {
  test("without a prefix only the head is trained, and no node walks the encoder backwards", () => {
    const { graph, targets } = build({ pooling: "cls", method: "linear" });
    expect(targets).toEqual([CLASSIFIER_WEIGHT, CLASSIFIER_BIAS]);
    const products = graph.nodes.filter(({ op }) => op === "FusedMatMul");
    expect(products).toHaveLength(2); // the head's forward product and the gradient of its weight
    expect(graph.inputs.map(({ name }) => name)).not.toContain(PROMPT_EMBEDDINGS);
  });

  test("pooling by a pooler that the base lacks is refused", () => {
    expect(() => build({ pooling: "pooler", pooler: null })).toThrow(
      /the base has no pooler\.dense\.weight/,
    );
  });

  test("token classification has single labels only", () => {
    expect(() => build({ pooling: "none", problemType: "regression" })).toThrow(
      /allowed is single_label_classification/,
    );
  });
});
