/**
 * A smaller base from a base: a choice of its layers and of its vocabulary. No training happens
 * here; the result is what distillation starts from, or a quick base for development.
 */
import { InputError } from "../../src/core/errors.ts";
import type { WeightDtype } from "../../src/core/format/manifest.ts";
import { canonicalJson, encodeUtf8, parseJson } from "../../src/core/text.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { scaleName } from "../../src/graph/quantization/int8.ts";
import type { Architecture, EncoderConfig } from "../../src/encoder/families/architecture.ts";
import type { Weights } from "../../src/encoder/layers/tensor-spec.ts";
import { sha256 } from "../node/hash.ts";
import {
  baseConfig,
  baseFloatWeights,
  basePooler,
  baseWeights,
  packBase,
} from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import type { OpenSession } from "../../src/encoder/calibrate.ts";
import { shrinkCard } from "./base-card.ts";
import { quantizeWeights } from "../../src/encoder/quantize-weights.ts";
import type { TableForm } from "../../src/encoder/quantize-weights.ts";
import { cutTokenizer, renumber } from "./cut-vocabulary.ts";

export interface ShrinkOptions {
  readonly name: string;
  /** Layers to keep, by their old numbers, in ascending order. */
  readonly layers: readonly number[];
  /** Ids to keep, ascending; null keeps the vocabulary. */
  readonly ids: Int32Array | null;
  readonly dtype: WeightDtype;
  /** How the tables are stored where this is what makes them int8. */
  readonly tables?: TableForm;
  readonly openSession: OpenSession;
  readonly created: Date;
}

/** Makes the smaller base; deterministic but for `created`. Throws InputError `layers-invalid`. */
export async function shrinkBase(base: Base, options: ShrinkOptions): Promise<Base> {
  const { layers, ids, dtype } = options;
  const { architecture, config } = baseConfig(base);
  checkLayers(layers, config.layers);
  const settings = parseJson(base.files.get("config.json")!, "config.json");
  const newSettings = shrinkConfig(architecture, settings as Record<string, unknown>, layers, ids);
  const newConfig = architecture.readConfig(newSettings);
  checkKinds(config, newConfig, layers);

  // 8-bit weights stay as they are: quantizing twice would only add noise.
  const staysInt8 = base.manifest.dtype === "int8" && dtype === "int8";
  const source = staysInt8 ? baseWeights(base) : baseFloatWeights(base);
  const kept = keepRows(architecture, keepLayers(architecture, source, layers), ids);
  const weights =
    dtype === "int8" && !staysInt8
      ? await quantizeWeights(architecture, newConfig, kept, options.openSession, options.tables)
      : kept;

  const tokenizer = base.files.get(base.manifest.tokenizer)!;
  const removed = describeRemoved(base, layers, ids);
  if (options.tables === "compact") {
    removed.push("bits of the embeddings: words have 4 each, positions 8");
  }
  const card = new TextDecoder().decode(base.files.get("CARD.md") ?? new Uint8Array(0));
  return packBase(
    {
      name: options.name,
      dtype,
      architecture,
      config: encodeUtf8(`${JSON.stringify(newSettings, null, 2)}\n`),
      // Without indentation: the vocabulary is most of the file.
      tokenizer: ids
        ? encodeUtf8(JSON.stringify(cutTokenizer(parseJson(tokenizer, "tokenizer.json"), ids)))
        : tokenizer,
      weights,
      pooler: basePooler(base),
      pooling: base.manifest.pooling,
      checkpoint: await derivedCheckpoint(base, layers, ids),
      card: (manifest) => shrinkCard(manifest, { card, manifest: base.manifest }, removed),
      created: options.created,
    },
    sha256,
  );
}

function checkLayers(layers: readonly number[], count: number): void {
  const isAscending = layers.every((layer, i) => i === 0 || layer > layers[i - 1]!);
  const isInside = layers.every((layer) => Number.isInteger(layer) && layer >= 0 && layer < count);
  if (layers.length > 0 && isAscending && isInside) return;
  throw new InputError(
    "layers-invalid",
    `--layers: is ${layers.join(",") || "empty"}, expected ascending numbers from 0 to ${count - 1}`,
  );
}

/**
 * The layers of a family may differ, as local and global ones do. A layer that is kept must be of
 * the same kind at its new place, or it would compute something else with the same weights.
 */
