/**
 * Training speed: whole steps (forward, backward, clipping, AdamW) of a prefix and a head over a
 * base, on random tokens without padding. Shapes take turns, so that drift meets all of them.
 */
import { readInteger, readChoice, defineCommand, required } from "../scripts/commands/command.ts";
import type { Command } from "../scripts/commands/command.ts";
import type { Base } from "../scripts/import/base-folder.ts";
import type { Arrays } from "../scripts/training/optim.ts";
import type { Tensor } from "../src/core/tensor.ts";
import { median, table } from "./stats.ts";

const SHAPES = [
  { batch: 32, tokens: 32 },
  { batch: 16, tokens: 128 },
] as const;
const POOLINGS = ["pooler", "cls", "mean", "none"] as const;
const NUM_LABELS = 4;
const WARM_UP_STEPS = 2;

export const bench: Command = defineCommand({
  summary: "training tokens per second at 32x32 and 16x128 on onnxruntime-node",
  usage: "--base DIR [--num-virtual-tokens P] [--pooling NAME] [--steps N] [--threads N]",
  example: "npx edge-prefix bench training --base models/minilm",
  options: {
    base: {
      type: "string",
      value: "DIR",
      hint: "base folder, fp32 or int8 (trained over in fp32)",
    },
    "num-virtual-tokens": {
      type: "string",
      value: "P",
      default: "16",
      hint: "length of the prefix",
    },
    pooling: { type: "string", default: "mean", hint: `one of ${POOLINGS.join(", ")}` },
    steps: { type: "string", value: "N", default: "10", hint: "measured steps of each shape" },
    threads: { type: "string", value: "N", default: "2", hint: "threads inside one op" },
  },
  async run({ values, io }) {
    const pooling = readChoice(values.pooling, "--pooling", POOLINGS) ?? "mean";
    const length = readInteger(values["num-virtual-tokens"], "--num-virtual-tokens", { min: 1 })!;
    const steps = readInteger(values.steps, "--steps", { min: 1 })!;
    const threads = readInteger(values.threads, "--threads", { min: 1 })!;
    const { readBaseFolder } = await import("../scripts/import/base-folder.ts");
    const base = await readBaseFolder(required(values.base, "--base"));
    const trainer = await openTrainer(base, { pooling, length, threads });

    const times = SHAPES.map(() => [] as number[]);
    for (let round = 0; round < WARM_UP_STEPS + steps; round++) {
      for (const [i, { batch, tokens }] of SHAPES.entries()) {
        const start = performance.now();
        await trainer.step(batch, tokens);
        if (round >= WARM_UP_STEPS) times[i]!.push(performance.now() - start);
      }
    }
    await trainer.release();
    const results = SHAPES.map(({ batch, tokens }, i) => ({
      batch,
      tokens,
      step_ms: median(times[i]!),
      tokens_per_second: (1000 * batch * tokens) / median(times[i]!),
    }));
    if (io.json) {
      const settings = { base: base.manifest.name, pooling, num_virtual_tokens: length, threads };
      io.out(JSON.stringify({ bench: "training", ...settings, steps, results }));
    } else {
      const rows = results.map((row) => [
        `${row.batch}x${row.tokens}`,
        row.step_ms.toFixed(0),
        row.tokens_per_second.toFixed(0),
      ]);
      io.out(table([["shape", "step ms", "tokens/s"], ...rows]));
    }
    return 0;
  },
});

interface Settings {
  readonly pooling: (typeof POOLINGS)[number];
  readonly length: number; // P
  readonly threads: number;
}

async function openTrainer(base: Base, { pooling, length, threads }: Settings) {
  const { baseConfig, baseFloatWeights, basePooler } =
    await import("../scripts/import/base-folder.ts");
  const { packGraph } = await import("../scripts/onnx/pack.ts");
  const { createNodeSession } = await import("../scripts/runtime-node.ts");
  const { LABELS, buildTrainingGraph } = await import("../scripts/training/graph.ts");
  const { adamw, applyUpdates, clipByGlobalNorm } = await import("../scripts/training/optim.ts");
  const { keyOf, uniforms } = await import("../scripts/training/random.ts");
  const { collateTokens } = await import("../src/core/collate.ts");
  const { prefixWidth } = await import("../src/core/prefix.ts");
  const { gradOf } = await import("../src/core/shapes.ts");
  const { float32, int64, toFloat32 } = await import("../src/core/tensor.ts");

  const { graph, targets } = buildTrainingGraph({
    ...baseConfig(base),
    weights: baseFloatWeights(base),
    pooler: basePooler(base),
    pooling,
    numLabels: NUM_LABELS,
  });
  const session = await createNodeSession(packGraph(graph), { threads });
  const random = uniforms(keyOf(1));
  const { hidden_size: H, vocab_size: V } = base.manifest;
  const dims = [[length, prefixWidth(base.manifest)], [NUM_LABELS, H], [NUM_LABELS]];
  const optimizer = adamw({ learningRate: 1e-3 });
  let params: Arrays = Object.fromEntries(
    targets.map((name, i) => {
      const size = dims[i]!.reduce((a, b) => a * b, 1);
      return [name, Float32Array.from({ length: size }, () => random() - 0.5)];
    }),
  );
  let state = optimizer.init(params);

  return {
    async step(batch: number, tokens: number): Promise<void> {
      const rows = Array.from({ length: batch }, () => ({
        ids: Int32Array.from({ length: tokens }, () => Math.floor(random() * V)),
        typeIds: new Int32Array(tokens),
        positionOffset: 0,
      }));
      const queries = pooling === "mean" || pooling === "none" ? "all" : "first";
      const lengths = rows.map(() => length);
      const { feeds } = collateTokens(rows, lengths, base.manifest, queries);
      const labelDims = pooling === "none" ? [batch, tokens] : [batch];
      const count = pooling === "none" ? batch * tokens : batch;
      const labels = Array.from({ length: count }, () => Math.floor(random() * NUM_LABELS));
      const all: Record<string, Tensor> = { ...feeds, [LABELS]: int64(labelDims, labels) };
      targets.forEach((name, i) => (all[name] = float32(dims[i]!, params[name]!)));

      const outputs = await session.run(all, targets.map(gradOf));
      const grads = targets.map((name) => [name, toFloat32(outputs[gradOf(name)]!)] as const);
      const clipped = clipByGlobalNorm(Object.fromEntries(grads), 1);
      const next = optimizer.update(clipped.grads, state, params);
      state = next.state;
      params = applyUpdates(params, next.updates);
    },
    release: () => session.release(),
  };
}
