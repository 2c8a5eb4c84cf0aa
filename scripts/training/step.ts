/**
 * The training session: a base, a head and a loss as one graph on the native runtime, and the step
 * function that the trainer calls. Parameters go in and gradients come out with every run; the
 * session itself remembers nothing.
 */
import { collateTokens } from "../../src/core/collate.ts";
import type { Pooling } from "../../src/core/manifest.ts";
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  PROMPT_EMBEDDINGS,
  gradOf,
} from "../../src/core/shapes.ts";
import { prefixWidth } from "../../src/core/prefix.ts";
import { float32, int64, toFloat32 } from "../../src/core/tensor.ts";
import type { Tensor } from "../../src/core/tensor.ts";
import type { Feeds, GraphFiles, Session } from "../../src/runtime/session.ts";
import { baseConfig, baseFloatWeights, basePooler } from "../import/base-folder.ts";
import type { Base } from "../import/base-folder.ts";
import { packGraph } from "../onnx/pack.ts";
import type { Feature } from "./features.ts";
import {
  IGNORED_LABEL,
  LABELS,
  LOSS,
  PREFIX_DROPOUT,
  buildTrainingGraph,
  dropoutMask,
  prefixDropoutDims,
} from "./graph.ts";
import type { Arrays } from "./optim.ts";
import { derive, normals, uniforms } from "./random.ts";
import type { Key } from "./random.ts";
import type { StepResult } from "./trainer.ts";

/** What is trained, and how its hidden states become logits. */
export interface Target {
  /** "none" is token classification. */
  readonly pooling: Pooling;
  readonly numLabels: number; // C
  /** 0 trains the head alone. */
  readonly numVirtualTokens: number; // P
  readonly prefixDropout: number;
}

export interface TrainingSession {
  step(batch: readonly Feature[], params: Arrays, key: Key): Promise<StepResult>;
  release(): Promise<void>;
}

/** Deviation of a new head's values: BERT's for new layers. */
const HEAD_DEVIATION = 0.02;
/**
 * Deviation of a new prefix's values: PEFT's. Small values start all virtual tokens nearly equal,
 * with nearly equal gradients, so they are slow to part: on SST-2 with MiniLM-L6 and 16 of them,
 * the first of three epochs came to 83.8 % with 0.02 and to 85.3 % with 1.
 */
const PREFIX_DEVIATION = 1;

/** Initial values of everything that is trained. */
export function initialParams(target: Target, base: Base["manifest"], key: Key): Arrays {
  const { numLabels, numVirtualTokens } = target;
  const draw = (name: string, size: number, deviation: number): Float32Array =>
    normals(derive(key, name), size, deviation);
  const prefixSize = numVirtualTokens * prefixWidth(base);
  return {
    ...(numVirtualTokens > 0 && {
      [PROMPT_EMBEDDINGS]: draw(PROMPT_EMBEDDINGS, prefixSize, PREFIX_DEVIATION),
    }),
    [CLASSIFIER_WEIGHT]: draw(CLASSIFIER_WEIGHT, numLabels * base.hidden_size, HEAD_DEVIATION),
    [CLASSIFIER_BIAS]: new Float32Array(numLabels),
  };
}

/** Dims of every trained tensor, as the graph and prefix.safetensors have them. */
export const paramDims = (
  { numLabels, numVirtualTokens }: Pick<Target, "numLabels" | "numVirtualTokens">,
  base: Base["manifest"],
): Readonly<Record<string, readonly number[]>> => ({
  [PROMPT_EMBEDDINGS]: [numVirtualTokens, prefixWidth(base)],
  [CLASSIFIER_WEIGHT]: [numLabels, base.hidden_size],
  [CLASSIFIER_BIAS]: [numLabels],
});

/** Builds and loads the training graph over the base's own (dequantized) weights. */
export async function openTrainingSession(
  base: Base,
  target: Target,
  createSession: (files: GraphFiles) => Promise<Session>,
): Promise<TrainingSession> {
  const { architecture, config } = baseConfig(base);
  const { pooling, numLabels, numVirtualTokens, prefixDropout } = target;
  const weights = baseFloatWeights(base);
  const hasPrefix = numVirtualTokens > 0;
  const hasDropout = hasPrefix && prefixDropout > 0;
  const { graph, targets } = buildTrainingGraph({
    architecture,
    config,
    weights,
    pooler: basePooler(base),
    hasPrefix,
    pooling,
    numLabels,
    prefixDropout: hasDropout,
  });
  const session = await createSession(
    packGraph(graph, { isExternal: (name) => weights.has(name) }),
  );
  const fetches = [LOSS, ...targets.map(gradOf)];
  const dims = paramDims(target, base.manifest);
  const queries = pooling === "none" || pooling === "mean" ? "all" : "first";

  return {
    async step(batch, params, key) {
      const rows = batch.map(({ ids, typeIds }) => ({ ids, typeIds, positionOffset: 0 }));
      const prefixes = batch.map(() => numVirtualTokens);
      const { feeds, length } = collateTokens(rows, prefixes, base.manifest, queries);
      const all: Feeds = { ...feeds, [LABELS]: labelsOf(batch, length, pooling === "none") };
      for (const name of targets) all[name] = float32(dims[name]!, params[name]!);
      if (hasDropout) {
        const maskDims = prefixDropoutDims(config, batch.length, numVirtualTokens);
        all[PREFIX_DROPOUT] = dropoutMask(maskDims, prefixDropout, uniforms(derive(key, "prefix")));
      }
      const outputs = await session.run(all, fetches);
      const grads: Record<string, Float32Array> = {};
      for (const name of targets) grads[name] = toFloat32(outputs[gradOf(name)]!);
      return { loss: toFloat32(outputs[LOSS]!)[0]!, grads };
    },
    release: () => session.release(),
  };
}

/** [B] for sequences, [B, T] for tokens, padded with the label that the loss leaves out. */
function labelsOf(batch: readonly Feature[], length: number, isToken: boolean): Tensor {
  if (!isToken) {
    return int64(
      [batch.length],
      batch.map(({ labels }) => labels[0] ?? IGNORED_LABEL),
    );
  }
  const labels = new Int32Array(batch.length * length).fill(IGNORED_LABEL);
  for (const [b, feature] of batch.entries()) labels.set(feature.labels, b * length);
  return int64([batch.length, length], labels);
}
