/**
 * Adapters as PEFT 0.21's `save_pretrained` writes them: adapter_config.json and
 * adapter_model.safetensors. Only prefix tuning of an encoder has a place here; PEFT has folded a
 * projection away when it saved. Everything that does not fit is an error that says what was found
 * and what was expected.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, MismatchError, NotFoundError } from "../../src/core/errors.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import type { TaskType } from "../../src/core/model/task.ts";
import type { Pooling } from "../../src/core/model/head.ts";
import { prefixWidth } from "../../src/core/model/prefix.ts";
import { describe, readRecord } from "../../src/core/record.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  PROMPT_EMBEDDINGS,
} from "../../src/core/model/shapes.ts";
import { toFloat32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { parseJson } from "../../src/core/text.ts";

/** What an adapter holds, in the shapes of prefix.safetensors. */
export interface PeftAdapter {
  readonly type: TaskType;
  readonly numVirtualTokens: number; // P
  readonly promptEmbeddings: TensorValues; // [P, 2*L*N*D]
  readonly weight: TensorValues; // [C, H]
  readonly bias: Float32Array; // [C]
  /** From a config beside the adapter, else LABEL_0, LABEL_1, .. as Hugging Face names them. */
  readonly labels: readonly string[];
  /** The model that the adapter says it was trained on; empty when it does not say. */
  readonly trainedOn: string;
}

