/**
 * The student's training graph: its encoder with the trained weights as inputs, how far its hidden
 * states are from the teacher's, and the gradient of every weight.
 *
 *   hidden [B, Q, H] -> mean over the tokens of each shared stretch (align.ts) -> [B, U, H]
 *   loss = mean over stretches of 1 - cos(student, teacher)
 *        + weight * mean over texts of 1 - cos of the mean-pooled states
 *
 * A cosine leaves the length free: what reads the states (a head, a next layer's keys) can scale.
 */
import { buildEncoder } from "../../../src/encoder/layers/encoder.ts";
import { gradOf } from "../../../src/core/model/shapes.ts";
import { gradients } from "../../../src/graph/gradient/walk.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Value } from "../../../src/graph/graph.ts";
import * as ops from "../../../src/graph/ops.ts";
import { tokenInputs } from "../../../src/encoder/forms/inputs.ts";
import type { Encoder, Parameter } from "../../../src/learn/graph/parameters.ts";
import { emptyPast } from "../../../src/learn/graph/trained-inputs.ts";

/** Graph inputs that only distillation has. */
export const STUDENT_UNITS = "student_units"; // [B, U, Q] each row a mean over its stretch's tokens
export const TEACHER_UNITS = "teacher_units"; // [B, U, H] the teacher's means, of length 1
export const UNIT_SHARES = "unit_shares"; // [B, U] sums to 1; 0 where a text has fewer stretches
export const STUDENT_POOL = "student_pool"; // [B, 1, Q] each row a mean over the text's tokens
export const TEACHER_POOL = "teacher_pool"; // [B, 1, H] the teacher's mean, of length 1

export const LOSS = "loss";

/** Keeps the length of a row of zeros, such as a padded stretch, away from zero. */
const TINY = 1e-12;

export interface DistillGraphOptions {
  readonly encoder: Encoder;
  readonly trained: readonly Parameter[];
  /** Weight of the pooled term; 0 leaves it out of the graph. */
  readonly poolWeight: number;
}

/**
 * Outputs: `loss`, and `<name>.grad` of every trained weight; for the word table the rows [B*T, H]
 * that belong to `input_ids`, which the caller adds up.
 */
export function buildDistillGraph(options: DistillGraphOptions): Graph {
  const { encoder, trained, poolWeight } = options;
  const { architecture } = encoder;
  const g = new Graph();
  const { hidden, wordRows, replaced } = student(g, encoder, trained);
  const H = encoder.config.hidden;

  const units = ops.MatMul(g, g.input(STUDENT_UNITS, "float32", ["B", "U", "Q"]), hidden);
  const teacher = g.input(TEACHER_UNITS, "float32", ["B", "U", H]);
  const shares = g.input(UNIT_SHARES, "float32", ["B", "U"]);
  const distances = ops.Mul(g, shares, distance(g, units, teacher));
  let loss = ops.ReduceSum(g, distances, { axes: [0, 1], keepdims: false });
  if (poolWeight > 0) {
    const pooled = ops.MatMul(g, g.input(STUDENT_POOL, "float32", ["B", 1, "Q"]), hidden);
    const apart = distance(g, pooled, g.input(TEACHER_POOL, "float32", ["B", 1, H])); // [B, 1]
    const mean = ops.ReduceMean(g, apart, { axes: [0, 1], keepdims: false });
    loss = ops.Add(g, loss, ops.Mul(g, mean, g.scalar(poolWeight)));
  }
  g.output(loss, LOSS);
  const valueOf = (name: string): Value =>
    name === architecture.wordTable ? wordRows : replaced.get(name)!;
  const byValue = gradients(
    g,
    loss,
    trained.map(({ name }) => valueOf(name)),
  );
  for (const { name } of trained) g.output(byValue.get(valueOf(name))!, gradOf(name));
  return g;
}

/** The student alone, `hidden` [B, Q, H]: for measuring it between steps. */
export function buildStudentGraph(encoder: Encoder, trained: readonly Parameter[]): Graph {
  const g = new Graph();
  g.output(student(g, encoder, trained).hidden, HIDDEN);
  return g;
}
export const HIDDEN = "hidden";

function student(g: Graph, { config, weights }: Encoder, trained: readonly Parameter[]) {
  const tokens = tokenInputs(g);
  const replaced = new Map(
    trained.map(({ name, dims }) => [name, g.input(name, "float32", dims)] as const),
  );
  const past = emptyPast(g, config, tokens.inputIds);
  const inputs = { ...tokens, past, replaced };
  const built = buildEncoder(g, config.encoder, weights, inputs, { isTrained: true });
  return { hidden: built.lastHiddenState, wordRows: built.wordRows, replaced };
}

/** 1 - cos of rows of x and rows `y` of length 1: [B, N, H] -> [B, N]. */
function distance(g: Graph, x: Value, y: Value): Value {
  const along = ops.ReduceSum(g, ops.Mul(g, x, y), { axes: [2], keepdims: false });
  const squares = ops.ReduceSum(g, ops.Mul(g, x, x), { axes: [2], keepdims: false });
  const length = ops.Sqrt(g, ops.Add(g, squares, g.scalar(TINY)));
  return ops.Sub(g, g.scalar(1), ops.Div(g, along, length));
}
