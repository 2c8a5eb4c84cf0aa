/**
 * This project's side of the training benchmarks: whole steps (collation, forward, backward,
 * clipping, AdamW) through the training session that `train` opens, with its default method.
 */
import { keyOf, derive, uniforms } from "../../src/learn/random.ts";
import type { Key } from "../../src/learn/random.ts";
import type { Base } from "../../src/encoder/base.ts";
import { readCheckpoint } from "../../scripts/base/checkpoint.ts";
import { importCheckpoint } from "../../scripts/base/convert.ts";
import { createNodeSession } from "../../scripts/node/runtime-node.ts";
import type { Feature } from "../../src/learn/data/features.ts";
import { graphWeights } from "../../src/learn/graph/weights.ts";
import { methodDefaults, partsOf } from "../../src/learn/methods.ts";
import { adamw, applyUpdates, clipByGlobalNorm } from "../../src/learn/loop/optim.ts";
import { initialParams } from "../../src/learn/graph/parameters.ts";
import { encoderOf, openTrainingSession } from "../../src/learn/loop/step.ts";
import { servingBuild } from "../../src/engine/simd/serving-engine.ts";
import { chooseTrainGraph } from "../../src/learn/graph/choice.ts";
import type { GraphFiles } from "../../src/engine/session.ts";
import type { Contender, Problem, Time } from "./contender.ts";

const METHOD = "prefix";
const MAX_GRAD_NORM = 1;

/** The int8 base that `import` would make of a checkpoint folder, in memory. */
export async function baseOfCheckpoint(checkpoint: string): Promise<Base> {
  return importCheckpoint(await readCheckpoint(checkpoint, checkpoint), {
    name: "bench",
    dtype: "int8",
    created: new Date(),
    openSession: createNodeSession,
  });
}

export interface OursOptions extends Problem {
  /** What `batches` refers to. */
  readonly rows?: readonly Feature[];
}

/** Opens a training session over a base, with new parameters. */
export async function openOurs(
  base: Base,
  { pooling, numLabels, numVirtualTokens, threads, trainGraph: asked, rows = [] }: OursOptions,
): Promise<Contender> {
  const key = keyOf(1);
  const defaults = methodDefaults(METHOD);
  const target = { parts: partsOf(METHOD), pooling, numLabels, numVirtualTokens };
  const createSession = (files: GraphFiles) => createNodeSession(files, { threads });
  const { trainGraph } = chooseTrainGraph(
    asked,
    METHOD,
    base.manifest,
    servingBuild(base.manifest),
  );
  const session = await openTrainingSession(
    encoderOf(base),
    base.manifest,
    {
      target,
      problemType: "single_label_classification",
      prefixDropout: defaults.prefix_dropout,
      computed: await graphWeights(base, trainGraph, createSession),
    },
    createSession,
  );
  const optimizer = adamw({ learningRate: defaults.learning_rate });
  let params = initialParams(session.parameters, derive(key, "init"));
  let state = optimizer.init(params);

  async function step(batch: readonly Feature[]): Promise<void> {
    const { grads } = await session.step(batch, params, derive(key, "step", state.step));
    const clipped = clipByGlobalNorm(grads, MAX_GRAD_NORM);
    const next = optimizer.update(clipped.grads, state, params);
    state = next.state;
    params = applyUpdates(params, next.updates);
  }

  async function timed(batches: readonly (readonly Feature[])[]): Promise<Time> {
    const start = performance.now();
    const cpuStart = process.cpuUsage();
    for (const batch of batches) await step(batch);
    const { user, system } = process.cpuUsage(cpuStart); // microseconds
    return { ms: performance.now() - start, cpuMs: (user + system) / 1000 };
  }

  return {
    name: "ours",
    random(batch, tokens, steps) {
      const options = {
        batch,
        tokens,
        vocab: base.manifest.configuration.vocab_size,
        pooling,
        numLabels,
      };
      const keyAt = (i: number): Key => derive(key, "tokens", state.step, i);
      return timed(Array.from({ length: steps }, (_, i) => randomRows(keyAt(i), options)));
    },
    batches: (batches) => timed(batches.map((batch) => batch.map((row) => rows[row]!))),
    close: () => session.release(),
  };
}

/** Rows of random tokens and labels, all of one length. */
function randomRows(
  key: Key,
  {
    batch,
    tokens,
    vocab,
    pooling,
    numLabels,
  }: { batch: number; tokens: number; vocab: number } & Pick<Problem, "pooling" | "numLabels">,
): Feature[] {
  const random = uniforms(key);
  const below = (limit: number) => () => Math.floor(random() * limit);
  const labels = pooling === "none" ? tokens : 1;
  return Array.from({ length: batch }, () => ({
    ids: Int32Array.from({ length: tokens }, below(vocab)),
    typeIds: new Int32Array(tokens),
    labels: Int32Array.from({ length: labels }, below(numLabels)),
    firstPieces: new Int32Array(0),
  }));
}
