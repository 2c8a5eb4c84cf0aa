/** What the imported graph promises, on the tiny base and both runtimes. */
import { join } from "node:path";
import { beforeAll, describe, expect, it, test } from "vitest";
import {
  MAX_SHARD_BYTES,
  baseConfig,
  baseFloatWeights,
  baseWeights,
} from "../../../src/encoder/base.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { buildServingGraph } from "../../../src/encoder/forms/serving.ts";
import { readBaseFolder } from "../../../scripts/base/base-folder.ts";
import { packGraph } from "../../../src/graph/encoding/pack.ts";
import { createNodeSession } from "../../../scripts/node/runtime-node.ts";
import { createWasmSession } from "../../../src/engine/ort/wasm-sessions.ts";
import {
  hiddenStates,
  maxDifference,
  meanCosine,
  randomDeltas,
  randomPrefix,
  withSession,
} from "../../support/encode.ts";
import type { TestRow } from "../../support/encode.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

const RUNTIMES = [
  ["node", createNodeSession],
  ["web", createWasmSession],
] as const;
const DTYPES = ["fp32", "int8"] as const;

const short = { ids: [2, 66, 81, 3] };
const long = { ids: [2, ...Array.from({ length: 61 }, (_, i) => 5 + ((i * 37) % 190)), 3] };
const middle = { ids: [2, ...Array.from({ length: 20 }, (_, i) => 60 + i * 5), 3] };

const bases = new Map<string, Base>();
beforeAll(async () => {
  for (const dtype of DTYPES) bases.set(dtype, await makeTinyBase({ dtype, seed: 5 }));
});
const baseOf = (dtype: string): Base => bases.get(dtype)!;

describe.each(DTYPES)("the %s graph", (dtype) => {
  describe.each(RUNTIMES)("on %s", (runtime, open) => {
    // In wasm the answer is the same bit for bit (columns are padded to a multiple of 4 for that);
    // native kernels choose by shape. 8-bit roundings amplify a flipped last bit.
    const tolerance = runtime === "web" ? 0 : dtype === "fp32" ? 1e-5 : 0.1;

    it("gives a text the same states alone, in a batch, and beside longer texts", async () => {
      await withSession(open, baseOf(dtype), async (session) => {
        const rows = [short, long, middle];
        const together = await hiddenStates(baseOf(dtype), session, rows);
        for (const [i, row] of rows.entries()) {
          const [alone] = await hiddenStates(baseOf(dtype), session, [row]);
          expect(maxDifference(alone!, together[i]!)).toBeLessThanOrEqual(tolerance);
        }
      });
    });

    it("gives rows of tasks with different deltas in one batch what they get alone", async () => {
      const base = baseOf(dtype);
      const rows: TestRow[] = [
        { ...short, prefix: { ...randomPrefix(base, 4, 1), deltas: randomDeltas(base, 3) } },
        { ...long, prefix: { ...randomPrefix(base, 8, 2), deltas: randomDeltas(base, 4) } },
        middle,
      ];
      await withSession(open, base, async (session) => {
        const together = await hiddenStates(base, session, rows);
        for (const [i, row] of rows.entries()) {
          const [alone] = await hiddenStates(base, session, [row]);
          expect(maxDifference(alone!, together[i]!)).toBeLessThanOrEqual(tolerance);
          const [plain] = await hiddenStates(base, session, [{ ids: row.ids }]);
          const isPlain = row.prefix === undefined;
          expect(maxDifference(alone!, plain!) > 0.01).toBe(!isPlain);
        }
      });
    });

    it("gives rows of different prefix lengths in one batch what they get alone", async () => {
      const base = baseOf(dtype);
      const rows: TestRow[] = [
        { ...short, prefix: randomPrefix(base, 4, 1) },
        { ...long, prefix: randomPrefix(base, 16, 2) },
        middle,
      ];
      await withSession(open, base, async (session) => {
        const together = await hiddenStates(base, session, rows);
        for (const [i, row] of rows.entries()) {
          const [alone] = await hiddenStates(base, session, [row]);
          expect(maxDifference(alone!, together[i]!)).toBeLessThanOrEqual(tolerance);
        }
      });
    });

    it("answers for the first position alone as it does among all", async () => {
      const base = baseOf(dtype);
      await withSession(open, base, async (session) => {
        const prefix = randomPrefix(base, 3, 1);
        const rows = [
          { ...long, prefix },
          { ...short, prefix },
        ];
        const all = await hiddenStates(base, session, rows);
        const first = await hiddenStates(base, session, rows, "first");
        first.forEach((states, i) => {
          const expected = all[i]!.subarray(0, base.manifest.configuration.hidden_size);
          expect(maxDifference(states, expected)).toBeLessThanOrEqual(Math.max(tolerance, 1e-6));
        });
      });
    });

    it("is changed by a prefix, and reads one of a single virtual token", async () => {
      const base = baseOf(dtype);
      await withSession(open, base, async (session) => {
        const [plain] = await hiddenStates(base, session, [short]);
        const [prefixed] = await hiddenStates(base, session, [
          { ...short, prefix: randomPrefix(base, 1, 3) },
        ]);
        expect(maxDifference(plain!, prefixed!)).toBeGreaterThan(1e-3);
      });
    });
  });

  it("is the same on both runtimes", async () => {
    const base = baseOf(dtype);
    const rows = [{ ...long, prefix: randomPrefix(base, 5, 1) }, short];
    const [node, web] = await Promise.all(
      RUNTIMES.map(([, open]) =>
        withSession(open, base, (session) => hiddenStates(base, session, rows)),
      ),
    );
    node!.forEach((states, i) => {
      if (dtype === "fp32") expect(maxDifference(states, web![i]!)).toBeLessThanOrEqual(1e-4);
      const cosine = meanCosine(states, web![i]!, base.manifest.configuration.hidden_size);
      expect(cosine).toBeGreaterThanOrEqual(0.998);
    });
  });

  it("stays finite when a whole row is masked", async () => {
    const base = baseOf(dtype);
    await withSession(createWasmSession, base, async (session) => {
      const [states] = await hiddenStates(base, session, [{ ids: [] }, short]).then((all) =>
        all.slice(1),
      );
      expect(states!.every(Number.isFinite)).toBe(true);
    });
  });
});

