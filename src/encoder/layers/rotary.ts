/**
 * Rotary positions (RoFormer, arXiv 2104.09864), in the layout of Hugging Face's models: number i of
 * a head and number i + D/2 are one point in the plane, turned by position * theta^(-2i/D).
 *   (a, b) -> (a cos - b sin, b cos + a sin)
 * Only the tokens are turned. The keys of a prefix are taken as already rotated.
 *
 * The angles follow from `position_ids`, so a position offset turns all tokens of a text alike. They
 * are worked out when the graph runs: tables for every position would be part of the base. A GPU gets
 * tables all the same, made where the graph is built: WebGPU's cosine errs by up to 2^-11, and says
 * nothing of angles beyond pi.
 */
import { float32 } from "../../core/model/tensor.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import type { EncoderInputs } from "./inputs.ts";

/** Cosines and sines of all angles: [B, T, 1, D/2], the same for every head. */
export interface Rotation {
  readonly cos: Value;
  readonly sin: Value;
}

/** The rotation of every position by `theta`, the base of the angles. */
export function rotation(
  g: Graph,
  inputs: EncoderInputs,
  headSize: number,
  theta: number,
): Rotation {
  const speeds = g.shared(`rotary_${theta}_${headSize}`, () =>
    float32([headSize / 2], speedsOf(headSize, theta)),
  );
  const positions = ops.Cast(g, positionsOf(g, inputs), "float32");
  const angles = ops.Mul(g, ops.Unsqueeze(g, positions, 2, 3), speeds); // [B, T, 1, D/2]
  return { cos: g.add("Cos", [angles]), sin: g.add("Sin", [angles]) };
}

/** Angle per position, for each point of a head: [D/2]. */
const speedsOf = (headSize: number, theta: number): Float32Array =>
  Float32Array.from({ length: headSize / 2 }, (_, i) => theta ** (-i / (headSize / 2)));

/** The same looked up in tables of the first `count` positions. */
export function tabledRotation(
  g: Graph,
  { positionIds }: EncoderInputs,
  headSize: number,
  theta: number,
  count: number,
): Rotation {
  const speeds = speedsOf(headSize, theta);
  const rows = (name: string, turn: (angle: number) => number): Value => {
    const table = g.shared(`${name}_${theta}_${headSize}`, () => {
      const data = new Float32Array(count * speeds.length);
      for (let i = 0; i < data.length; i++) {
        const position = Math.floor(i / speeds.length);
        data[i] = turn(Math.fround(position * speeds[i % speeds.length]!));
      }
      return float32([count, speeds.length], data);
    });
    return ops.Unsqueeze(g, ops.Gather(g, table, positionIds), 2); // [B, T, 1, D/2]
  };
  return { cos: rows("cos", Math.cos), sin: rows("sin", Math.sin) };
}

/** Trained input embeddings have no position: an angle of 0 leaves them as they are. */
function positionsOf(g: Graph, { positionIds, inputIds, prompt }: EncoderInputs): Value {
  if (!prompt) return positionIds;
  const shape = ops.Concat(g, [ops.Shape(g, inputIds, 0, 1), ops.Shape(g, prompt, 0, 1)], 0);
  const zeros = ops.Expand(g, g.ints(0), shape, ["B", "S"]);
  return g.add("Concat", [positionIds, zeros], { axis: 1 }, { dims: ["B", "T"] });
}

/** The rotation of the first Q positions. */
export function firstOf(g: Graph, { cos, sin }: Rotation, inputs: EncoderInputs): Rotation {
  const cut = (x: Value): Value =>
    ops.Slice(g, x, g.ints(0), inputs.queryLength, 1, ["B", "Q", 1, x.dims[3]!]);
  return { cos: cut(cos), sin: cut(sin) };
}

/** Turns the heads of x [B*T, n*D]; `shape` is (B, T, n, D) at run time. */
export function rotate(
  g: Graph,
  x: Value,
  { cos, sin }: Rotation,
  { heads, headSize, shape }: { heads: number; headSize: number; shape: Value },
): Value {
  const half = headSize / 2;
  const dims = [...cos.dims.slice(0, 2), heads, headSize];
  const [a, b] = g.addAll(
    "Split",
    [ops.ReshapeTo(g, x, shape, dims), g.ints(half, half)],
    { axis: 3 },
    { outputs: 2 },
  );
  const turned = ops.Concat(
    g,
    [
      ops.Sub(g, ops.Mul(g, a!, cos), ops.Mul(g, b!, sin)),
      ops.Add(g, ops.Mul(g, b!, cos), ops.Mul(g, a!, sin)),
    ],
    3,
  );
  return ops.Reshape(g, turned, [-1, heads * headSize]);
}
