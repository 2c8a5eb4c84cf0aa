/**
 * The tensors that a method trains: names, dims, initial values, and how fast each may move. Names
 * are those of the artifact (core/model/shapes.ts), of the checkpoint for whole weights, and PEFT's for
 * the projection, which is folded away before anything is evaluated or saved.
 */
import type { Pooling } from "../../core/model/head.ts";
import {
  BIAS_DELTAS,
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  LAYER_WEIGHTS,
  PROMPT_EMBEDDINGS,
  SHAPE_WEIGHT,
  sizeOf,
} from "../../core/model/shapes.ts";
import { toFloat32 } from "../../core/model/tensor.ts";
import { WORD_SHAPES } from "../../core/model/word-shapes.ts";
import { countDeltas } from "../../encoder/forms/deltas.ts";
import type { Architecture, EncoderConfig } from "../../encoder/families/architecture.ts";
import type { Weights } from "../../encoder/layers/tensor-spec.ts";
import type { Objective, TrainedParts } from "../methods.ts";
import { derive, normals, uniforms } from "../random.ts";
import type { Key } from "../random.ts";

/** Parameters, gradients, updates or moments by tensor name. */
export type Arrays = Readonly<Record<string, Float32Array>>;

/** The trained parts, and how hidden states become logits. */
export interface Target {
  readonly parts: TrainedParts;
  /** "none" is token classification. */
  readonly pooling: Pooling;
  readonly numLabels: number; // C
  /** P; 0 where no part has virtual tokens. */
  readonly numVirtualTokens: number;
  /** With "contrastive" there is no head to train: it is fitted afterwards. */
  readonly objective?: Objective;
  /** The head of a token task also has weights for how words are written (core/model/word-shapes.ts). */
  readonly readsWords?: boolean;
}

/** The encoder that it is trained on, with float weights. */
export interface Encoder {
  readonly architecture: Architecture;
  readonly config: EncoderConfig;
  readonly weights: Weights;
  readonly pooler: Weights | null;
}

export interface Parameter {
  readonly name: string;
  readonly dims: readonly number[];
  readonly start: (key: Key) => Float32Array;
  /** Factor on the learning rate. */
  readonly rate: number;
  /** Biases and LayerNorm weights of full fine-tuning keep their size, as in Hugging Face's Trainer. */
  readonly hasDecay: boolean;
}

/** Trained input embeddings: [S, H]. */
export const INPUT_PROMPT = "input_prompt";

/** PEFT's names for the network of prefix tuning, and the width of its middle. */
export const PROJECTION = {
  embedding: "embedding.weight", // [P, H]
  downWeight: "transform.0.weight", // [512, H]
  downBias: "transform.0.bias",
  upWeight: "transform.2.weight", // [2*L*N*D, 512]
  upBias: "transform.2.bias",
} as const;
export const PROJECTION_WIDTH = 512;

/** Deviation of a new head's values: BERT's for new layers. */
const HEAD_DEVIATION = 0.02;
/**
 * Deviation of a new prefix's values: PEFT's. Small values start all virtual tokens nearly equal,
 * with nearly equal gradients, so they are slow to part: on SST-2 with MiniLM-L6 and 16 of them,
 * the first of three epochs had 83.8 % with 0.02 and 85.3 % with 1.
 */
const PREFIX_DEVIATION = 1;
/** Deltas move weights that a prefix's rate would throw far off. */
const DELTA_RATE_BESIDE_PREFIX = 0.3;

/** Width of a row of `prompt_embeddings`. */
export const prefixWidth = ({ layers, kvHeads, headSize }: EncoderConfig): number =>
  2 * layers * kvHeads * headSize;