test("the graph is written as ONNX Runtime's optimizers would leave it", async () => {
  const rows: TestRow[] = [
    {
      ...long,
      prefix: { ...randomPrefix(baseOf("int8"), 4, 1), deltas: randomDeltas(baseOf("int8"), 3) },
    },
    middle,
  ];
  const answer = (level: "disabled" | "all") =>
    withSession(
      (files) => createWasmSession(files, { graphOptimizationLevel: level }),
      baseOf("int8"),
      (session) => hiddenStates(baseOf("int8"), session, rows),
    );
  expect(await answer("disabled")).toEqual(await answer("all"));
});

test("int8 hidden states are close to fp32's", async () => {
  // One after the other: ONNX Runtime's wasm has one stack, which two runs at once would share.
  const statesBy = (dtype: (typeof DTYPES)[number]) =>
    withSession(createWasmSession, baseOf(dtype), (session) =>
      hiddenStates(baseOf(dtype), session, [long, middle]),
    );
  const [fp32, int8] = [await statesBy("fp32"), await statesBy("int8")];
  fp32.forEach((states, i) => {
    expect(meanCosine(states, int8[i]!, 32)).toBeGreaterThan(0.996);
  });
});

test.each(["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])(
  "an int8 base of a checkpoint with %s follows its fp32 base",
  async (hiddenAct) => {
    const make = (dtype: "int8" | "fp32") =>
      makeTinyBase({ dtype, seed: 6, config: { hidden_act: hiddenAct } });
    const [fp32, int8] = await Promise.all([make("fp32"), make("int8")]);
    const run = (base: Base) =>
      withSession(createNodeSession, base, (session) => hiddenStates(base, session, [long]));
    const [[expected], [found]] = await Promise.all([run(fp32), run(int8)]);
    expect(meanCosine(expected!, found!, 32)).toBeGreaterThan(0.996);
  },
);

test("the float weights of an int8 base rebuild a graph that answers as the int8 one", async () => {
  const base = baseOf("int8");
  const { architecture, config } = baseConfig(base);
  const floats = baseFloatWeights(base);
  const graph = buildServingGraph(architecture, config, floats);
  const rebuilt = { ...base, graphFiles: packGraph(graph) };
  const run = (of: Base) =>
    withSession(createNodeSession, of, (session) => hiddenStates(of, session, [long]));
  const [[expected], [found]] = await Promise.all([run(base), run(rebuilt)]);
  expect(meanCosine(expected!, found!, 32)).toBeGreaterThan(0.996);
  expect([...floats.keys()].sort()).toEqual([...baseWeights(baseOf("fp32")).keys()].sort());
});

test("an fp32 base gives back exactly the checkpoint's weights, linears transposed", async () => {
  const weights = baseFloatWeights(baseOf("fp32"));
  const name = "encoder.layer.0.intermediate.dense.weight";
  expect(weights.get(name)!.dims).toEqual([32, 64]);
  expect(weights).toEqual(baseWeights(baseOf("fp32")));
});

test("8-bit linears are MatMulInteger's with uint8 weights and a scale per row and channel", () => {
  const { architecture, config } = baseConfig(baseOf("int8"));
  const graph = buildServingGraph(architecture, config, baseWeights(baseOf("int8")));
  const linears = graph.nodes.filter(({ op }) => op === "MatMulIntegerToFloat");
  expect(linears).toHaveLength(6 * config.layers);
  for (const { inputs } of linears) {
    const [rows, weight, , scale, , zero] = inputs;
    expect(rows!.dtype).toBe("uint8");
    expect(weight!.dtype).toBe("uint8");
    expect(scale!.dims).toEqual([weight!.dims[1]]);
    expect([...zero!.constant!.data]).toEqual([128]);
  }
  // One quantization serves query, key and value; the last layer's queries have their own.
  const quantizers = graph.nodes.filter(({ op }) => op === "QuantizeLinear");
  expect(quantizers).toHaveLength(4 * config.layers + 1);
});

test("the bundled base's graph is, byte for byte, the one that its weights give", async () => {
  const base = await readBaseFolder(
    join(import.meta.dirname, "..", "..", "..", "models", "pocket"),
  );
  const { architecture, config } = baseConfig(base);
  const weights = baseWeights(base);
  const graph = buildServingGraph(architecture, config, weights);
  const packed = packGraph(graph, {
    isExternal: (name) => weights.has(name),
    maxShardBytes: MAX_SHARD_BYTES,
  });
  expect(Buffer.compare(packed.graph, base.graphFiles.graph)).toBe(0);
  expect([...packed.weights.keys()]).toEqual([...base.graphFiles.weights.keys()]);
});
