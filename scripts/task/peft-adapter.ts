/**
 * Adapters as PEFT 0.21's `save_pretrained` writes them: adapter_config.json and
 * adapter_model.safetensors. Only prefix tuning of an encoder has a place here; PEFT has folded a
 * projection away when it saved. Everything that does not fit is an error that says what was found
 * and what was expected.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, InputError, MismatchError, NotFoundError } from "../../src/core/errors.ts";
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
import { toFloat32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { parseJson } from "../../src/core/text.ts";
import { readLabelNames } from "../../src/learn/data/labels.ts";
import { readIfThere } from "../node/files.ts";

/** What an adapter holds, in the shapes of prefix.safetensors. */
export interface PeftAdapter {
  readonly type: TaskType;
  /** From a config beside the adapter; one output without a word about it is a number. */
  readonly problemType: ProblemType;
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
const PROBLEM_TYPES = [
  "single_label_classification",
  "multi_label_classification",
  "regression",
] as const satisfies readonly ProblemType[];
const TASK_TYPES = { SEQ_CLS: "sequence", TOKEN_CLS: "token" } as const;

/** The heads that PEFT saves with an adapter; `score` is what newer models call the classifier. */
const HEAD =
  /^(?:base_model\.)?(?:model\.)?(?:classifier|score)\.(?:modules_to_save\.[^.]+\.)?(weight|bias)$/;

/**
 * Reads an adapter folder; `labelNames` is what --label-names says. Throws NotFoundError
 * `peft-not-found`, FormatError `peft-invalid`, InputError `label-names-invalid`.
 */
export async function readPeftAdapter(dir: string, labelNames?: string): Promise<PeftAdapter> {
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
  const configs = [config, ...(await readModelConfig(dir))];
  return {
    type,
    numVirtualTokens,
    promptEmbeddings: { dims: prompt.dims, values: toFloat32(prompt) },
    weight: { dims: weight.dims, values: toFloat32(weight) },
    bias: bias ? toFloat32(bias) : new Float32Array(classes),
    problemType: problemTypeOf(type, classes, configs),
    labels:
      labelNames === undefined
        ? labelsOf(dir, classes, configs)
        : namedLabels(labelNames, classes, () => labelsOf(dir, classes, configs)),
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

/** The model's config.json beside the adapter, where there is one. */
async function readModelConfig(dir: string): Promise<RecordReader[]> {
  const path = join(dir, "config.json");
  const bytes = await readIfThere(path);
  return bytes === null ? [] : [readRecord(parseJson(bytes, path), path, CODE)];
}

/** What transformers would take it for: `problem_type`, else by the number of outputs. */
function problemTypeOf(
  type: TaskType,
  classes: number,
  configs: readonly RecordReader[],
): ProblemType {
  const config = configs.find((item) => item.has("problem_type"));
  const isNumber = type === "sequence" && classes === 1;
  if (!config) return isNumber ? "regression" : "single_label_classification";
  const found = config.oneOf("problem_type", PROBLEM_TYPES);
  if (type === "token" && found !== "single_label_classification") {
    return config.fail(
      `"problem_type" is "${found}", the adapter tags words (TOKEN_CLS), which is single_label_classification`,
    );
  }
  if (found === "regression" && classes !== 1) {
    return config.fail(
      `"problem_type" is "regression" and the classifier has ${classes} outputs, expected 1`,
    );
  }
  return found;
}

const defaultLabels = (classes: number): string[] =>
  Array.from({ length: classes }, (_, i) => `LABEL_${i}`);

/** `id2label`, or `label2id`, of the first config that has one; else LABEL_0, LABEL_1, .. */
function labelsOf(dir: string, classes: number, configs: readonly RecordReader[]): string[] {
  const defaults = defaultLabels(classes);
  const named = configs.find((item) => item.has("id2label"));
  const numbered = configs.find((item) => item.has("label2id"));
  const names = named
    ? new Map(entriesOf(named, "id2label"))
    : numbered && new Map(entriesOf(numbered, "label2id").map(([name, id]) => [String(id), name]));
  if (!names) return defaults;
  const labels = defaults.map((_, i) => {
    const name: unknown = names.get(String(i));
    if (typeof name === "string" && name !== "" && names.size === classes) return name;
    throw new FormatError(
      CODE,
      `${dir}: id2label names ${names.size} labels and "${i}" is ${describe(name)}, expected a name for each of ${classes}; --label-names a,b,.. names them`,
    );
  });
  checkDifferent(labels, `${dir}: id2label`);
  return labels;
}

const entriesOf = (r: RecordReader, field: string): [string, unknown][] => {
  const names = r.record(field);
  return names.fields().map((name) => [name, names.raw(name)]);
};

/**
 * The labels that --label-names gives: a list for all of them, or `label=name` for some, by name or
 * by number, of those that the adapter has.
 */
function namedLabels(text: string, classes: number, own: () => string[]): string[] {
  const { labelMap } = readLabelNames(text);
  const fail = (what: string): never => {
    throw new InputError("label-names-invalid", `--label-names: ${what}`);
  };
  const isList = !text.includes("=");
  const count = Object.keys(labelMap).length;
  if (isList && count !== classes) fail(`has ${count} names, the adapter has ${classes} labels`);
  const labels = isList ? [...defaultLabels(classes).keys()].map(String) : own();
  const known = new Set([...labels, ...[...labels.keys()].map(String)]);
  const stranger = Object.keys(labelMap).find((label) => !known.has(label));
  if (stranger !== undefined) {
    fail(`the adapter has no label "${stranger}"; it has ${labels.join(", ")}`);
  }
  const named = labels.map((label, i) => {
    const key = [label, String(i)].find((item) => Object.hasOwn(labelMap, item));
    const name = key === undefined ? label : labelMap[key];
    return name ?? fail(`"${label}=" would drop a label, which the adapter answers with`);
  });
  checkDifferent(named, "--label-names");
  return named;
}

function checkDifferent(labels: readonly string[], subject: string): void {
  const twice = labels.find((label, i) => labels.indexOf(label) < i);
  if (twice === undefined) return;
  throw new FormatError(
    CODE,
    `${subject}: "${twice}" names two labels, expected a name of its own for each`,
  );
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
