/**
 * Training through the 8-bit linears that serve: the same answers as the graph that serves, and
 * gradients that point where those of float32 do. Thresholds carry the values that were measured.
 */
import { buildEncoder } from "../../../../src/encoder/layers/encoder.ts";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { vectorDifference } from "../../../../bench/golden/compare.ts";
import { findGolden, floats, readTensors } from "../../../../bench/golden/files.ts";
import { openStep } from "../../../../bench/golden/gradients.ts";
import type { GraphForm } from "../../../../src/encoder/layers/inputs.ts";
import { baseConfig, baseWeights } from "../../../../src/encoder/base.ts";
import type { Base } from "../../../../src/encoder/base.ts";
import { readCheckpoint } from "../../../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../../../scripts/base/convert.ts";
import { encoderInputs } from "../../../../src/encoder/forms/inputs.ts";
import { Graph } from "../../../../src/graph/graph.ts";
import { packGraph } from "../../../../src/graph/encoding/pack.ts";
import { multipliesSigned } from "../../../../src/graph/quantization/signed-products.ts";
import { createNodeSession } from "../../../../scripts/node/runtime-node.ts";
import { createWasmSession } from "../../../../src/engine/ort/wasm-sessions.ts";
import { graphWeights } from "../../../../src/learn/graph/weights.ts";
import { hasVirtualTokens, partsOf } from "../../../../src/learn/methods.ts";
import type { Method } from "../../../../src/learn/methods.ts";
import { initialParams } from "../../../../src/learn/graph/parameters.ts";
import { keyOf, uniforms } from "../../../../src/learn/random.ts";
import { encoderOf, openTrainingSession } from "../../../../src/learn/loop/step.ts";
import { chooseTrainGraph } from "../../../../src/learn/graph/choice.ts";
import type { TrainGraph } from "../../../../src/learn/graph/choice.ts";
import type { Pooling } from "../../../../src/core/model/head.ts";
import { LAST_HIDDEN_STATE, gradOf } from "../../../../src/core/model/shapes.ts";
import { float32, toFloat32 } from "../../../../src/core/model/tensor.ts";
import type { GraphFiles, Session } from "../../../../src/engine/session.ts";
import { hiddenStates, maxDifference, meanCosine, randomPrefix } from "../../../support/encode.ts";
import { shared } from "../../../support/shared.ts";
import { makeTinyBase } from "../../../support/tiny-base.ts";

const CHECKPOINT = shared("models", "all-MiniLM-L6-v2");
const GOLDEN = shared("golden", "minilm");

let tiny: Base;
let minilm: Base | undefined;
beforeAll(async () => {
  tiny = await makeTinyBase({ dtype: "int8", seed: 5 });
  if (CHECKPOINT === undefined) return;
  minilm = await importCheckpoint(await readCheckpoint(CHECKPOINT, "MiniLM"), {
    name: "golden",
    dtype: "int8",
    created: new Date(),
    openSession: createNodeSession,
  });
}, 120_000);

const bases: readonly (readonly [name: string, get: () => Base | undefined])[] = [
  ["a tiny random base", () => tiny],
  ["MiniLM", () => minilm],
];

/** The encoder alone, in the form that a training graph gives it. */
function encoderFiles(base: Base, form: GraphForm): GraphFiles {
  const { config } = baseConfig(base);
  const g = new Graph();
  const inputs = encoderInputs(g, config);
  const { lastHiddenState } = buildEncoder(g, config.encoder, baseWeights(base), inputs, form);
  g.output(lastHiddenState, LAST_HIDDEN_STATE);
  return packGraph(g);
}

/** Hidden states of three texts of random ids, two of them with a prefix. */
async function states(base: Base, files: GraphFiles): Promise<Float32Array> {
  const random = uniforms(keyOf(3));
  const rows = [31, 9, 18].map((length, i) => ({
    ids: Array.from({ length }, () =>
      Math.floor(random() * base.manifest.configuration.vocab_size),
    ),
    ...(i > 0 && { prefix: randomPrefix(base, 4 * i, i) }),
  }));
  const session = await createNodeSession(files);
  const answers = await hiddenStates(base, session, rows);
  await session.release();
  return Float32Array.from(answers.flatMap((row) => [...row]));
}

describe.each(bases)("on %s", (name, get) => {
  const isAbsent = name === "MiniLM" && CHECKPOINT === undefined;

  test.skipIf(isAbsent)("the forward pass is that of the graph that serves", async () => {
    const base = get()!;
    const { form } = await graphWeights(base, "int8", createNodeSession);
    const served = await states(base, base.graphFiles);
    const trained = await states(base, encoderFiles(base, form));
    const { hidden_size: width } = base.manifest.configuration;
    expect(meanCosine(trained, served, width)).toBeGreaterThan(0.998);
  });

  test.skipIf(isAbsent)(
    "signed weights give the bits that unsigned ones give, where the CPU multiplies them exactly",
    async ({ skip }) => {
      if (!(await multipliesSigned(createNodeSession))) skip("this CPU saturates");
      const base = get()!;
      const [signed, unsigned] = await Promise.all(
        [true, false].map((hasSignedWeights) =>
          states(base, encoderFiles(base, { isTrained: true, hasSignedWeights })),
        ),
      );
      expect(maxDifference(signed!, unsigned!)).toBe(0);
    },
  );
});

