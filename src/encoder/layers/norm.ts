/**
 * Norms over the last axis, with weights gamma and beta [H] or [D, 1, H]:
 *   layer  y = (x - mean(x)) / sqrt(variance(x) + epsilon) * gamma + beta    (arXiv 1607.06450)
 *   rms    y = x / sqrt(mean(x * x) + epsilon) * gamma                       (arXiv 1910.07467)
 * beta may be absent in both.
 *
 * A float or trained graph takes ONNX's LayerNormalization, or ONNX Runtime's
 * SimplifiedLayerNormalization for rms: one op with one gradient. An 8-bit graph that serves takes
 * elementary ops, which are three times quicker in wasm. A GPU takes the op without weights where those
 * differ by text: every node is a dispatch.
 */
import { float32 } from "../../core/model/tensor.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import type { StoredWeights } from "./stored-weights.ts";
import type { TensorSpec } from "./tensor-spec.ts";

/** `<name>.weight` and, where it has one, `<name>.bias`. */
export interface NormSpec {
  readonly name: string;
  readonly width: number; // H
  readonly kind: "layer" | "rms";
  readonly hasBias: boolean;
  readonly epsilon: number;
}

export const normTensors = ({ name, width, hasBias }: NormSpec): TensorSpec[] => [
  { name: `${name}.weight`, dims: [width], kind: "float" },
  ...(hasBias ? [{ name: `${name}.bias`, dims: [width], kind: "float" } as const] : []),
];

/** The norm of x [.., H], in x's shape. */
export function norm(w: StoredWeights, spec: NormSpec, x: Value): Value {
  const { g, form } = w;
  const { name, kind, hasBias, epsilon } = spec;
  const gamma = w.vector(`${name}.weight`);
  const beta = hasBias ? w.vector(`${name}.bias`) : null;
  const { isTrained = false } = form;
  if ((isTrained || !w.isInt8) && gamma.dims.length === 1) {
    const options = { keepsStatistics: isTrained };
    if (kind === "layer") return ops.layerNorm(g, x, gamma, beta, epsilon, options);
    const scaled = ops.rmsNorm(g, x, gamma, epsilon, options);
    return beta ? ops.Add(g, scaled, beta) : scaled;
  }
  const normal = form.isGpu ? normalNode(w, spec, x) : normalized(g, spec, x);
  const scaled = ops.Mul(g, normal, gamma);
  return beta ? ops.Add(g, scaled, beta) : scaled;
}

const normalized = (g: Graph, { kind, epsilon }: NormSpec, x: Value): Value =>
  kind === "layer" ? ops.normalize(g, x, epsilon) : ops.normalizeRms(g, x, epsilon);

/** The same as one node, with gains of 1. */
function normalNode({ g }: StoredWeights, { kind, width, epsilon }: NormSpec, x: Value): Value {
  const ones = g.shared(`ones_${width}`, () => float32([width], new Float32Array(width).fill(1)));
  return kind === "layer"
    ? ops.layerNorm(g, x, ones, null, epsilon)
    : ops.rmsNorm(g, x, ones, epsilon);
}
