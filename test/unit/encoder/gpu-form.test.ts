/**
 * The graph for GPUs against the fp32 graph of the same integers, both on ONNX Runtime's CPU provider.
 * The same graph on a WebGPU device: test/browser.
 */
import { join } from "node:path";
import { beforeAll, describe, expect, it, test } from "vitest";
import { load, poolerOf, tokenizerOf } from "../../../src/encoder/loaded-base.ts";
import { readBaseFolder } from "../../../scripts/base/base-folder.ts";
import { BUNDLED_BASE } from "../../../scripts/base/names.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { openTaskFolder } from "../../../scripts/task/task-folder.ts";
import { baseConfig, baseFloatWeights, baseWeights } from "../../../src/encoder/base.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { buildGpuGraph, checkOps } from "../../../src/encoder/forms/gpu.ts";
import { buildServingGraph } from "../../../src/encoder/forms/serving.ts";
import { MOST_GPU_OUTPUTS } from "../../../src/encoder/layers/inputs.ts";
import { gpuEngine } from "../../../src/engine/ort/webgpu/engine.ts";
import type { LoadedBase } from "../../../src/engine/engine.ts";
import { answerExamples } from "../../../src/learn/measure/answers.ts";
import { Graph } from "../../../src/graph/graph.ts";
import * as ops from "../../../src/graph/ops.ts";
import { packGraph } from "../../../src/graph/encoding/pack.ts";
import { PREFIXES, bundledTasks } from "../../support/bundled-tasks.ts";
import {
  cosines,
  encodeRows,
  hiddenStates,
  maxDifference,
  randomDeltas,
  randomPrefix,
  withSession,
} from "../../support/encode.ts";
import type { TestRow } from "../../support/encode.ts";
import { makeGoldenBase, readGolden } from "../../support/golden-encoder.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

const BASES: readonly (readonly [string, () => Promise<Base>])[] = [
  ["a tiny BERT", () => makeTinyBase({ dtype: "int8", seed: 5 })],
  [
    "a BERT of ten layers",
    () => makeTinyBase({ dtype: "int8", seed: 6, config: { num_hidden_layers: 10 } }),
  ],
  [
    "a BERT with relu",
    () => makeTinyBase({ dtype: "int8", seed: 7, config: { hidden_act: "relu" } }),
  ],
  ["an fp32 base", () => makeTinyBase({ dtype: "fp32", seed: 5 })],
  ["the bundled base, whose tables are packed", () => readBaseFolder(BUNDLED_BASE)],
  ...["distilbert", "electra", "eurobert", "roberta"].map(
    (family) => [family, () => makeGoldenBase(readGolden(family), "int8")] as const,
  ),
  ["ModernBERT, 48 wide, in blocks of 32", () => makeGoldenBase(readGolden("modernbert"), "int8")],
];

/** Rows of three tasks: a prefix with deltas, a longer prefix, neither. */
function mixedRows(base: Base): TestRow[] {
  const words = base.manifest.configuration.vocab_size - 5;
  const ids = (length: number): number[] =>
    Array.from({ length }, (_, i) => 5 + ((i * 7919 + length) % words));
  return [
    { ids: ids(5), prefix: { ...randomPrefix(base, 4, 1), deltas: randomDeltas(base, 3) } },
    { ids: ids(17), prefix: randomPrefix(base, 7, 2) },
    { ids: ids(8) },
  ];
}

const gpuGraphOf = (base: Base): Graph => {
  const { architecture, config } = baseConfig(base);
  return buildGpuGraph(architecture, config, baseWeights(base));
};

describe.each(BASES)("%s", (_, make) => {
  it("gives the states of the fp32 graph of its integers, for every row and query", async () => {
    const base = await make();
    const { architecture, config } = baseConfig(base);
    const floats = packGraph(buildServingGraph(architecture, config, baseFloatWeights(base)));
    const encoder = await load(gpuEngine(createNodeSession), base);
    const rows = mixedRows(base);
    await withSession(createNodeSession, { ...base, graphFiles: floats }, async (session) => {
      for (const queries of ["all", "first"] as const) {
        const expected = await hiddenStates(base, session, rows, queries);
        const found = await encodeRows(base, encoder, rows, queries);
        for (const [i, states] of found.entries()) {
          expect(maxDifference(states, expected[i]!)).toBeLessThan(1e-4);
          const each = cosines(states, expected[i]!, config.hidden);
          expect(Math.min(...each)).toBeGreaterThan(0.9999);
        }
      }
    });
    await encoder.release();
  });

  it("has the inputs and the output of the graph that serves, without low-rank changes", async () => {
    const base = await make();
    const { architecture, config } = baseConfig(base);
    const serving = buildServingGraph(architecture, config, baseWeights(base));
    const signature = ({ inputs, outputs }: Graph) =>
      [inputs, outputs].map((values) =>
        values
          .filter(({ name }) => !name.startsWith("lora_"))
          .map(({ name, dtype, dims }) => `${name} ${dtype} ${dims.join()}`)
          .toSorted(),
      );
    expect(signature(gpuGraphOf(base))).toEqual(signature(serving));
  });

  it("has no node with more outputs than WebGPU can bind", async () => {
    const most = gpuGraphOf(await make()).nodes.map(({ outputs }) => outputs.length);
    expect(Math.max(...most)).toBeLessThanOrEqual(MOST_GPU_OUTPUTS);
  });
});

test("its integers are those of the base, transposed", async () => {
  const base = await makeTinyBase({ dtype: "int8", seed: 5 });
  const name = "encoder.layer.1.output.dense.weight";
  const stored = baseWeights(base).get(name)!;
  const integers = Array.from(stored.data, Number);
  const { tensor: found } = gpuGraphOf(base).initializers.get(name)!;
  const [inputs, outputs] = stored.dims as [number, number];
  expect(found.dims).toEqual([outputs, inputs / 32, 32]);
  const turned = integers.map((_, at) => {
    const [o, i] = [Math.floor(at / inputs), at % inputs];
    return integers[i * outputs + o];
  });
  expect([...found.data]).toEqual(turned);
});

describe("the bundled tasks on the graph for GPUs", () => {
  let base: LoadedBase;
  beforeAll(async () => {
    const made = await readBaseFolder(BUNDLED_BASE);
    base = {
      manifest: made.manifest,
      tokenizer: tokenizerOf(made),
      encoder: await load(gpuEngine(createNodeSession), made),
      pooler: poolerOf(made),
    };
  });

  // Expected: the answers recorded in the task's manifest, which the served 8-bit graph gave.
  it.each(bundledTasks())("%s answers its examples as recorded", async (name) => {
    const task = await openTaskFolder(join(PREFIXES, name), base.manifest);
    const { examples } = task.manifest;
    const answers = await answerExamples(base, task, examples);
    expect(answers.map(({ label }) => label)).toEqual(examples.map(({ label }) => label));
    const apart = answers.map(({ score }, i) => Math.abs(score - examples[i]!.score));
    expect(Math.max(...apart)).toBeLessThan(0.03);
  });
});

test("an op that WebGPU does not have is refused by its name", () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [2, 2]);
  graph.output(ops.FusedMatMul(graph, x, x), "y");
  expect(() => checkOps(graph, "newbert")).toThrow(
    expect.objectContaining({
      code: "engine-unsupported",
      message: expect.stringMatching(/"newbert".*FusedMatMul/) as string,
    }),
  );
});
