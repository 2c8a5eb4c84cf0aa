/**
 * LoRA as PEFT saves it: `<module>.lora_A.weight` [r, in] and `<module>.lora_B.weight` [out, r], whose
 * product counts alpha / r times (alpha / sqrt(r) with rsLoRA), and for `bias` "all" or "lora_only" whole
 * biases beside them. Variants that compute anything else are refused by name.
 */
import { FormatError, MismatchError } from "../../src/core/errors.ts";
import { linearOf, loraA, loraB, lowRankFactors } from "../../src/core/model/low-rank.ts";
import { BIAS_DELTAS, LAYER_WEIGHTS } from "../../src/core/model/shapes.ts";
import { float32, toFloat32 } from "../../src/core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../src/core/model/tensor.ts";
import { describe } from "../../src/core/record.ts";
import type { RecordReader } from "../../src/core/record.ts";
import { baseConfig, basePooler, baseWeights } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { deltaSpecs } from "../../src/encoder/forms/deltas.ts";
import { lowRankLinears } from "../../src/encoder/forms/low-rank.ts";

export interface TensorValues {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** A LoRA adapter, under the names of the model that it was trained in. */
export interface PeftLora {
  /** By module; B has the scale. */
  readonly modules: ReadonlyMap<string, { readonly a: TensorValues; readonly b: TensorValues }>;
  /** Whole biases, by tensor name. */
  readonly biases: ReadonlyMap<string, Float32Array>;
}

const CODE = "peft-invalid";
const WRAPPER = /^base_model\.model\./;
const BIAS = /^(.+?)(?:\.base_layer)?\.bias$/;

/** Starts of A and B after which the base's own weights are as they were. */
const KEEPS_WEIGHTS: readonly unknown[] = [true, false, "gaussian", "eva", "orthogonal"];

/** Settings that change what is computed, beside those that begin with "use_". */
const OTHER_FORMS = [
  "alora_invocation_tokens",
  "arrow_config",
  "fan_in_fan_out",
  "kasa_config",
  "layer_replication",
  "lora_bias",
  "megatron_config",
  "monteclora_config",
  "target_parameters",
  "trainable_token_indices",
  "velora_config",
];

export const valuesOf = (tensor: Tensor): TensorValues => ({
  dims: tensor.dims,
  values: toFloat32(tensor),
});

/** Throws FormatError `peft-unsupported`. */
export function unsupported(config: RecordReader, what: string): never {
  try {
    return config.fail(what);
  } catch (error) {
    throw new FormatError(
      "peft-unsupported",
      `${(error as Error).message}; served are prefix tuning (PREFIX_TUNING) and plain LoRA (LORA): merge the adapter into its model and import that as a base, or train it in one of these forms`,
    );
  }
}

/** Reads what is not the head. Throws FormatError `peft-invalid` or `peft-unsupported`. */
export function readLora(
  config: RecordReader,
  tensors: ReadonlyMap<string, Tensor>,
  path: string,
): PeftLora {
  checkForm(config);
  const scaleOf = readScale(config);
  const biases = new Map<string, Float32Array>();
  const linears = new Set<string>();
  for (const [name, tensor] of tensors) {
    const linear = linearOf(name);
    const bias = BIAS.exec(name)?.[1];
    if (linear !== null) linears.add(linear);
    else if (bias === undefined)
      throw new FormatError(CODE, `${path}: the tensor ${describe(name)} is no part of LoRA`);
    else biases.set(`${bias.replace(WRAPPER, "")}.bias`, toFloat32(tensor));
  }
  const modules = new Map(
    Array.from(linears, (name) => {
      const [a, b] = [tensors.get(loraA(name)), tensors.get(loraB(name))];
      if (!a || !b)
        throw new FormatError(CODE, `${path}: ${name} has only one of lora_A and lora_B`);
      const module = name.replace(WRAPPER, "");
      const scale = scaleOf(module, a.dims[0] ?? 1);
      const { dims, values } = valuesOf(b);
      return [
        module,
        { a: valuesOf(a), b: { dims, values: values.map((x) => x * scale) } },
      ] as const;
    }),
  );
  return { modules, biases };
}

function checkForm(config: RecordReader): void {
  const isOn = (field: string): boolean => {
    const value = config.has(field) ? config.raw(field) : false;
    return value !== false && !(Array.isArray(value) && value.length === 0);
  };
  const uses = config.fields().filter((name) => name.startsWith("use_") && name !== "use_rslora");
  const other = [...uses, ...OTHER_FORMS].find(isOn);
  if (other !== undefined) unsupported(config, `"${other}" is ${describe(config.raw(other))}`);
  const start = config.has("init_lora_weights") ? config.raw("init_lora_weights") : true;
  if (!KEEPS_WEIGHTS.includes(start)) {
    unsupported(
      config,
      `"init_lora_weights" is ${describe(start)}, which changes the model's own weights (PEFT saves such an adapter as plain LoRA with path_initial_model_for_weight_conversion)`,
    );
  }
  if (config.has("bias")) config.oneOf("bias", ["none", "all", "lora_only"]);
}

/** The factor of a module's product, by its rank: PEFT's `alpha_pattern` before `lora_alpha`. */
function readScale(config: RecordReader): (module: string, rank: number) => number {
  const alpha = config.number("lora_alpha", 0, 1e6);
  const isRankStabilized = config.has("use_rslora") && config.raw("use_rslora") === true;
  const own = config.has("alpha_pattern") ? config.record("alpha_pattern") : null;
  const patterns = (own?.fields() ?? []).map((key) => {
    const value = own!.number(key, 0, 1e6);
    try {
      return { pattern: new RegExp(`^(?:.*\\.)?(?:${key})$`), value };
    } catch {
      return config.fail(`"alpha_pattern" has the pattern ${describe(key)}, which cannot be read`);
    }
  });
  return (module, rank) => {
    const found = patterns.find(({ pattern }) => pattern.test(module))?.value ?? alpha;
    return found / (isRankStabilized ? Math.sqrt(rank) : rank);
  };
}

/**
 * The tensors of a task on `base`. Throws MismatchError `prefix-base-mismatch` for a module that the
 * base has not, or of another size, and for a trained bias outside the layers, which no task can change.
 */
export function loraTensors(
  { modules, biases }: PeftLora,
  base: Base,
): [string, TensorOf<"float32">][] {
  const { architecture, config } = baseConfig(base);
  const nameOf = (name: string): string => {
    const prefix = architecture.prefixes.find((start) => name.startsWith(start));
    return prefix === undefined ? name : name.slice(prefix.length);
  };
  const linears = new Map(lowRankLinears(config).map((linear) => [linear.name, linear]));
  const factors = Array.from(modules, ([module, { a, b }]) => {
    const name = nameOf(module);
    const { rank } = lowRankFactors(`adapter: ${module}`, a, b);
    const linear = linears.get(name);
    if (!linear || a.dims[1] !== linear.inputs || b.dims[0] !== linear.outputs) {
      throw new MismatchError(
        "prefix-base-mismatch",
        `adapter: ${module} changes a linear of [${a.dims[1]}, ${b.dims[0]}] by rank ${rank}, base "${base.manifest.name}" ${linear ? `has [${linear.inputs}, ${linear.outputs}] there` : "has no such linear in its layers"}`,
      );
    }
    return [
      [loraA(name), float32(a.dims, a.values)],
      [loraB(name), float32(b.dims, b.values)],
    ] as const;
  });
  const named = new Map(Array.from(biases, ([name, values]) => [nameOf(name), values]));
  return [
    ...factors.flat().map(([name, tensor]): [string, TensorOf<"float32">] => [name, tensor]),
    ...deltas(named, base),
  ];
}

/** Whole biases as `bias_deltas`, and the answer of the last layer alone. */
function deltas(
  biases: ReadonlyMap<string, Float32Array>,
  base: Base,
): [string, TensorOf<"float32">][] {
  if (biases.size === 0) return [];
  const { architecture, config } = baseConfig(base);
  const weights = new Map([...baseWeights(base), ...(basePooler(base) ?? [])]);
  const differences = new Map(
    Array.from(biases, ([name, values]) => {
      const stored = weights.get(name);
      const own = stored && toFloat32(stored);
      if (own?.length !== values.length) {
        throw new MismatchError(
          "prefix-base-mismatch",
          `adapter: has a bias ${name} of ${values.length} numbers, base "${base.manifest.name}" has ${own ? `${own.length} there` : "none of that name"}`,
        );
      }
      return [name, values.map((value, i) => value - own[i]!)] as const;
    }),
  );
  const specs = deltaSpecs(architecture, config);
  const known = new Set(specs.map(({ name }) => name));
  for (const [name, difference] of differences) {
    if (known.has(name) || difference.every((value) => value === 0)) continue;
    throw new MismatchError(
      "prefix-base-mismatch",
      `adapter: has trained ${name}, which is outside the layers and the same for all tasks; train it with bias "lora_only"`,
    );
  }
  const all = specs.flatMap(({ name, dims }) => [
    ...(differences.get(name) ?? new Float32Array(dims[0]!)),
  ]);
  const shares = new Float32Array(config.layers + 1);
  shares[config.layers] = 1;
  return [
    [BIAS_DELTAS, float32([all.length], Float32Array.from(all))],
    [LAYER_WEIGHTS, float32([shares.length], shares)],
  ];
}
