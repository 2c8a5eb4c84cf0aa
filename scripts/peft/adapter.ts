/**
 * Adapters as PEFT 0.21's `save_pretrained` writes them: adapter_config.json and
 * adapter_model.safetensors. Prefix tuning of an encoder, whose projection PEFT has folded away when
 * it saved, and LoRA (lora.ts) have a place here. Everything else is an error that says what was
 * found and what was expected.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, MismatchError, NotFoundError } from "../../src/core/errors.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import type { ProblemType, TaskType } from "../../src/core/model/task.ts";
import type { Pooling } from "../../src/core/model/head.ts";
import { prefixWidth } from "../../src/core/model/prefix.ts";
import { describe, readRecord } from "../../src/core/record.ts";
import type { RecordReader } from "../../src/core/record.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  PROMPT_EMBEDDINGS,
} from "../../src/core/model/shapes.ts";
import { float32, toFloat32 } from "../../src/core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../src/core/model/tensor.ts";
import { parseJson } from "../../src/core/text.ts";
import type { Base } from "../../src/encoder/base.ts";
import { readIfThere } from "../node/files.ts";
import { ADAPTER_CONFIG, ADAPTER_MODEL, HEAD_FILE, MODEL_CONFIG } from "./adapter-files.ts";
import { adapterLabels, problemTypeOf } from "./labels.ts";
import { loraTensors, readLora, unsupported, valuesOf } from "./lora.ts";
import type { PeftLora, TensorValues } from "./lora.ts";
import { offsetOf } from "./positions.ts";

/** What an adapter holds, in the shapes of prefix.safetensors. */
export interface PeftAdapter {
  readonly type: TaskType;
  /** From a config beside the adapter; one output without a word about it is a number. */
  readonly problemType: ProblemType;
  readonly numVirtualTokens: number; // P
  /** [P, 2*L*N*D]; null for LoRA. */
  readonly promptEmbeddings: TensorValues | null;
  /** null for prefix tuning. */
  readonly lora: PeftLora | null;
  /** A position table that PEFT loads in the place of the model's own; null: none. */
  readonly positions: TensorValues | null;
  /** null: what transformers' model with a head reads. */
  readonly pooling: Pooling | null;
  readonly weight: TensorValues; // [C, H]
  readonly bias: Float32Array; // [C]
  /** From a config beside the adapter, else LABEL_0, LABEL_1, .. as Hugging Face names them. */
  readonly labels: readonly string[];
  /** The model that the adapter says it was trained on; empty when it does not say. */
  readonly trainedOn: string;
}

const CODE = "peft-invalid";
/** An adapter of the bare encoder says the type by the pooling of its head. */
const TASK_TYPES = { SEQ_CLS: "sequence", TOKEN_CLS: "token", FEATURE_EXTRACTION: null } as const;
const POOLINGS: readonly string[] = ["pooler", "cls", "mean", "none"] satisfies Pooling[];

/** The table of learned positions, as a module that PEFT saved with an adapter. */
const POSITIONS = /(?:^|\.)position_embeddings\.(?:modules_to_save\.[^.]+\.)?weight$/;

/** The head before training, which PEFT saves with `bias="all"` beside the trained one. */
const ORIGINAL_HEAD = /(?:classifier|score)\.original_module\.(?:weight|bias)$/;

/** The heads that PEFT saves with an adapter; `score` is what newer models call the classifier. */
const HEAD =
  /^(?:base_model\.)?(?:model\.)?(?:classifier|score)\.(?:modules_to_save\.(?:[^.]+\.)?)?(weight|bias)$/;

/**
 * Reads an adapter folder; `labelNames` is what --label-names says. Throws NotFoundError
 * `peft-not-found`, FormatError `peft-invalid` or `peft-unsupported`, InputError `label-names-invalid`.
 */