interface Problem {
  readonly method: Method;
  readonly pooling: Pooling;
}

/** Loss and gradients of one batch of the tiny base. */
async function gradientsOf({ method, pooling }: Problem, trainGraph: TrainGraph) {
  const numVirtualTokens = hasVirtualTokens(method) ? 5 : 0;
  const session = await openTrainingSession(
    encoderOf(tiny),
    tiny.manifest,
    {
      target: { parts: partsOf(method), pooling, numLabels: 3, numVirtualTokens },
      problemType: "single_label_classification",
      prefixDropout: 0,
      computed: await graphWeights(tiny, trainGraph, createNodeSession),
    },
    createNodeSession,
  );
  const random = uniforms(keyOf(8));
  const batch = [12, 30, 7, 21].map((length) => ({
    ids: Int32Array.from({ length }, () =>
      Math.floor(random() * tiny.manifest.configuration.vocab_size),
    ),
    typeIds: new Int32Array(length),
    labels: Int32Array.from({ length: pooling === "none" ? length : 1 }, () =>
      Math.floor(random() * 3),
    ),
    firstPieces: new Int32Array(0),
  }));
  const params = initialParams(session.parameters, keyOf(2));
  const result = await session.step(batch, params, keyOf(4));
  await session.release();
  return result;
}

const cosine = (a: Float32Array, b: Float32Array): number => vectorDifference(a, b).cosine;

describe("gradients through 8-bit linears point where those of float32 do", () => {
  // Lowest cosine of any trained tensor, measured: .99977 (the input embeddings of `prompt`, which
  // all layers lie above) to .99995.
  test.each([
    ["prefix", "pooler"],
    ["prefix", "cls"],
    ["prefix", "mean"],
    ["prefix", "none"],
    ["prefix-projection", "mean"],
    ["prompt", "mean"],
    ["bias", "mean"],
    ["prefix-bias", "none"],
    ["linear", "cls"],
  ] as const)("%s, %s", async (method, pooling) => {
    const [int8, fp32] = [
      await gradientsOf({ method, pooling }, "int8"),
      await gradientsOf({ method, pooling }, "fp32"),
    ];
    expect(int8.loss).toBeCloseTo(fp32.loss, 2);
    const cosines = Object.entries(fp32.grads).map(([name, grad]) =>
      cosine(int8.grads[name]!, grad),
    );
    expect(Math.min(...cosines)).toBeGreaterThan(0.999);
  });

  test.skipIf(GOLDEN === undefined || CHECKPOINT === undefined)(
    "MiniLM's prefix, against PyTorch's float32 gradients",
    async () => {
      const [set] = (await findGolden(GOLDEN!)).sets;
      const computed = await graphWeights(minilm!, "int8", createNodeSession);
      for (const name of set!.grads) {
        const golden = await readTensors(join(set!.dir, `grad-${name}.safetensors`));
        const step = await openStep(minilm!, golden.at, computed);
        const { grads } = await step.run(step.start);
        await step.session.release();
        for (const [target, grad] of Object.entries(grads)) {
          // Measured: .9981 (prefix, tokens), .9991 (prefix, sequences), head .9991 and more. The
          // rounding of the weights is in it, too.
          expect(cosine(grad, floats(golden.at(gradOf(target))))).toBeGreaterThan(0.995);
        }
      }
    },
  );
});

describe("whether signed weights may be used", () => {
  test("is asked of the runtime itself: wasm multiplies them exactly", async () => {
    expect(await multipliesSigned(createWasmSession)).toBe(true);
  });

  test("is no where instructions add pairs of products in 16 bits", async () => {
    // What such a CPU answers: 128 pairs of 255 * 127, each cut off.
    const saturating = async (files: GraphFiles): Promise<Session> => {
      const session = await createNodeSession(files);
      const run: Session["run"] = async (feeds) => {
        const { y } = await session.run(feeds);
        const data = toFloat32(y!).fill(128 * 32_767);
        return { y: float32(y!.dims, data) };
      };
      return { ...session, run };
    };
    expect(await multipliesSigned(saturating)).toBe(false);
  });
});

describe("the graph that is trained", () => {
  const int8 = { name: "b", dtype: "int8" } as const;
  const fp32 = { name: "b", dtype: "fp32" } as const;

  test("is the one that serves, unless it cannot be", () => {
    expect(chooseTrainGraph(undefined, "prefix", int8).trainGraph).toBe("int8");
    expect(chooseTrainGraph(undefined, "full", int8).trainGraph).toBe("fp32");
    expect(chooseTrainGraph(undefined, "prefix", fp32).trainGraph).toBe("fp32");
    expect(chooseTrainGraph("fp32", "prefix", int8)).toEqual({ trainGraph: "fp32", reason: null });
  });

  test.each([
    ["prefix", fp32, /base "b" is fp32; allowed is "fp32", or a base imported with --dtype int8/],
    ["full", int8, /method "full" moves the weights themselves; allowed is "fp32"/],
  ] as const)("refuses int8 for %s where nothing is 8-bit", (method, base, message) => {
    expect(() => chooseTrainGraph("int8", method, base)).toThrow(message);
  });
});