interface TensorValues {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

const CONFIG = "adapter_config.json";
const MODEL = "adapter_model.safetensors";
const CODE = "peft-invalid";
const TASK_TYPES = { SEQ_CLS: "sequence", TOKEN_CLS: "token" } as const;

/** The heads that PEFT saves with an adapter; `score` is what newer models call the classifier. */
const HEAD =
  /^(?:base_model\.)?(?:model\.)?(?:classifier|score)\.(?:modules_to_save\.[^.]+\.)?(weight|bias)$/;

/** Reads an adapter folder. Throws NotFoundError `peft-not-found`, FormatError `peft-invalid`. */
export async function readPeftAdapter(dir: string): Promise<PeftAdapter> {
  const configPath = join(dir, CONFIG);
  const config = readRecord(parseJson(await readPart(dir, CONFIG), configPath), configPath, CODE);
  config.oneOf("peft_type", ["PREFIX_TUNING"]);
  const type = TASK_TYPES[config.oneOf("task_type", ["SEQ_CLS", "TOKEN_CLS"])];
  const numVirtualTokens = config.count("num_virtual_tokens", 1, 1024);

  const modelPath = join(dir, MODEL);
  const { tensors } = readSafetensors(await readPart(dir, MODEL), modelPath);
  const prompt = tensors.get(PROMPT_EMBEDDINGS);
  const head = new Map<string, Tensor>();
  const unknown: string[] = [];
  for (const [name, tensor] of tensors) {
    const part = HEAD.exec(name)?.[1];
    if (part !== undefined) head.set(part, tensor);
    else if (name !== PROMPT_EMBEDDINGS) unknown.push(name);
  }
  const weight = head.get("weight");
  if (!prompt || !weight || unknown.length > 0) {
    throw new FormatError(
      CODE,
      `${modelPath}: found ${[...tensors].map(([name, { dims }]) => `${name} [${dims.join(", ")}]`).join(", ")}; expected ${PROMPT_EMBEDDINGS} [P, 2*L*N*D], base_model.classifier.weight (or score.weight) [C, H] and its bias, and nothing else`,
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
  if (prompt.dims[0] !== numVirtualTokens) {
    throw new FormatError(
      CODE,
      `${modelPath}: ${PROMPT_EMBEDDINGS} is [${prompt.dims.join(", ")}], ${CONFIG} says num_virtual_tokens ${numVirtualTokens}`,
    );
  }
  return {
    type,
    numVirtualTokens,
    promptEmbeddings: { dims: prompt.dims, values: toFloat32(prompt) },
    weight: { dims: weight.dims, values: toFloat32(weight) },
    bias: bias ? toFloat32(bias) : new Float32Array(classes),
    labels: await readLabels(dir, config.raw("id2label"), classes),
    trainedOn: config.has("base_model_name_or_path")
      ? config.string("base_model_name_or_path")
      : "",
  };
}

async function readPart(dir: string, name: string): Promise<Uint8Array> {
  try {
    return await readFile(join(dir, name));
  } catch (cause) {
    throw new NotFoundError(
      "peft-not-found",
      `${join(dir, name)}: cannot be read; an adapter folder holds ${CONFIG} and ${MODEL}`,
      { cause },
    );
  }
}

/** `id2label` of the adapter's config or of a config.json beside it. */
async function readLabels(dir: string, own: unknown, classes: number): Promise<string[]> {
  let id2label = own;
  if (id2label === undefined || id2label === null) {
    const path = join(dir, "config.json");
    const bytes = await readFile(path).catch(() => null);
    id2label = bytes && readRecord(parseJson(bytes, path), path, CODE).raw("id2label");
  }
  const defaults = Array.from({ length: classes }, (_, i) => `LABEL_${i}`);
  if (id2label === undefined || id2label === null) return defaults;
  const names = new Map(Object.entries(id2label));
  return defaults.map((_, i) => {
    const name: unknown = names.get(String(i));
    if (typeof name === "string" && name !== "" && names.size === classes) return name;
    throw new FormatError(
      CODE,
      `${dir}: id2label names ${names.size} labels and "${i}" is ${describe(name)}, expected a name for each of ${classes}`,
    );
  });
}

/** Families whose positions are rotary: prefix keys carry none, so real tokens are not shifted. */
const ROTARY = new Set(["modernbert", "eurobert", "llama", "qwen2", "qwen3", "gemma3_text"]);

/**
 * How far PEFT shifts the real tokens: Hugging Face numbers learned positions after the past keys,
 * so by P; rotary positions of the texts stay.
 */
export const defaultPositionOffset = (adapter: PeftAdapter, base: BaseManifest): number =>
  ROTARY.has(base.configuration.model_type) ? 0 : adapter.numVirtualTokens;

/** A sequence head of PEFT reads what the checkpoint's own classifier would: the pooler, if there is one. */
export const poolingOf = ({ type }: PeftAdapter, base: BaseManifest): Pooling =>
  type === "token" ? "none" : base.pooler === null ? "cls" : "pooler";

/** Throws MismatchError `prefix-base-mismatch` unless the adapter's shapes are the base's. */
export function checkAdapterFitsBase(adapter: PeftAdapter, base: BaseManifest): void {
  const shape = base.configuration;
  const wanted = {
    [PROMPT_EMBEDDINGS]: [adapter.numVirtualTokens, prefixWidth(shape)],
    [CLASSIFIER_WEIGHT]: [adapter.labels.length, shape.hidden_size],
    [CLASSIFIER_BIAS]: [adapter.labels.length],
  };
  const found: Readonly<Record<string, readonly number[]>> = {
    [PROMPT_EMBEDDINGS]: adapter.promptEmbeddings.dims,
    [CLASSIFIER_WEIGHT]: adapter.weight.dims,
    [CLASSIFIER_BIAS]: [adapter.bias.length],
  };
  for (const [name, dims] of Object.entries(wanted)) {
    const own = found[name]!;
    if (own.join() === dims.join()) continue;
    throw new MismatchError(
      "prefix-base-mismatch",
      `adapter${adapter.trainedOn ? ` for ${adapter.trainedOn}` : ""}: ${name} is [${own.join(", ")}], base "${base.name}" (${shape.num_hidden_layers} layers, ${shape.num_key_value_heads} heads of ${shape.head_dim}) needs [${dims.join(", ")}]`,
    );
  }
}
