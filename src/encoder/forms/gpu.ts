/**
 * The serving graph for ONNX Runtime's WebGPU provider, built where it runs from the base's own
 * weights: same inputs, same output, same 8-bit integers as the serving graph (serving.ts).
 *
 * WebGPU has no 8-bit products of activations, so rows stay float and are multiplied with weights in
 * blocks (graph/quantization/blocks.ts). Attention, norms and sums are of ops that the provider has,
 * no node has more than seven outputs, and the tables keep their 4 or 8 bits.
 */
import { FormatError } from "../../core/errors.ts";
import { BIAS_DELTAS, LAST_HIDDEN_STATE, LAYER_WEIGHTS, sizeOf } from "../../core/model/shapes.ts";
import { float32, toFloat32 } from "../../core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../core/model/tensor.ts";
import { Graph } from "../../graph/graph.ts";
import type { Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import { unsigned } from "../../graph/quantization/int8.ts";
import type { Architecture, EncoderConfig } from "../families/architecture.ts";
import { buildEncoder } from "../layers/encoder.ts";
import { MOST_GPU_OUTPUTS } from "../layers/inputs.ts";
import type { Weights } from "../layers/tensor-spec.ts";
import { countDeltas, deltaSpecs } from "./deltas.ts";
import { encoderInputs } from "./inputs.ts";

/** Ops that the WebGPU provider computes in onnxruntime-web 1.30, of those that encoders are made of. */
const ON_GPU: ReadonlySet<string> = new Set([
  "Abs",
  "Add",
  "Concat",
  "Expand",
  "Gather",
  "GatherBlockQuantized",
  "Gelu",
  "Greater",
  "LayerNormalization",
  "MatMul",
  "MatMulNBits",
  "Mul",
  "Pad",
  "Relu",
  "Reshape",
  "Sigmoid",
  "SimplifiedLayerNormalization",
  "Slice",
  "Softmax",
  "Split",
  "Squeeze",
  "Sub",
  "Transpose",
  "Unsqueeze",
  "Where",
]);

/** Shapes and masks, a few integers a run: the runtime computes these on the CPU. */
const ON_CPU: ReadonlySet<string> = new Set(["Cast", "Mod", "Range", "Shape"]);

/** The vectors named in deltaSpecs with `bias_deltas` [D, W] on top, each [D, 1, n]. */
function changedVectors(
  graph: Graph,
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
): ReadonlyMap<string, Value> {
  const specs = deltaSpecs(architecture, config);
  const packed = new Float32Array(countDeltas(architecture, config));
  let at = 0;
  for (const { name, dims } of specs) {
    packed.set(toFloat32(tensorOf(weights, name)), at);
    at += sizeOf(dims);
  }
  const stored = graph.constant("vectors", float32([packed.length], packed));
  const deltas = graph.input(BIAS_DELTAS, "float32", ["D", packed.length]);
  const byText = ops.Unsqueeze(graph, ops.Add(graph, stored, deltas), 1);
  const sizes = specs.map(({ dims }) => sizeOf(dims));
  const vectors = ops.Split(graph, byText, sizes, 2, MOST_GPU_OUTPUTS);
  return new Map(specs.map(({ name }, i) => [name, vectors[i]!]));
}

function tensorOf(weights: Weights, name: string): Tensor {
  const tensor = weights.get(name);
  if (tensor) return tensor;
  throw new FormatError("tensor-missing", `tensor "${name}": the weights do not hold it`);
}

/**
 * Texts, prefixes, deltas -> encoder -> `last_hidden_state` [B, Q, H]. `weights` are as the base's
 * shards hold them. Throws FormatError `tensor-missing`, or `engine-unsupported` for an encoder with
 * an op that WebGPU has not.
 */
export function buildGpuGraph(
  architecture: Architecture,
  config: EncoderConfig,
  weights: Weights,
): Graph {
  const graph = new Graph();
  const inputs = {
    ...encoderInputs(graph, config),
    replaced: changedVectors(graph, architecture, config, weights),
    layerWeights: graph.input(LAYER_WEIGHTS, "float32", ["D", config.layers + 1]),
  };
  const form = { isGpu: true, tabledPositions: config.maxPositions };
  const { lastHiddenState } = buildEncoder(
    graph,
    config.encoder,
    withUnsignedTables(weights),
    inputs,
    form,
  );
  checkOps(graph, config.modelType);
  graph.output(lastHiddenState, LAST_HIDDEN_STATE);
  return graph;
}

/** Throws FormatError `engine-unsupported` for a graph with a node that WebGPU cannot compute. */
export function checkOps(graph: Graph, family: string): void {
  const foreign = graph.nodes.find(({ op }) => !ON_GPU.has(op) && !ON_CPU.has(op));
  if (!foreign) return;
  throw new FormatError(
    "engine-unsupported",
    `base of the family "${family}": its encoder needs the op ${foreign.op}, which ONNX Runtime's WebGPU provider does not have; use the backend "wasm"`,
  );
}

/** int8 tables in the form in which the provider looks rows up: the same integers plus 128. */
function withUnsignedTables(weights: Weights): Weights {
  return new Map(
    Array.from(weights, ([name, tensor]) => [
      name,
      tensor.dtype === "int8" ? unsigned(tensor as TensorOf<"int8">) : tensor,
    ]),
  );
}