/** Everything that `target` trains, in a fixed order. */
export function parametersOf(target: Target, encoder: Encoder): Parameter[] {
  const { parts, numLabels: C, numVirtualTokens: P } = target;
  const { config } = encoder;
  const { hidden: H, layers } = config;
  const width = prefixWidth(config);
  const list: Parameter[] = [];
  const add = (
    name: string,
    dims: readonly number[],
    start: (key: Key) => Float32Array,
    options: Partial<Pick<Parameter, "rate" | "hasDecay">> = {},
  ): void => {
    list.push({ name, dims, start, rate: 1, hasDecay: true, ...options });
  };
  const drawn = (dims: readonly number[], deviation: number) => (key: Key) =>
    normals(key, sizeOf(dims), deviation);
  const zeros = (dims: readonly number[]) => () => new Float32Array(sizeOf(dims));

  if (parts.prefix === "direct") {
    add(PROMPT_EMBEDDINGS, [P, width], drawn([P, width], PREFIX_DEVIATION));
  }
  if (parts.prefix === "projection") {
    const { embedding, downWeight, downBias, upWeight, upBias } = PROJECTION;
    add(embedding, [P, H], drawn([P, H], 1));
    linearLayer(downWeight, downBias, H, PROJECTION_WIDTH);
    linearLayer(upWeight, upBias, PROJECTION_WIDTH, width);
  }
  if (parts.prompt)
    add(INPUT_PROMPT, [P, config.encoder.embeddings.width], (key) => wordsDrawn(key, P, encoder));
  if (parts.deltas) {
    const total = countDeltas(encoder.architecture, config);
    const rate = parts.prefix === "none" ? 1 : DELTA_RATE_BESIDE_PREFIX;
    add(BIAS_DELTAS, [total], zeros([total]), { rate });
    const lastOnly = (): Float32Array => new Float32Array(layers + 1).fill(1, layers);
    add(LAYER_WEIGHTS, [layers + 1], lastOnly, { rate, hasDecay: false });
  }
  if (parts.weights) list.push(...weightParameters(wholeWeights(target, encoder)));
  if (target.objective === "contrastive") return list;
  add(CLASSIFIER_WEIGHT, [C, H], drawn([C, H], HEAD_DEVIATION));
  add(CLASSIFIER_BIAS, [C], zeros([C]));
  if (target.readsWords) {
    const dims = [C, WORD_SHAPES.length];
    add(SHAPE_WEIGHT, dims, zeros(dims));
  }
  return list;

  /** torch.nn.Linear: weights and bias uniform within 1 / sqrt(inputs). */
  function linearLayer(weight: string, bias: string, inputs: number, outputs: number): void {
    const bound = 1 / Math.sqrt(inputs);
    const within = (size: number) => (key: Key) => {
      const random = uniforms(key);
      return Float32Array.from({ length: size }, () => bound * (2 * random() - 1));
    };
    add(weight, [outputs, inputs], within(outputs * inputs));
    add(bias, [outputs], within(outputs));
  }
}

/** Stored weights as what is trained: each starts as it is. */
export const weightParameters = (weights: Weights): Parameter[] =>
  Array.from(weights, ([name, tensor]) => ({
    name,
    dims: tensor.dims,
    start: () => toFloat32(tensor).slice(),
    rate: 1,
    hasDecay: tensor.dims.length > 1,
  }));

/** Every weight that fine-tuning moves; the pooler only where the head reads it. */
export function wholeWeights(
  { pooling }: Pick<Target, "pooling">,
  { weights, pooler }: Encoder,
): Weights {
  return new Map([...weights, ...(pooling === "pooler" && pooler ? pooler : [])]);
}

/** Initial values of everything that is trained. */
export const initialParams = (parameters: readonly Parameter[], key: Key): Arrays =>
  Object.fromEntries(parameters.map(({ name, start }) => [name, start(derive(key, name))]));

/** Embeddings of words drawn from the vocabulary: a start that the model understands. */
function wordsDrawn(key: Key, count: number, { architecture, config, weights }: Encoder) {
  const table = toFloat32(weights.get(architecture.wordTable)!);
  const { width } = config.encoder.embeddings;
  const random = uniforms(key);
  const prompt = new Float32Array(count * width);
  for (let p = 0; p < count; p++) {
    const word = Math.floor(random() * config.vocab);
    prompt.set(table.subarray(word * width, (word + 1) * width), p * width);
  }
  return prompt;
}
