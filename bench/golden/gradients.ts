/** Gradients by tensor name, and the losses of the AdamW steps that start from the same point. */
import { join } from "node:path";
import { baseConfig, baseFloatWeights, basePooler } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { packGraph } from "../../src/graph/encoding/pack.ts";
import { createNodeSession } from "../../scripts/node/runtime-node.ts";
import type { GraphWeights } from "../../src/learn/graph/weights.ts";
import { LOSS, buildTrainingGraph } from "../../src/learn/graph/training-graph.ts";
import { LABELS } from "../../src/learn/graph/loss.ts";
import { partsOf } from "../../src/learn/methods.ts";
import { adamw, applyUpdates, clipByGlobalNorm } from "../../src/learn/loop/optim.ts";
import type { Arrays } from "../../src/learn/graph/parameters.ts";
import { collateTokens } from "../../src/core/model/collate.ts";
import {
  ATTENTION_MASK,
  CLASSIFIER_WEIGHT,
  INPUT_IDS,
  PROMPT_EMBEDDINGS,
  TOKEN_TYPE_IDS,
  gradOf,
} from "../../src/core/model/shapes.ts";
import { float32, int64 } from "../../src/core/model/tensor.ts";
import type { Session } from "../../src/engine/session.ts";
import { atMost, cosineAtLeast, skipped, vectorDifference } from "./compare.ts";
import type { Check } from "./compare.ts";
import { floats, integers, readJson, readTensors } from "./files.ts";
import type { GoldenSet, Tensors } from "./files.ts";

const MAX_RELATIVE_L2 = 1e-3;
const MIN_COSINE = 0.99999;
const MAX_LOSS_DIFFERENCE = 1e-4;

/** Checks grad-<name> and, where there is one, adamw-<name>. */
export async function checkGradients(base: Base, set: GoldenSet): Promise<Check[]> {
  const checks: Check[] = [];
  for (const name of set.grads) {
    const golden = await readTensors(join(set.dir, `grad-${name}.safetensors`));
    const step = await openStep(base, golden.at);
    const first = await step.run(step.start);
    const loss = Math.abs(first.loss - floats(golden.at(LOSS))[0]!);
    checks.push(atMost(`grad-${name} loss`, "max_abs_difference", loss, MAX_LOSS_DIFFERENCE));
    for (const [target, grad] of Object.entries(first.grads)) {
      const label = `grad-${name} ${gradOf(target)}`;
      const { relativeL2, cosine } = vectorDifference(grad, floats(golden.at(gradOf(target))));
      checks.push(atMost(label, "relative_l2", relativeL2, MAX_RELATIVE_L2));
      checks.push(cosineAtLeast(label, cosine, MIN_COSINE));
    }
    if (set.adamw.includes(name)) {
      checks.push(...(await checkAdamw(step, name, join(set.dir, `adamw-${name}.json`))));
    }
    await step.session.release();
  }
  for (const name of set.adamw.filter((each) => !set.grads.includes(each))) {
    checks.push(skipped(`adamw-${name}`, `there is no grad-${name}.safetensors to start from`));
  }
  return checks;
}

interface Step {
  readonly session: Session;
  readonly start: Arrays;
  run(params: Arrays): Promise<{ loss: number; grads: Record<string, Float32Array> }>;
}

/**
 * A training session over the golden batch: one run is one forward and backward pass, in float32
 * unless `computed` says otherwise.
 */