function checkKinds(before: EncoderConfig, after: EncoderConfig, layers: readonly number[]): void {
  const kindOf = ({ encoder }: EncoderConfig, layer: number): string => {
    const { attention, attentionNorm } = encoder.blocks[layer]!;
    const { window, rotaryTheta } = attention;
    const reach = window === null ? "global" : `local within ${window} tokens`;
    const angles = rotaryTheta === null ? "" : `, angles of ${rotaryTheta}`;
    return `${reach}${angles}${attentionNorm === null ? ", without a first norm" : ""}`;
  };
  layers.forEach((layer, index) => {
    const [was, is] = [kindOf(before, layer), kindOf(after, index)];
    if (was === is) return;
    throw new InputError(
      "layers-invalid",
      `--layers: layer ${layer} is ${was}, but layer ${index} of a smaller ${before.modelType} is ${is}; choose layers that keep their kind`,
    );
  });
}

/** config.json with the new counts; ids of special tokens follow the renumbering. */
function shrinkConfig(
  { layerCount }: Architecture,
  config: Record<string, unknown>,
  layers: readonly number[],
  ids: Int32Array | null,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...config, [layerCount]: layers.length };
  const { layer_types: types } = config;
  if (Array.isArray(types)) result["layer_types"] = layers.map((layer) => types[layer] as unknown);
  if (!ids) return result;
  result["vocab_size"] = ids.length;
  const next = renumber(ids);
  for (const [key, value] of Object.entries(config)) {
    if (key.endsWith("_token_id") && typeof value === "number") {
      result[key] = next.get(value) ?? null;
    }
  }
  return result;
}

function keepLayers(
  architecture: Architecture,
  weights: Weights,
  layers: readonly number[],
): Map<string, Tensor> {
  const kept = new Map<string, Tensor>();
  for (const [name, tensor] of weights) {
    const renamed = architecture.renameLayer(name, (layer) => {
      const at = layers.indexOf(layer);
      return at < 0 ? null : at;
    });
    if (renamed !== null) kept.set(renamed, tensor);
  }
  return kept;
}

/** Keeps the rows `ids` of the word table, and of its scales. */
function keepRows(
  { wordTable }: Architecture,
  weights: Map<string, Tensor>,
  ids: Int32Array | null,
): Map<string, Tensor> {
  if (!ids) return weights;
  for (const name of [wordTable, scaleName(wordTable)]) {
    const tensor = weights.get(name);
    if (tensor) weights.set(name, pickRows(tensor, ids));
  }
  return weights;
}

function pickRows(tensor: Tensor, ids: Int32Array): Tensor {
  const width = tensor.dims[1]!;
  const dims = [ids.length, width];
  const pick = <T extends Float32Array | Int8Array | Uint8Array>(from: T, to: T): T => {
    ids.forEach((id, row) => to.set(from.subarray(id * width, (id + 1) * width), row * width));
    return to;
  };
  switch (tensor.dtype) {
    case "float32":
      return {
        dtype: "float32",
        dims,
        data: pick(tensor.data, new Float32Array(ids.length * width)),
      };
    case "int8":
      return { dtype: "int8", dims, data: pick(tensor.data, new Int8Array(ids.length * width)) };
    case "uint8":
      return { dtype: "uint8", dims, data: pick(tensor.data, new Uint8Array(ids.length * width)) };
    default:
      throw new TypeError(`a word table cannot be ${tensor.dtype}`);
  }
}

/** The identity of a smaller base's weights before quantization: its parent and the choice. */
async function derivedCheckpoint(
  base: Base,
  layers: readonly number[],
  ids: Int32Array | null,
): Promise<string> {
  const choice = { checkpoint: base.manifest.checkpoint, layers, ids: ids ? [...ids] : null };
  return sha256(encodeUtf8(canonicalJson(choice)));
}

function describeRemoved(
  { manifest: { configuration } }: Base,
  layers: readonly number[],
  ids: Int32Array | null,
): string[] {
  const gone = Array.from({ length: configuration.num_hidden_layers }, (_, i) => i).filter(
    (layer) => !layers.includes(layer),
  );
  return [
    gone.length > 0
      ? `layers ${gone.join(", ")} of ${configuration.num_hidden_layers}: ${layers.join(", ")} remain`
      : `no layer: all ${layers.length} remain`,
    ids
      ? `${(configuration.vocab_size - ids.length).toLocaleString("en")} of ${configuration.vocab_size.toLocaleString("en")} words: those that a text corpus uses most remain, with all special tokens and single characters; tokenizer.json is cut to match`
      : `no word: all ${configuration.vocab_size.toLocaleString("en")} remain`,
  ];
}
