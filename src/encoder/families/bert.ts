/**
 * BERT: token, position and type embeddings, then post-LayerNorm layers of self-attention and a
 * feed-forward block. Reference: transformers' modeling_bert.py (names, order, epsilon), with
 * P-Tuning v2's prefix entering as past keys and values.
 *
 * Activations are matrices [B*T, H] between the attention products. The last layer answers only
 * for the first Q positions of each row: its keys and values need all tokens, the rest does not.
 */
import { FormatError } from "../../core/errors.ts";
import { readRecord } from "../../core/record.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import * as ops from "../../graph/ops.ts";
import { checkActivation } from "../../graph/ops.ts";
import type {
  Architecture,
  EncoderConfig,
  EncoderInputs,
  EncoderOutputs,
  GraphForm,
  TensorSpec,
  Weights,
} from "../architecture.ts";
import { mixLayers, withPrompt } from "../additions.ts";
import { attention, attentionFrame } from "../layers/attention.ts";
import { Projections } from "../layers/projections.ts";

/** Minimum of GELU and of its tanh approximation, rounded away from zero (exact: -0.16997, -0.17004). */
const GELU_MIN = -0.1701;

const SUBJECT = "config.json";

function readConfig(json: unknown): EncoderConfig {
  const r = readRecord(json, SUBJECT, "config-invalid");
  const unsupported = (what: string): never => {
    throw new FormatError("architecture-unsupported", `${SUBJECT}: ${what}`);
  };
  const position = r.has("position_embedding_type")
    ? r.string("position_embedding_type")
    : "absolute";
  if (position !== "absolute") {
    unsupported(`position_embedding_type is "${position}"; supported is "absolute"`);
  }
  for (const flag of ["is_decoder", "add_cross_attention"]) {
    if (r.raw(flag) === true) unsupported(`${flag} is true; supported are encoders (false)`);
  }
  const hidden = r.count("hidden_size", 1, 8192);
  const heads = r.count("num_attention_heads", 1, 512);
  if (hidden % heads !== 0) {
    r.fail(`hidden_size ${hidden} does not divide into num_attention_heads ${heads}`);
  }
  const vocab = r.count("vocab_size", 1, 2_000_000);
  return {
    modelType: "bert",
    layers: r.count("num_hidden_layers", 1, 96),
    hidden,
    heads,
    kvHeads: heads,
    headSize: hidden / heads,
    intermediate: r.count("intermediate_size", 1, 65_536),
    vocab,
    typeVocab: r.count("type_vocab_size", 1, 1024),
    maxPositions: r.count("max_position_embeddings", 3, 65_536),
    firstPosition: 0,
    padTokenId: r.has("pad_token_id") ? r.count("pad_token_id", 0, vocab - 1) : 0,
    epsilon: r.has("layer_norm_eps") ? r.number("layer_norm_eps", 1e-15, 1) : 1e-12,
    activation: checkActivation(SUBJECT, r.has("hidden_act") ? r.string("hidden_act") : "gelu"),
  };
}

const writeConfig = (config: EncoderConfig): ReturnType<Architecture["writeConfig"]> => ({
  model_type: config.modelType,
  num_hidden_layers: config.layers,
  hidden_size: config.hidden,
  num_attention_heads: config.heads,
  num_key_value_heads: config.kvHeads,
  head_dim: config.headSize,
  intermediate_size: config.intermediate,
  hidden_act: config.activation,
  layer_norm_eps: config.epsilon,
  position_embedding_type: "absolute",
  max_position_embeddings: config.maxPositions,
  vocab_size: config.vocab,
  type_vocab_size: config.typeVocab,
  pad_token_id: config.padTokenId,
});

const EMBEDDINGS = "embeddings";
const WORDS = `${EMBEDDINGS}.word_embeddings.weight`;
const POSITIONS = `${EMBEDDINGS}.position_embeddings.weight`;
/** Names of the input scales: of query, key and value together, and of the feed-forward block. */
const attentionScale = (at: string): string => `${at}.attention.self.input_scale`;
const feedForwardScale = (at: string): string => `${at}.intermediate.dense.input_scale`;
const activationMin = ({ activation }: EncoderConfig): number =>
  activation === "relu" ? 0 : GELU_MIN;
const layerName = (layer: number): string => `encoder.layer.${layer}`;

