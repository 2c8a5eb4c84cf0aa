/**
 * A task as an adapter that `PeftModel.from_pretrained` loads: adapter_config.json,
 * adapter_model.safetensors, and the model's config.json with the names of the labels. Prefixes become
 * prefix tuning, low-rank changes LoRA. Whatever else a task may have is refused by name, since an
 * adapter that leaves a part out gives other answers.
 */
import { FormatError } from "../../src/core/errors.ts";
import { readSafetensors, writeSafetensors } from "../../src/core/format/safetensors.ts";
import type { Task } from "../../src/core/format/task.ts";
import {
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  PROMPT_EMBEDDINGS,
} from "../../src/core/model/shapes.ts";
import { float32, toFloat32 } from "../../src/core/model/tensor.ts";
import type { Tensor } from "../../src/core/model/tensor.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/core/text.ts";
import { baseConfig } from "../../src/encoder/base.ts";
import type { Base } from "../../src/encoder/base.ts";
import { ADAPTER_CONFIG, ADAPTER_MODEL, HEAD_FILE, MODEL_CONFIG } from "./adapter-files.ts";
import { loraConfig, trainedBiases } from "./export-lora.ts";
import { HUB_MODELS } from "./hub-models.ts";
import type { HubModel } from "./hub-models.ts";
import { movedPositions } from "./positions.ts";

export interface ExportOptions {
  /** The checkpoint's id on the hub or its folder, as `base_model_name_or_path`. */
  readonly model: string;
  /**
   * Whether the adapter is for the bare encoder (AutoModel), with the head in a file of its own: for
   * heads that transformers' models with a head do not have.
   */
  readonly features: boolean;
}

export interface ExportedAdapter {
  readonly kind: "PREFIX_TUNING" | "LORA";
  readonly taskType: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What differs from the task as it is served here, for people. */
  readonly notes: readonly string[];
}

const CODE = "peft-export-unsupported";

/**
 * The files of an adapter for `task`, whose prefix.safetensors is `prefixBytes`. Throws FormatError
 * `peft-export-unsupported` for what PEFT or transformers' models have no place for.
 */
export function exportAdapter(
  task: Task,
  prefixBytes: Uint8Array,
  base: Base,
  { model, features }: ExportOptions,
): ExportedAdapter {
  const { manifest, prefix } = task;
  const { configuration: shape } = base.manifest;
  const hub = HUB_MODELS[shape.model_type]!;
  checkParts(task);
  if (!features) checkHead(task, base, hub);
  checkPositions(task, base, hub, features);
  const taskType = features ? "FEATURE_EXTRACTION" : TASK_TYPES[manifest.type];
  const encoder = features ? "" : `${hub.encoder}.`;
  const { tensors } = readSafetensors(prefixBytes, `task "${manifest.task}": prefix.safetensors`);
  const stored = (name: string): Tensor => {
    const tensor = tensors.get(name)!;
    return float32(tensor.dims, toFloat32(tensor));
  };
  const head = [CLASSIFIER_WEIGHT, CLASSIFIER_BIAS].map((name) => [name, stored(name)] as const);
  const about = { base_model_name_or_path: model, inference_mode: true, task_type: taskType };
  const modules = features ? [] : ["classifier"];
  const contents = new Map<string, Tensor>();
  const headStart = prefix.lowRank ? "base_model.model." : "base_model.";
  if (!features) for (const [name, tensor] of head) contents.set(headStart + name, tensor);
  let config: Readonly<Record<string, unknown>>;
  if (prefix.lowRank) {
    for (const name of [...tensors.keys()].filter((each) => each.includes(".lora_"))) {
      contents.set(`base_model.model.${encoder}${name}`, stored(name));
    }
    const biases = trainedBiases(task, base);
    for (const [name, tensor] of biases) contents.set(`base_model.model.${encoder}${name}`, tensor);
    config = {
      ...loraConfig(prefix.lowRank, encoder, biases.size > 0),
      modules_to_save: modules,
    };
  } else {
    contents.set(PROMPT_EMBEDDINGS, stored(PROMPT_EMBEDDINGS));
    const moved = movedPositions(base, prefix.numVirtualTokens, manifest.position_offset);
    if (moved) {
      contents.set(`base_model.${encoder}${moved.name}`, moved.table);
      modules.push(`${encoder}${moved.name}`.replace(/\.weight$/, ""));
    }
    const width = shape.num_key_value_heads * shape.head_dim;
    config = {
      peft_type: "PREFIX_TUNING",
      num_virtual_tokens: prefix.numVirtualTokens,
      num_layers: shape.num_hidden_layers,
      // Of keys and values: PEFT itself replaces a model's heads by its num_key_value_heads.
      num_attention_heads: shape.num_key_value_heads,
      token_dim: width,
      encoder_hidden_size: width,
      num_transformer_submodules: 1,
      prefix_projection: false,
      modules_to_save: modules,
    };
  }
  const files = new Map([
    [ADAPTER_CONFIG, jsonFile({ ...config, ...about })],
    [ADAPTER_MODEL, writeSafetensors(contents, { format: "pt" })],
    [MODEL_CONFIG, modelConfig(task, base)],
  ]);
  if (features) {
    const metadata = { format: "pt", pooling: manifest.pooling };
    files.set(HEAD_FILE, writeSafetensors(new Map(head), metadata));
  }
  const kind = prefix.lowRank ? "LORA" : "PREFIX_TUNING";
  return { kind, taskType, files, notes: notesOn(task, base) };
}

