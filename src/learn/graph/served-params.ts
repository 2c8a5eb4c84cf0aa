/** Trained parameters as a task has them: the tensors of its file, and what the encoder reads of those. */
import { emptyPrefix, unpackPrefix } from "../../core/model/prefix.ts";
import type { Prefix, PrefixShape } from "../../core/model/prefix.ts";
import {
  BIAS_DELTAS,
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  LAYER_WEIGHTS,
  PROMPT_EMBEDDINGS,
  PROTOTYPES,
  SHAPE_WEIGHT,
} from "../../core/model/shapes.ts";
import { float32, toFloat16, toFloat32 } from "../../core/model/tensor.ts";
import type { TensorOf } from "../../core/model/tensor.ts";
import { PROJECTION } from "./parameters.ts";
import type { Arrays, Target } from "./parameters.ts";

type Tensors = Map<string, TensorOf<"float32">>;

/** The tensors of a task's file: floats, and the prototypes as they are stored. */
export type ServedTensors = Map<string, TensorOf<"float32"> | TensorOf<"int8">>;

/**
 * The parameters in a task's file: the head, deltas, prototypes, and `prompt_embeddings`
 * [P, 2*L*N*D], which the projection's network is folded into: tanh(E A' + a) B' + b. Parts that cannot be served
 * (input embeddings, whole weights) are left out.
 */
export function servedParams(params: Arrays, target: Target): ServedTensors {
  const { numLabels: C, readsWords } = target;
  const served: ServedTensors = encoderParams(params, target);
  served.set(CLASSIFIER_WEIGHT, rowsOf(C, params[CLASSIFIER_WEIGHT]!));
  served.set(CLASSIFIER_BIAS, float32([C], params[CLASSIFIER_BIAS]!));
  if (readsWords) served.set(SHAPE_WEIGHT, rowsOf(C, params[SHAPE_WEIGHT]!));
  const prototypes = params[PROTOTYPES];
  if (prototypes) {
    const hidden = params[CLASSIFIER_WEIGHT]!.length / C;
    const dims = [prototypes.length / hidden, hidden];
    served.set(PROTOTYPES, { dtype: "int8", dims, data: Int8Array.from(prototypes) });
  }
  return served;
}

/** What an encoder is given of parameters, rounded as in a task's file of float16 numbers. */
export function servedPrefix(params: Arrays, target: Target, shape: PrefixShape): Prefix {
  const tensors = encoderParams(params, target);
  const rounded = (name: string): Float32Array => {
    const { dims, data } = tensors.get(name)!;
    return toFloat32({ dtype: "float16", dims, data: toFloat16(data) });
  };
  const embeddings = tensors.get(PROMPT_EMBEDDINGS);
  const prefix = embeddings
    ? unpackPrefix(rounded(PROMPT_EMBEDDINGS), embeddings.dims, shape, "trained prefix")
    : emptyPrefix(shape);
  if (!target.parts.deltas) return prefix;
  const deltas = { biasDeltas: rounded(BIAS_DELTAS), layerWeights: rounded(LAYER_WEIGHTS) };
  return { ...prefix, deltas };
}

function encoderParams(params: Arrays, { numVirtualTokens: P, parts }: Target): Tensors {
  const tensors: Tensors = new Map();
  const put = (values: Float32Array): void =>
    void tensors.set(PROMPT_EMBEDDINGS, rowsOf(P, values));
  if (parts.prefix === "direct") put(params[PROMPT_EMBEDDINGS]!);
  if (parts.prefix === "projection") put(foldedPrefix(params));
  if (parts.deltas) {
    for (const name of [BIAS_DELTAS, LAYER_WEIGHTS]) {
      tensors.set(name, float32([params[name]!.length], params[name]!));
    }
  }
  return tensors;
}

const rowsOf = (rows: number, values: Float32Array): TensorOf<"float32"> =>
  float32([rows, values.length / rows], values);

function foldedPrefix(params: Arrays): Float32Array {
  const { embedding, downWeight, downBias, upWeight, upBias } = PROJECTION;
  const middle = affine(params[embedding]!, params[downWeight]!, params[downBias]!).map(Math.tanh);
  return affine(middle, params[upWeight]!, params[upBias]!);
}

/** x [n, in] W' + bias, W [out, in]. */
function affine(x: Float32Array, weight: Float32Array, bias: Float32Array): Float32Array {
  const outputs = bias.length;
  const inputs = weight.length / outputs;
  const rows = x.length / inputs;
  const y = new Float32Array(rows * outputs);
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias[o]!;
      for (let i = 0; i < inputs; i++) sum += x[r * inputs + i]! * weight[o * inputs + i]!;
      y[r * outputs + o] = sum;
    }
  }
  return y;
}
