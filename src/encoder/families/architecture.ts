/**
 * What a family of encoders says of itself, and what follows from it. A family says which settings
 * it accepts, which layers its encoder has, and how its checkpoints name things; one file per
 * family, families.ts is the table of them.
 */
import type { ConfigurationValue } from "../../core/format/configuration.ts";
import { POOLER_BIAS, POOLER_WEIGHT } from "../../core/model/shapes.ts";
import type { Activation } from "../../graph/ops.ts";
import { encoderTensors } from "../layers/encoder.ts";
import type { EncoderSpec } from "../layers/encoder.ts";
import type { TensorSpec } from "../layers/tensor-spec.ts";

/** Settings that every part of this project needs, in its own words. */
export interface EncoderConfig {
  readonly modelType: string;
  readonly layers: number; // L
  readonly hidden: number; // H
  readonly heads: number; // query heads
  readonly kvHeads: number; // N of the prefix
  readonly headSize: number; // D
  readonly intermediate: number; // width of the feed-forward block
  readonly vocab: number; // V
  /** 0 for a family without token types. */
  readonly typeVocab: number;
  readonly maxPositions: number;
  /** Position id of the first token. */
  readonly firstPosition: number;
  readonly padTokenId: number;
  readonly epsilon: number;
  readonly activation: Activation;
  /** The layers, their tensors and how they are put together. */
  readonly encoder: EncoderSpec;
}

/** Settings under config.json's names. */
export type Configuration = Readonly<Record<string, ConfigurationValue>>;

/** What a family's file says. */
export interface Family {
  /** Reads config.json; throws when it asks for something that the graph does not implement. */
  readConfig(json: unknown): EncoderConfig;
  /**
   * The inverse: every setting that changes what the encoder computes, under config.json's names and
   * with defaults filled in. readConfig reads it back; the identity of a base covers it.
   */
  writeConfig(config: EncoderConfig): Configuration;
  /** Whether checkpoints may hold a pooler, `pooler.dense`. */
  readonly mayHavePooler: boolean;
  /** Name prefixes that the family's checkpoints may carry, such as "bert.". */
  readonly prefixes: readonly string[];
  /** Known tensors that the encoder does not need: buffers and heads. */
  readonly ignored: RegExp;
  /** Name of the word table. */
  readonly wordTable: string;
  /** Name of the list of layers, such as "encoder.layer" of "encoder.layer.3.output.dense.bias". */
  readonly layers: string;
  /** The setting of config.json that says how many layers there are. */
  readonly layerCount: string;
}

/** A family as the rest of the project uses it. */
export interface Architecture extends Family {
  /** Every tensor of the encoder, in the order of computation, and the pooler's. */
  tensors(config: EncoderConfig): readonly TensorSpec[];
  /** Name of a tensor after layer `layer` became layer `to`; other names pass through. */
  renameLayer(name: string, rename: (layer: number) => number | null): string | null;
}

export function defineFamily(family: Family): Architecture {
  const start = `${family.layers}.`;
  return {
    ...family,
    tensors: ({ encoder, hidden }) => [
      ...encoderTensors(encoder),
      ...(family.mayHavePooler ? poolerTensors(hidden) : []),
    ],
    renameLayer(name, rename) {
      const match = name.startsWith(start) ? /^(\d+)\.(.*)$/.exec(name.slice(start.length)) : null;
      if (!match) return name;
      const to = rename(Number(match[1]));
      return to === null ? null : `${start}${to}.${match[2]}`;
    },
  };
}

const poolerTensors = (hidden: number): TensorSpec[] => [
  { name: POOLER_WEIGHT, dims: [hidden, hidden], kind: "pooler" },
  { name: POOLER_BIAS, dims: [hidden], kind: "pooler" },
];