export async function readPeftAdapter(dir: string, labelNames?: string): Promise<PeftAdapter> {
  const configPath = join(dir, ADAPTER_CONFIG);
  const json = parseJson(await readPart(dir, ADAPTER_CONFIG), configPath);
  const config = readRecord(json, configPath, CODE);
  const kind = kindOf(config);
  const taskType = config.oneOf("task_type", ["SEQ_CLS", "TOKEN_CLS", "FEATURE_EXTRACTION"]);
  const numVirtualTokens = kind === "LORA" ? 0 : config.count("num_virtual_tokens", 1, 1024);

  const modelPath = join(dir, ADAPTER_MODEL);
  const own = readSafetensors(await readPart(dir, ADAPTER_MODEL), modelPath).tensors;
  const apart = TASK_TYPES[taskType] === null ? await readHeadFile(dir) : null;
  const tensors = new Map([...own, ...(apart?.tensors ?? [])]);
  const type = TASK_TYPES[taskType] ?? (apart!.pooling === "none" ? "token" : "sequence");
  const head = new Map<string, Tensor>();
  const body = new Map<string, Tensor>();
  let positions: Tensor | null = null;
  for (const [name, tensor] of tensors) {
    if (ORIGINAL_HEAD.test(name)) continue;
    const part = HEAD.exec(name)?.[1];
    if (part !== undefined) head.set(part, tensor);
    else if (kind === "PREFIX_TUNING" && POSITIONS.test(name)) positions = tensor;
    else body.set(name, tensor);
  }
  const prompt = body.get(PROMPT_EMBEDDINGS) ?? null;
  const weight = head.get("weight");
  const isWhole = kind === "LORA" ? body.size > 0 : prompt && body.size === 1;
  if (!weight || !isWhole) {
    const parts =
      kind === "LORA" ? "lora_A and lora_B of linears" : `${PROMPT_EMBEDDINGS} [P, 2*L*N*D]`;
    throw new FormatError(
      CODE,
      `${modelPath}: found ${[...tensors].map(([name, { dims }]) => `${name} [${dims.join(", ")}]`).join(", ")}; expected ${parts}, base_model.classifier.weight (or score.weight) [C, H] and its bias, and nothing else`,
    );
  }
  const classes = weight.dims[0] ?? 0;
  const bias = head.get("bias");
  if (weight.dims.length !== 2 || (bias && bias.dims.join() !== String(classes))) {
    throw new FormatError(
      CODE,
      `${modelPath}: classifier.weight is [${weight.dims.join(", ")}] and bias [${bias?.dims.join(", ") ?? ""}], expected [C, H] and [C]`,
    );
  }
  if (prompt && prompt.dims[0] !== numVirtualTokens) {
    throw new FormatError(
      CODE,
      `${modelPath}: ${PROMPT_EMBEDDINGS} is [${prompt.dims.join(", ")}], ${ADAPTER_CONFIG} says num_virtual_tokens ${numVirtualTokens}`,
    );
  }
  const configs = [config, ...(await readModelConfig(dir))];
  return {
    type,
    numVirtualTokens,
    promptEmbeddings: prompt && valuesOf(prompt),
    lora: kind === "LORA" ? readLora(config, body, modelPath) : null,
    positions: positions && valuesOf(positions),
    pooling: apart?.pooling ?? null,
    weight: valuesOf(weight),
    bias: bias ? toFloat32(bias) : new Float32Array(classes),
    problemType: problemTypeOf(type, classes, configs),
    labels: adapterLabels(dir, classes, configs, labelNames),
    trainedOn: config.has("base_model_name_or_path")
      ? config.string("base_model_name_or_path")
      : "",
  };
}

/** Throws FormatError `peft-unsupported` for an adapter of another kind. */
function kindOf(config: RecordReader): "PREFIX_TUNING" | "LORA" {
  const kind = config.string("peft_type");
  if (kind === "PREFIX_TUNING" || kind === "LORA") return kind;
  return unsupported(config, `"peft_type" is ${describe(kind)}`);
}

async function readPart(dir: string, name: string): Promise<Uint8Array> {
  try {
    return await readFile(join(dir, name));
  } catch (cause) {
    throw new NotFoundError(
      "peft-not-found",
      `${join(dir, name)}: cannot be read; an adapter folder holds ${ADAPTER_CONFIG} and ${ADAPTER_MODEL}`,
      { cause },
    );
  }
}

/**
 * The head of an adapter of the bare encoder, which PEFT itself has no place for: as `export-peft
 * --features` writes it.
 */
