/** The LoRA parts of an exported adapter: its configuration, and biases that were trained with it. */
import { FormatError } from "../../src/core/errors.ts";
import type { Task } from "../../src/core/format/task.ts";
import type { LowRank } from "../../src/core/model/low-rank.ts";
import { float32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { baseConfig, baseFloatWeights } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { deltaSpecs } from "../../src/encoder/forms/deltas.ts";

/**
 * PEFT's settings of `lowRank`, whose B has the scale in it: each alpha is its rank, so that PEFT
 * multiplies by 1. Modules are named in full, since the end of a name may fit others, too.
 */
export function loraConfig(
  lowRank: LowRank,
  encoder: string,
  hasBiases: boolean,
): Record<string, unknown> {
  const ranks = Array.from(lowRank, ([name, { rank }]) => [`${encoder}${name}`, rank] as const);
  const usual = ranks[0]![1];
  const others = Object.fromEntries(ranks.filter(([, rank]) => rank !== usual));
  return {
    peft_type: "LORA",
    r: usual,
    lora_alpha: usual,
    lora_dropout: 0,
    target_modules: ranks.map(([name]) => name),
    rank_pattern: others,
    alpha_pattern: others,
    bias: hasBiases ? "all" : "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
  };
}

/**
 * Whole biases of a task that changes some beside its linears, by PEFT's names. Throws FormatError
 * `peft-export-unsupported` for changes of norms' weights and answers mixed from several layers.
 */
export function trainedBiases(
  { manifest, prefix: { deltas, lowRank } }: Task,
  base: Base,
): Map<string, Tensor> {
  const biases = new Map<string, Tensor>();
  if (!deltas) return biases;
  const fail = (what: string): never => {
    throw new FormatError(
      "peft-export-unsupported",
      `task "${manifest.task}": has ${what}, for which LoRA in PEFT has no place`,
    );
  };
  const last = deltas.layerWeights.length - 1;
  if (deltas.layerWeights.some((share, layer) => share !== (layer === last ? 1 : 0))) {
    fail("an answer mixed from several layers (layer_weights)");
  }
  const { architecture, config } = baseConfig(base);
  const weights = baseFloatWeights(base);
  let at = 0;
  for (const { name, dims } of deltaSpecs(architecture, config)) {
    const delta = deltas.biasDeltas.subarray(at, (at += dims[0]!));
    if (delta.every((value) => value === 0)) continue;
    if (!name.endsWith(".bias")) fail(`a change of ${name}`);
    const own = weights.get(name)?.data;
    if (!own) fail(`a bias ${name}, which the checkpoint has not`);
    const linear = name.slice(0, -".bias".length);
    const place = lowRank!.has(linear) ? `${linear}.base_layer.bias` : name;
    biases.set(
      place,
      float32(
        dims,
        delta.map((value, i) => value + Number(own![i])),
      ),
    );
  }
  return biases;
}
