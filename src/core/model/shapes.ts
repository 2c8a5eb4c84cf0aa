/**
 * The naming authority: shape letters, graph input and output names, dimension checks.
 *
 * Shape letters, used in trailing comments everywhere:
 *   B batch, T tokens, P prefix length, Q queries of the last layer, L layers,
 *   N heads, D head size, H hidden size, V vocabulary, C labels, S word shapes, M prototypes.
 */
import { FormatError } from "../errors.ts";

/** Graph inputs and outputs, spelled as Hugging Face spells them. */
export const INPUT_IDS = "input_ids"; // [B, T] int64
export const ATTENTION_MASK = "attention_mask"; // [B, P+T] int64, 1 = may be attended
export const TOKEN_TYPE_IDS = "token_type_ids"; // [B, T] int64
export const POSITION_IDS = "position_ids"; // [B, T] int64
export const QUERY_LENGTH = "query_length"; // [1] int64: the last layer answers for this many positions
/** [D, W] float32, D = 1 or B: on top of every bias and LayerNorm weight of the layers, one after the other. */
export const BIAS_DELTAS = "bias_deltas";
/** [D, L+1] float32, D = 1 or B: shares of the embeddings' and of each layer's output in the answer. */
export const LAYER_WEIGHTS = "layer_weights";
/** [R, sum of in] float32: factors A of all low-rank changes in a batch, of every linear side by side. */
export const LORA_A = "lora_A";
/** [R, sum of out] float32: their factors B. */
export const LORA_B = "lora_B";
/** [D, R] float32, D as of BIAS_DELTAS: 1 where a row has the change, 0 where it is another task's. */
export const LORA_ROWS = "lora_rows";
export const LAST_HIDDEN_STATE = "last_hidden_state"; // [B, Q, H] float32

/** Name of the prefix keys that enter layer `layer`: [B, N, P, D] float32. */
export const pastKey = (layer: number): string => `past_key_values.${layer}.key`;
/** Name of the prefix values that enter layer `layer`: [B, N, P, D] float32. */
export const pastValue = (layer: number): string => `past_key_values.${layer}.value`;

/** Names in a task's `prefix.safetensors`, spelled as PEFT spells them. */
export const PROMPT_EMBEDDINGS = "prompt_embeddings"; // [P, 2*L*N*D]
export const CLASSIFIER_WEIGHT = "classifier.weight"; // [C, H]
export const CLASSIFIER_BIAS = "classifier.bias"; // [C]
/** Of a token task's head, where it has them: a column for each of WORD_SHAPES, and which tags follow which. */
export const SHAPE_WEIGHT = "word_shapes.weight"; // [C, S]
export const TRANSITIONS = "transitions"; // [C, C], from row to column
export const START_TRANSITIONS = "start_transitions"; // [C]
/** Of a task that may answer that a text fits no label: see prototypes.ts. */
export const PROTOTYPES = "prototypes"; // [M, H] int8

// Besides these, BIAS_DELTAS [W] and LAYER_WEIGHTS [L+1] as the graph spells them, and the factors
// of low-rank changes (low-rank.ts).

/** Names in a base's `pooler.safetensors`, spelled as Hugging Face spells them. */
export const POOLER_WEIGHT = "pooler.dense.weight"; // [H, H]
export const POOLER_BIAS = "pooler.dense.bias"; // [H]

/** Name of the gradient of `tensor` in a training graph. */
export const gradOf = (tensor: string): string => `${tensor}.grad`;

/** Number of elements in a tensor of these dimensions; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Throws `tensor-shape-mismatch` unless `found` equals `expected`. */
export function checkDims(
  subject: string,
  found: readonly number[],
  expected: readonly number[],
): void {
  if (found.length !== expected.length || found.some((dim, i) => dim !== expected[i])) {
    throw new FormatError(
      "tensor-shape-mismatch",
      `${subject}: shape is [${found.join(", ")}], expected [${expected.join(", ")}]`,
    );
  }
}