const TASK_TYPES = { sequence: "SEQ_CLS", token: "TOKEN_CLS" } as const;

const jsonFile = (value: unknown): Uint8Array => encodeUtf8(`${JSON.stringify(value, null, 2)}\n`);

/**
 * The checkpoint's own config.json, with the task's labels at its end, where they replace labels that it
 * names before. The text stays as it is: transformers tells 2.0 from 2, which JSON.parse does not.
 */
function modelConfig({ manifest }: Task, base: Base): Uint8Array {
  const own = decodeUtf8(base.files.get(MODEL_CONFIG)!).trimEnd();
  const labels = JSON.stringify({
    id2label: Object.fromEntries(manifest.labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(manifest.labels.map((label, id) => [label, id])),
    problem_type: manifest.problem_type,
  });
  return encodeUtf8(`${own.slice(0, -1).trimEnd()},\n  ${labels.slice(1, -1)}\n}\n`);
}

/** Throws unless the task is a prefix or a low-rank change with a plain head. */
function checkParts({ manifest, prefix, head }: Task): void {
  const hasPrefix = prefix.numVirtualTokens > 0;
  const parts: readonly [boolean, string][] = [
    [hasPrefix && prefix.lowRank !== null, "a prefix and low-rank changes at once"],
    [prefix.deltas !== null && !prefix.lowRank, "deltas of biases (bias_deltas)"],
    [!hasPrefix && !prefix.lowRank && !prefix.deltas, "a head alone, without prefix or LoRA"],
    [head.transitions !== null, "tag transitions (train --plain-head makes none)"],
    [head.shapeWeight !== null, "weights of word shapes (train --plain-head makes none)"],
    [head.prototypes !== null, "prototypes of a label for unknown texts (--other)"],
  ];
  const found = parts.filter(([isThere]) => isThere).map(([, what]) => what);
  if (found.length === 0) return;
  throw new FormatError(
    CODE,
    `task "${manifest.task}": has ${found.join(", ")}, for which PEFT's adapters have no place; exported are prefixes, and LoRA with whole biases, with a plain head`,
  );
}

/** Throws unless transformers' model with a head computes the task's head. */
function checkHead({ manifest }: Task, base: Base, hub: HubModel): void {
  const { model_type: family } = base.manifest.configuration;
  const isLinear = hub.heads.includes(manifest.type);
  const found = isLinear ? `pooling "${manifest.pooling}"` : `a plain linear head`;
  if (isLinear && (manifest.type === "token" || manifest.pooling === "pooler")) return;
  const theirs = isLinear
    ? "reads the checkpoint's pooler"
    : "has more layers in its classifier than one";
  throw new FormatError(
    CODE,
    `task "${manifest.task}": has ${found}, and transformers' ${family} model for ${TASK_TYPES[manifest.type]} ${theirs}; --features exports an adapter of the bare encoder, with the head in a file of its own`,
  );
}

/** Throws unless the encoder takes the prefix, and can count positions as the task does. */
function checkPositions(
  { manifest, prefix }: Task,
  base: Base,
  { takesPast }: HubModel,
  features: boolean,
): void {
  const { model_type: family } = base.manifest.configuration;
  const fail = (what: string): never => {
    throw new FormatError(CODE, `task "${manifest.task}": ${what}`);
  };
  if (
    prefix.numVirtualTokens > 0 &&
    takesPast !== "always" &&
    !(takesPast === "bare" && features)
  ) {
    fail(
      `has a prefix, and PEFT runs none ${takesPast === "bare" ? `on transformers' ${family} model with a head; --features exports an adapter of the bare encoder` : `on transformers' ${family} model, which takes no past keys and values`}`,
    );
  }
  const hasTable = baseConfig(base).config.encoder.embeddings.positions !== null;
  if (manifest.position_offset > 0 && !(hasTable && prefix.numVirtualTokens > 0)) {
    fail(
      `has position_offset ${manifest.position_offset}; PEFT begins at position 0 with ${hasTable ? "LoRA" : "rotary positions"}`,
    );
  }
}

function notesOn({ manifest, prefix }: Task, base: Base): string[] {
  const { dtype, configuration } = base.manifest;
  const { embeddings } = baseConfig(base).config.encoder;
  const calibrated = [
    ...(manifest.temperature === 1 ? [] : [`temperature ${manifest.temperature}`]),
    ...(manifest.thresholds ? ["thresholds"] : []),
  ];
  const notes: string[] = [];
  if (embeddings.positions && prefix.numVirtualTokens > manifest.position_offset) {
    const { rows } = embeddings.positions;
    const most = rows - configuration.first_position - prefix.numVirtualTokens;
    notes.push(
      `PEFT numbers tokens after the prefix, so the adapter brings the position table with its rows moved; texts may have ${most} tokens there`,
    );
  }
  if (calibrated.length > 0) {
    notes.push(`PEFT answers with logits: ${calibrated.join(" and ")} are left out`);
  }
  if (dtype === "int8") {
    notes.push("the base is int8; on the checkpoint in floats, logits differ by what that rounds");
  }
  return notes;
}
