/**
 * One distillation step: the teacher reads a batch, its states are the targets of the student's graph,
 * which returns loss and gradients. The teacher's states are not stored.
 */
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { INPUT_IDS, gradOf } from "../../../src/core/model/shapes.ts";
import { float32, toFloat32 } from "../../../src/core/model/tensor.ts";
import type { Feeds, GraphFiles, Session } from "../../../src/engine/session.ts";
import { packGraph } from "../../../src/graph/encoding/pack.ts";
import type { Arrays, Encoder, Parameter } from "../../../src/learn/graph/parameters.ts";
import { tableGradient } from "../../../src/learn/loop/step.ts";
import type { StepResult } from "../../../src/learn/loop/trainer.ts";
import type { AlignedText } from "./align.ts";
import {
  LOSS,
  STUDENT_POOL,
  STUDENT_UNITS,
  TEACHER_POOL,
  TEACHER_UNITS,
  UNIT_SHARES,
  buildDistillGraph,
  buildStudentGraph,
} from "./graph.ts";
import { meanPooled, normalizeRows, studentStates, tokenFeeds, unitMeans } from "./states.ts";
import type { ReadStates } from "./states.ts";

export interface DistillSession {
  step(batch: readonly AlignedText[], params: Arrays): Promise<StepResult>;
  /** The student's states with these weights. */
  states(params: Arrays): ReadStates;
  release(): Promise<void>;
}

export interface DistillSessionOptions {
  readonly encoder: Encoder;
  readonly manifest: BaseManifest;
  readonly trained: readonly Parameter[];
  readonly poolWeight: number;
  readonly teacher: ReadStates;
  readonly createSession: (files: GraphFiles) => Promise<Session>;
}

/** Builds and loads the student's two graphs, for learning and for being measured. */
export async function openDistillSession(options: DistillSessionOptions): Promise<DistillSession> {
  const { encoder, manifest, trained, poolWeight, teacher, createSession } = options;
  const { architecture, config } = encoder;
  const load = (graph: ReturnType<typeof buildDistillGraph>): Promise<Session> =>
    createSession(packGraph(graph, { isExternal: (name) => encoder.weights.has(name) }));
  const learning = await load(buildDistillGraph({ encoder, trained, poolWeight }));
  const reading = await load(buildStudentGraph(encoder, trained));
  const fetches = [LOSS, ...trained.map(({ name }) => gradOf(name))];
  const hasWords = trained.some(({ name }) => name === architecture.wordTable);
  const table = hasWords ? tableGradient(config.vocab, config.hidden) : null;
  // The word table is read by the encoder only through its rows, but it is an input like the rest.
  const feedsOf = (params: Arrays): Feeds =>
    Object.fromEntries(trained.map(({ name, dims }) => [name, float32(dims, params[name]!)]));

  return {
    async step(batch, params) {
      const { feeds } = tokenFeeds(
        batch.map(({ student }) => student),
        manifest,
      );
      const states = await teacher(batch.map((text) => text.teacher));
      const all = { ...feeds, ...feedsOf(params), ...targetsOf(batch, states, config.hidden) };
      if (poolWeight > 0) Object.assign(all, poolsOf(batch, states, config.hidden));
      const outputs = await learning.run(all, fetches);
      const grads: Record<string, Float32Array> = {};
      for (const { name } of trained) grads[name] = toFloat32(outputs[gradOf(name)]!);
      if (table) {
        const name = architecture.wordTable;
        grads[name] = table(feeds[INPUT_IDS]!, grads[name]!);
      }
      return { loss: toFloat32(outputs[LOSS]!)[0]!, grads };
    },
    states: (params) => studentStates(reading, manifest, () => feedsOf(params)),
    async release() {
      await learning.release();
      await reading.release();
    },
  };
}

const longest = (batch: readonly AlignedText[]): number =>
  Math.max(...batch.map(({ student }) => student.ids.length));

/** What each stretch of a batch is compared with. */
function targetsOf(
  batch: readonly AlignedText[],
  states: readonly Float32Array[],
  hidden: number,
): Feeds {
  const [B, T] = [batch.length, longest(batch)];
  const U = Math.max(...batch.map(({ numUnits }) => numUnits));
  const share = 1 / batch.reduce((sum, { numUnits }) => sum + numUnits, 0);
  const student = new Float32Array(B * U * T);
  const teacher = new Float32Array(B * U * hidden);
  const shares = new Float32Array(B * U);
  for (const [b, text] of batch.entries()) {
    const counts = new Float32Array(text.numUnits);
    for (const unit of text.student.units) counts[unit]! += 1;
    for (const [token, unit] of text.student.units.entries()) {
      student[(b * U + unit) * T + token] = 1 / counts[unit]!;
    }
    const means = unitMeans(states[b]!, text.teacher.units, text.numUnits, hidden);
    teacher.set(normalizeRows(means, hidden), b * U * hidden);
    shares.fill(share, b * U, b * U + text.numUnits);
  }
  return {
    [STUDENT_UNITS]: float32([B, U, T], student),
    [TEACHER_UNITS]: float32([B, U, hidden], teacher),
    [UNIT_SHARES]: float32([B, U], shares),
  };
}

/** What the mean of each text is compared with. */
function poolsOf(
  batch: readonly AlignedText[],
  states: readonly Float32Array[],
  hidden: number,
): Feeds {
  const [B, T] = [batch.length, longest(batch)];
  const student = new Float32Array(B * T);
  const teacher = new Float32Array(B * hidden);
  for (const [b, text] of batch.entries()) {
    const tokens = text.student.ids.length;
    student.fill(1 / tokens, b * T, b * T + tokens);
    const mean = meanPooled(states[b]!, text.teacher.ids.length, hidden);
    teacher.set(normalizeRows(mean, hidden), b * hidden);
  }
  return {
    [STUDENT_POOL]: float32([B, 1, T], student),
    [TEACHER_POOL]: float32([B, 1, hidden], teacher),
  };
}
