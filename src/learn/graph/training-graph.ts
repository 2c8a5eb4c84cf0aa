/**
 * The training graph: an encoder with the trained parts as inputs, a head, a loss, and the gradients of
 * the trained parts, in one ONNX graph.
 *
 * The encoder is built by the same function as the graph that serves, so what is trained is what
 * will answer. Random numbers stay outside: dropout masks are inputs. B, T and P are symbols: one
 * session runs batches of every size.
 */
import { buildEncoder } from "../../encoder/layers/encoder.ts";
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  LAST_HIDDEN_STATE,
  POOLER_BIAS,
  POOLER_WEIGHT,
  SHAPE_WEIGHT,
  gradOf,
} from "../../core/model/shapes.ts";
import type { ProblemType } from "../../core/model/task.ts";
import { WORD_SHAPES } from "../../core/model/word-shapes.ts";
import { gradients } from "../../graph/gradient/walk.ts";
import { Graph } from "../../graph/graph.ts";
import type { Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import { HEAD_DROPOUT } from "./dropout.ts";
import type { GraphWeights } from "./weights.ts";
import { alongGradient, lossOf, pool } from "./loss.ts";
import type { SoftTruth } from "./loss.ts";
import { parametersOf } from "./parameters.ts";
import type { Encoder, Target } from "./parameters.ts";
import { trainedInputs } from "./trained-inputs.ts";

/** Graph outputs that only training has. */
export const LOSS = "loss";
export const LOGITS = "logits";
/** Graph input of a head that reads word shapes: one-hot rows, zeros where there is no word. */
export const SHAPES = "word_shapes"; // [B, Q, S]

export interface TrainingGraphOptions extends Encoder, Target {
  readonly problemType?: ProblemType;
  /** Rows have a share for each label (lossOf). */
  readonly softTruth?: SoftTruth | undefined;
  /** What the encoder computes with; default: its float weights. */
  readonly computed?: GraphWeights;
  /** Adds the input `prefix_dropout`, see prefixDropoutDims. */
  readonly prefixDropout?: boolean;
  /** Adds the input `head_dropout`, see headDropoutDims. */
  readonly headDropout?: boolean;
}

export interface TrainingGraph {
  /**
   * Inputs: the encoder's token inputs (query_length 1 for pooler and cls, T otherwise), `labels`
   * (see lossOf) or, with a contrastive objective, `features.grad`, `word_shapes` where the
   * head reads them, the targets, dropout masks. Outputs: `loss`, `logits` [B, C] or [B, T, C] of a head,
   * `<target>.grad` in each target's shape; for a word table [V, H] the rows [B*T, H] that belong
   * to `input_ids`, which the caller adds up.
   */
  readonly graph: Graph;
  /** Names of what is trained (parametersOf). */
  readonly targets: readonly string[];
}

/** Builds forward, loss and backward; throws InputError `training-unsupported` on a combination that has no loss. */
export function buildTrainingGraph(options: TrainingGraphOptions): TrainingGraph {
  const { architecture, config, pooling, numLabels } = options;
  const { weights, form } = options.computed ?? { ...options, form: { isTrained: true } };
  const g = new Graph();
  const { inputs, trained } = trainedInputs(g, options);
  const encoder = buildEncoder(g, config.encoder, weights, inputs, form);
  const { lastHiddenState, wordRows } = encoder;

  const pooler = poolerOf(g, options, trained);
  let features = pool(g, pooling, pooler, inputs, lastHiddenState); // [B, H] or [B, Q, H]
  if (options.headDropout) {
    const mask = g.input(HEAD_DROPOUT, "float32", ["B", config.hidden]);
    features = ops.Mul(g, features, pooling === "none" ? ops.Unsqueeze(g, mask, 1) : mask);
  }
  let loss: Value;
  if (options.objective === "contrastive") loss = alongGradient(g, features);
  else {
    const rows = pooling === "none" ? ops.Reshape(g, features, [-1, config.hidden]) : features;
    const logits = logitsOf(g, options, rows, trained); // [M, C]
    loss = lossOf(g, options, logits);
    const shaped = pooling === "none" ? byPosition(g, logits, lastHiddenState, numLabels) : logits;
    g.output(shaped, LOGITS);
  }
  g.output(loss, LOSS);
  const targets = parametersOf(options, options).map(({ name }) => name);
  // The gradient of a word table is nearly all zeros: its rows leave the graph instead.
  const valueOf = (name: string): Value =>
    name === architecture.wordTable ? wordRows : trained.get(name)!;
  const byValue = gradients(g, loss, targets.map(valueOf));
  for (const name of targets) g.output(byValue.get(valueOf(name))!, gradOf(name));
  return { graph: g, targets };
}

/** What the head reads, [M, H], to logits [M, C]. Its weights become targets. */
function logitsOf(
  g: Graph,
  { config, numLabels, readsWords }: TrainingGraphOptions,
  rows: Value,
  trained: Map<string, Value>,
): Value {
  const target = (name: string, ...dims: number[]): Value => {
    const value = g.input(name, "float32", dims);
    trained.set(name, value);
    return value;
  };
  const weight = target(CLASSIFIER_WEIGHT, numLabels, config.hidden);
  const bias = target(CLASSIFIER_BIAS, numLabels);
  const logits = ops.Add(g, ops.FusedMatMul(g, rows, weight, { transB: true }), bias);
  if (!readsWords) return logits;
  const size = WORD_SHAPES.length;
  const shapeWeight = target(SHAPE_WEIGHT, numLabels, size);
  const shapes = ops.Reshape(g, g.input(SHAPES, "float32", ["B", "Q", size]), [-1, size]);
  return ops.Add(g, logits, ops.FusedMatMul(g, shapes, shapeWeight, { transB: true }));
}

/**
 * The encoder alone with the trained parts as inputs, `last_hidden_state` [B, Q, H]: it evaluates the
 * methods that no serving graph has.
 */
export function buildTunedGraph(options: Encoder & Target): Graph {
  const { config, weights } = options;
  const g = new Graph();
  const { inputs } = trainedInputs(g, options);
  const { lastHiddenState } = buildEncoder(g, config.encoder, weights, inputs);
  g.output(lastHiddenState, LAST_HIDDEN_STATE);
  return g;
}

/** The base's pooler, trained in full fine-tuning; null where the head does not read it. */
function poolerOf(
  g: Graph,
  { pooling, pooler }: TrainingGraphOptions,
  trained: ReadonlyMap<string, Value>,
): { weight: Value; bias: Value } | null {
  if (pooling !== "pooler" || !pooler) return null;
  const value = (name: string): Value => trained.get(name) ?? g.constant(name, pooler.get(name)!);
  return { weight: value(POOLER_WEIGHT), bias: value(POOLER_BIAS) };
}

/** [B*Q, C] -> [B, Q, C]. */
function byPosition(g: Graph, logits: Value, hidden: Value, numLabels: number): Value {
  const shape = ops.Concat(g, [ops.Shape(g, hidden, 0, 2), g.ints(numLabels)], 0);
  return ops.ReshapeTo(g, logits, shape, [...hidden.dims.slice(0, 2), numLabels]);
}
