/** Good manifests and pointers as plain JSON values: tests change one thing and see it refused. */
import { createHash } from "node:crypto";
import { FORMAT_VERSION, identityText } from "../../src/core/format/manifest.ts";
import type { IdentityParts, Sha256 } from "../../src/core/format/manifest.ts";

export const hex = (digit: string): string => digit.repeat(64);

/** A task's manifest, without what a reader would add. */
export function taskJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    format_version: FORMAT_VERSION,
    kind: "task",
    task: "sentiment",
    description: "Is a text positive?",
    base: { name: "tiny", identity: BASE_IDENTITY },
    type: "sequence",
    problem_type: "single_label_classification",
    labels: ["negative", "positive"],
    num_virtual_tokens: 3,
    position_offset: 0,
    pooling: "cls",
    max_length: 64,
    temperature: 1,
    thresholds: null,
    other: null,
    prefix: { sha256: hex("b"), bytes: 10 },
    measured_on: "ort/int8",
    examples: [{ text: "good", label: "positive", score: 0.9 }],
    metrics: { accuracy: 0.9 },
    created: "2026-01-02T03:04:05.678Z",
    ...changes,
  };
}

/** Of a base's manifest: L 2, N 2, D 4, H 8. */
export function configurationJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    model_type: "bert",
    num_hidden_layers: 2,
    hidden_size: 8,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    head_dim: 4,
    intermediate_size: 16,
    hidden_act: "gelu",
    layer_norm_eps: 1e-12,
    vocab_size: 200,
    type_vocab_size: 2,
    max_position_embeddings: 64,
    first_position: 0,
    pad_token_id: 0,
    num_bias_deltas: 0,
    ...changes,
  };
}

/** A base's manifest; its identity follows from what it lists, unless `changes` has another. */
export function baseJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const json = {
    format_version: FORMAT_VERSION,
    kind: "base",
    name: "tiny",
    dtype: "int8",
    configuration: configurationJson(),
    weights: ["weights-0.safetensors"],
    tokenizer: "tokenizer.json",
    pooler: null,
    builds: { "ort/int8": "model.onnx" },
    pooling: "mean",
    files: {
      "model.onnx": { sha256: hex("1"), bytes: 100 },
      "weights-0.safetensors": { sha256: hex("2"), bytes: 200 },
      "tokenizer.json": { sha256: hex("3"), bytes: 300 },
    },
    checkpoint: hex("c"),
    created: "2026-01-02T03:04:05Z",
    ...changes,
  };
  return { identity: identityOf(json), ...json };
}

/** The identity that a reader will compute; any hash where the parts are too wrong for one. */
function identityOf({ pooler = null, ...rest }: Record<string, unknown>): string {
  try {
    return hashOf(identityText({ pooler, ...rest } as unknown as IdentityParts));
  } catch {
    return hex("a");
  }
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Of `baseJson()`. */
export const BASE_IDENTITY = identityOf(baseJson());

/** A task's pointer with two versions. */
export function taskPointerJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const version = (digit: string) => ({
    version: digit.repeat(12),
    manifest: `sha256:${hex(digit)}`,
    created: "2026-01-02T03:04:05Z",
  });
  return {
    task: "sentiment",
    current: "d".repeat(12),
    versions: [version("d"), version("e")],
    canary: null,
    ...changes,
  };
}

/** A base's pointer. */
export function basePointerJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    base: "tiny",
    manifest: `sha256:${hex("f")}`,
    identity: BASE_IDENTITY,
    created: "2026-01-02T03:04:05Z",
    session_image: { runtime: "0123456789abcdef", sha256: hex("b"), bytes: 5000 },
    no_image_on: null,
    ...changes,
  };
}

export const toBytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

export const sha256: Sha256 = async (bytes) => createHash("sha256").update(bytes).digest("hex");