async function readHeadFile(
  dir: string,
): Promise<{ tensors: ReadonlyMap<string, Tensor>; pooling: Pooling }> {
  const path = join(dir, HEAD_FILE);
  const bytes = await readIfThere(path);
  const { tensors, metadata } = bytes
    ? readSafetensors(bytes, path)
    : { tensors: new Map<string, Tensor>(), metadata: {} };
  const { pooling } = metadata as { pooling?: string };
  if (bytes && pooling !== undefined && POOLINGS.includes(pooling)) {
    return { tensors, pooling: pooling as Pooling };
  }
  throw new FormatError(
    CODE,
    `${dir}: task_type is "FEATURE_EXTRACTION", an adapter of the bare encoder; ${bytes ? `${HEAD_FILE} has the pooling ${describe(pooling)}, expected one of ${POOLINGS.join(", ")}` : `it has no ${HEAD_FILE}, which export-peft --features writes`}`,
  );
}

/** The model's config.json beside the adapter, where there is one. */
async function readModelConfig(dir: string): Promise<RecordReader[]> {
  const path = join(dir, MODEL_CONFIG);
  const bytes = await readIfThere(path);
  return bytes === null ? [] : [readRecord(parseJson(bytes, path), path, CODE)];
}

/** Families whose positions are rotary: prefix keys carry none, so real tokens are not shifted. */
const ROTARY = new Set(["modernbert", "eurobert", "llama", "qwen2", "qwen3", "gemma3_text"]);

/**
 * How far PEFT shifts the real tokens: Hugging Face numbers learned positions after the past keys,
 * so by P; rotary positions of the texts stay. A position table in the adapter may move them back.
 */
export function defaultPositionOffset(adapter: PeftAdapter, base: Base): number {
  if (adapter.positions) return offsetOf(adapter.positions, base, adapter.numVirtualTokens);
  return ROTARY.has(base.manifest.configuration.model_type) ? 0 : adapter.numVirtualTokens;
}

/** A sequence head of PEFT reads what the checkpoint's own classifier would: the pooler, if there is one. */
export const poolingOf = ({ type, pooling }: PeftAdapter, base: BaseManifest): Pooling =>
  pooling ?? (type === "token" ? "none" : base.pooler === null ? "cls" : "pooler");

/**
 * The adapter as the tensors of a prefix.safetensors for `base`. Throws MismatchError
 * `prefix-base-mismatch` unless its shapes are the base's, and what loraTensors throws.
 */
export function adapterTensors(
  adapter: PeftAdapter,
  base: Base,
): ReadonlyMap<string, TensorOf<"float32">> {
  checkShapes(adapter, base.manifest);
  const { promptEmbeddings, lora, weight, bias } = adapter;
  return new Map([
    ...(promptEmbeddings
      ? [[PROMPT_EMBEDDINGS, float32(promptEmbeddings.dims, promptEmbeddings.values)] as const]
      : []),
    ...(lora ? loraTensors(lora, base) : []),
    [CLASSIFIER_WEIGHT, float32(weight.dims, weight.values)],
    [CLASSIFIER_BIAS, float32([bias.length], bias)],
  ]);
}

function checkShapes(adapter: PeftAdapter, base: BaseManifest): void {
  const shape = base.configuration;
  const { promptEmbeddings: prompt, weight, bias, labels } = adapter;
  const rows: [string, readonly number[], readonly number[]][] = [
    [CLASSIFIER_WEIGHT, weight.dims, [labels.length, shape.hidden_size]],
    [CLASSIFIER_BIAS, [bias.length], [labels.length]],
  ];
  const wanted = [adapter.numVirtualTokens, prefixWidth(shape)];
  if (prompt) rows.unshift([PROMPT_EMBEDDINGS, prompt.dims, wanted]);
  for (const [name, own, dims] of rows) {
    if (own.join() === dims.join()) continue;
    throw new MismatchError(
      "prefix-base-mismatch",
      `adapter${adapter.trainedOn ? ` for ${adapter.trainedOn}` : ""}: ${name} is [${own.join(", ")}], base "${base.name}" (${shape.num_hidden_layers} layers, ${shape.num_key_value_heads} heads of ${shape.head_dim}) needs [${dims.join(", ")}]`,
    );
  }
}