export async function openStep(
  base: Base,
  golden: Tensors,
  computed?: GraphWeights,
): Promise<Step> {
  const ids = golden(INPUT_IDS);
  const [batch, width] = [ids.dims[0]!, ids.dims[1]!];
  const labels = golden(LABELS);
  const isToken = labels.dims.length === 2;
  const { graph, targets } = buildTrainingGraph({
    ...baseConfig(base),
    weights: baseFloatWeights(base),
    pooler: basePooler(base),
    pooling: isToken ? "none" : "pooler",
    numLabels: golden(CLASSIFIER_WEIGHT).dims[0]!,
    numVirtualTokens: golden(PROMPT_EMBEDDINGS).dims[0]!,
    parts: partsOf("prefix"),
    ...(computed && { computed }),
  });
  const session = await createNodeSession(packGraph(graph));

  // The golden batch is padded to a fixed width: rows keep it, and the mask says what is padding.
  const length = golden(PROMPT_EMBEDDINGS).dims[0]!; // P
  const [allIds, types] = [integers(ids), integers(golden(TOKEN_TYPE_IDS))];
  const rows = Array.from({ length: batch }, (_, b) => ({
    ids: allIds.subarray(b * width, (b + 1) * width),
    typeIds: types.subarray(b * width, (b + 1) * width),
    positionOffset: 0,
  }));
  const { feeds } = collateTokens(
    rows,
    rows.map(() => length),
    base.manifest.configuration,
    isToken ? "all" : "first",
  );
  const tokenMask = integers(golden(ATTENTION_MASK));
  const mask = Array.from({ length: batch * (length + width) }, (_, i) => {
    const column = (i % (length + width)) - length;
    return column < 0 ? 1 : tokenMask[Math.floor(i / (length + width)) * width + column]!;
  });
  const batchFeeds = {
    ...feeds,
    [ATTENTION_MASK]: int64([batch, length + width], mask),
    [LABELS]: int64(labels.dims, integers(labels)),
  };
  return {
    session,
    start: Object.fromEntries(targets.map((name) => [name, floats(golden(name))])),
    async run(params) {
      const tensors = targets.map((name) => [name, float32(golden(name).dims, params[name]!)]);
      const outputs = await session.run({ ...batchFeeds, ...Object.fromEntries(tensors) });
      const grads = targets.map((name) => [name, floats(outputs[gradOf(name)]!)]);
      return { loss: floats(outputs[LOSS]!)[0]!, grads: Object.fromEntries(grads) };
    },
  };
}

async function checkAdamw(step: Step, name: string, path: string): Promise<Check[]> {
  const json = (await readJson(path)) as {
    readonly optimizer: string;
    readonly loss_and_norm_before_clip: readonly (readonly [number, number])[];
  };
  const settings = readSettings(json.optimizer);
  const optimizer = adamw(settings);
  let params = step.start;
  let state = optimizer.init(params);
  let [worst, worstNorm] = [0, 0];
  for (const [loss, norm] of json.loss_and_norm_before_clip) {
    const found = await step.run(params);
    const clipped = clipByGlobalNorm(found.grads, settings.maxNorm);
    worst = Math.max(worst, Math.abs(found.loss - loss));
    worstNorm = Math.max(worstNorm, Math.abs(clipped.norm - norm));
    const next = optimizer.update(clipped.grads, state, params);
    state = next.state;
    params = applyUpdates(params, next.updates);
  }
  const detail = `${json.loss_and_norm_before_clip.length} steps, gradient norms within ${worstNorm.toExponential(1)}`;
  return [atMost(`adamw-${name} losses`, "max_abs_difference", worst, MAX_LOSS_DIFFERENCE, detail)];
}

/** The golden file states its settings in words: "AdamW lr 5e-3 betas 0.9 0.999 .. clip_grad_norm 1.0". */
function readSettings(text: string) {
  const after = (word: string, index = 0, fallback = NaN): number => {
    const numbers = new RegExp(`${word}((?: [\\d.e+-]+)+)`).exec(text)?.[1]?.trim().split(" ");
    return numbers?.[index] === undefined ? fallback : Number(numbers[index]);
  };
  return {
    learningRate: after("lr"),
    beta1: after("betas", 0, 0.9),
    beta2: after("betas", 1, 0.999),
    epsilon: after("eps", 0, 1e-8),
    weightDecay: after("weight_decay", 0, 0.01),
    maxNorm: after("clip_grad_norm", 0, Infinity),
  };
}