function tensors(config: EncoderConfig): TensorSpec[] {
  const { hidden: H, intermediate: I } = config;
  const float = (name: string, ...dims: number[]): TensorSpec => ({ name, dims, kind: "float" });
  const norm = (name: string): TensorSpec[] => [
    float(`${name}.weight`, H),
    float(`${name}.bias`, H),
  ];
  const linear = (
    name: string,
    from: number,
    to: number,
    input: Pick<TensorSpec, "inputMin" | "inputScale"> = {},
  ): TensorSpec[] => [
    { name: `${name}.weight`, dims: [to, from], kind: "linear", ...input },
    float(`${name}.bias`, to),
  ];
  const inputMin = activationMin(config);
  return [
    { name: WORDS, dims: [config.vocab, H], kind: "words" },
    { name: POSITIONS, dims: [config.maxPositions, H], kind: "positions" },
    float(`${EMBEDDINGS}.token_type_embeddings.weight`, config.typeVocab, H),
    ...norm(`${EMBEDDINGS}.LayerNorm`),
    ...Array.from({ length: config.layers }, (_, layer) => layerName(layer)).flatMap((at) => [
      ...linear(`${at}.attention.self.query`, H, H, { inputScale: attentionScale(at) }),
      ...linear(`${at}.attention.self.key`, H, H, { inputScale: attentionScale(at) }),
      ...linear(`${at}.attention.self.value`, H, H, { inputScale: attentionScale(at) }),
      ...linear(`${at}.attention.output.dense`, H, H),
      ...norm(`${at}.attention.output.LayerNorm`),
      ...linear(`${at}.intermediate.dense`, H, I, { inputScale: feedForwardScale(at) }),
      ...linear(`${at}.output.dense`, I, H, { inputMin }),
      ...norm(`${at}.output.LayerNorm`),
    ]),
    { name: "pooler.dense.weight", dims: [H, H], kind: "pooler" },
    { name: "pooler.dense.bias", dims: [H], kind: "pooler" },
  ];
}

function buildEncoder(
  g: Graph,
  config: EncoderConfig,
  weights: Weights,
  given: EncoderInputs,
  form: GraphForm = {},
): EncoderOutputs {
  const p = new Projections(g, weights, given, form);
  const { hidden: H, epsilon } = config;

  const flat = (ids: Value): Value => ops.Reshape(g, ids, [-1]); // [B, T] -> [B*T]
  const words = p.lookup(WORDS, flat(given.inputIds), H); // [B*T, H]
  const positions = p.lookup(POSITIONS, flat(given.positionIds), H);
  const types = p.lookup(`${EMBEDDINGS}.token_type_embeddings.weight`, flat(given.tokenTypeIds), H);
  const { embedded, inputs } = withPrompt(
    g,
    ops.Add(g, ops.Add(g, words, types), positions),
    given,
  );
  const frame = attentionFrame(g, config, inputs, {
    isServed: !form.isTrained,
    isLean: p.isInt8 && !form.isTrained,
  });
  let x = p.texts.rows(p.norm(`${EMBEDDINGS}.LayerNorm`, embedded, epsilon));
  const outputs = [x];
  for (let layer = 0; layer < config.layers; layer++) {
    const at = layerName(layer);
    const isLast = layer === config.layers - 1;
    const keyRows = p.rows(x, { inputScale: attentionScale(at) }); // [B*T, H]
    const queryRows = isLast ? p.firstPositions(keyRows, inputs) : keyRows; // [B*Q, H]
    const context = attention(g, frame, {
      query: p.linear(`${at}.attention.self.query`, queryRows),
      key: p.linear(`${at}.attention.self.key`, keyRows),
      value: p.linear(`${at}.attention.self.value`, keyRows),
      past: inputs.past[layer]!,
      isLast,
    });
    const mixed = p.linear(`${at}.attention.output.dense`, p.rows(context));
    const attended = p.norm(
      `${at}.attention.output.LayerNorm`,
      ops.Add(g, mixed, queryRows.x),
      epsilon,
    );
    const widened = p.activated(
      `${at}.intermediate.dense`,
      p.rows(attended, { inputScale: feedForwardScale(at) }),
      config.activation,
    ); // [B*T, I]
    const narrowed = p.linear(
      `${at}.output.dense`,
      p.rows(widened, { min: activationMin(config) }),
    );
    x = p.norm(`${at}.output.LayerNorm`, ops.Add(g, narrowed, attended), epsilon);
    outputs.push(x);
  }
  const { layerWeights } = inputs;
  const answer = layerWeights ? mixLayers(g, p.texts, inputs, layerWeights, outputs) : x;
  return {
    lastHiddenState: ops.ReshapeTo(g, answer, frame.output, ["B", "Q", H]),
    wordRows: words,
    scaledInputs: p.scaledInputs,
  };
}

function renameLayer(name: string, rename: (layer: number) => number | null): string | null {
  const match = /^encoder\.layer\.(\d+)\.(.*)$/.exec(name);
  if (!match) return name;
  const to = rename(Number(match[1]));
  return to === null ? null : `${layerName(to)}.${match[2]}`;
}

export const bert: Architecture = {
  readConfig,
  writeConfig,
  tensors,
  prefixes: ["bert."],
  ignored: /^(embeddings\.position_ids|cls\..*|classifier\..*|qa_outputs\..*|dropout\..*)$/,
  renameLayer,
  wordTable: WORDS,
  buildEncoder,
};
