/**
 * A task in memory, and the one gate it passes on its way there: parse, hash, match with its base,
 * check shapes and numbers. Nothing downstream checks again, because nothing unchecked gets past.
 */
import type { Head, Pooler } from "../model/head.ts";
import { checkFile, checkTaskFitsBase, checkTaskMatchesBase } from "./manifest.ts";
import type { BaseManifest, Sha256, TaskManifest } from "./manifest.ts";
import { linearOf, loraA, loraB, lowRankFactors } from "../model/low-rank.ts";
import type { LowRank } from "../model/low-rank.ts";
import { checkFinite, emptyPrefix, unpackPrefix } from "../model/prefix.ts";
import type { Deltas, Prefix } from "../model/prefix.ts";
import { FormatError, MismatchError } from "../errors.ts";
import { describe } from "../record.ts";
import { readSafetensors } from "./safetensors.ts";
import type { Safetensors } from "./safetensors.ts";
import {
  BIAS_DELTAS,
  CLASSIFIER_BIAS,
  CLASSIFIER_WEIGHT,
  LAYER_WEIGHTS,
  POOLER_BIAS,
  POOLER_WEIGHT,
  PROMPT_EMBEDDINGS,
  PROTOTYPES,
  SHAPE_WEIGHT,
  START_TRANSITIONS,
  TRANSITIONS,
  checkDims,
} from "../model/shapes.ts";
import { prototypesOf } from "../model/prototypes.ts";
import type { TaskParts } from "../model/task.ts";
import { toFloat32 } from "../model/tensor.ts";
import type { Dtype } from "../model/tensor.ts";
import { MAX_CHAINED_LABELS } from "../model/transitions.ts";
import { WORD_SHAPES } from "../model/word-shapes.ts";

export interface Task extends TaskParts {
  readonly manifest: TaskManifest;
  readonly version: string;
}

/**
 * Opens a task from its validated manifest and the bytes of its prefix.safetensors. `anyImport`
 * lets a task run on another import of the same checkpoint (fp32 instead of int8), for evaluation;
 * the caller has then compared the checkpoints. Errors: see manifest.ts, safetensors.ts, prefix.ts.
 */
export async function openTask(
  manifest: TaskManifest,
  version: string,
  prefixBytes: Uint8Array,
  base: BaseManifest,
  sha256: Sha256,
  { anyImport = false }: { anyImport?: boolean } = {},
): Promise<Task> {
  const subject = `task "${manifest.task}"`;
  const shape = base.configuration;
  if (anyImport) checkTaskFitsBase(manifest, base);
  else checkTaskMatchesBase(manifest, base);
  await checkFile(`${subject}: prefix.safetensors`, prefixBytes, manifest.prefix, sha256);
  const file = readSafetensors(prefixBytes, `${subject}: prefix.safetensors`);
  return { manifest, version, prefix: readPrefix(file), head: readHead(file) };

  function readPrefix(file: Safetensors): Prefix {
    return { ...readVirtualTokens(file), deltas: readDeltas(file), lowRank: readLowRank(file) };
  }

  function readVirtualTokens(file: Safetensors): Prefix {
    if (manifest.num_virtual_tokens === 0 && !file.tensors.has(PROMPT_EMBEDDINGS)) {
      return emptyPrefix(shape);
    }
    const { values, dims } = floats(file, PROMPT_EMBEDDINGS, subject);
    const prefix = unpackPrefix(values, dims, shape, subject);
    if (prefix.numVirtualTokens !== manifest.num_virtual_tokens) {
      throw new FormatError(
        "tensor-shape-mismatch",
        `${subject}: ${PROMPT_EMBEDDINGS} has ${prefix.numVirtualTokens} virtual tokens, its manifest says ${manifest.num_virtual_tokens}`,
      );
    }
    return prefix;
  }

  function readDeltas(file: Safetensors): Deltas | null {
    if (!file.tensors.has(BIAS_DELTAS)) return null;
    if (shape.num_bias_deltas === 0) {
      throw new MismatchError(
        "prefix-base-mismatch",
        `${subject}: has ${BIAS_DELTAS}, base "${base.name}" takes none; import the base again with this release`,
      );
    }
    const biasDeltas = floats(file, BIAS_DELTAS, subject);
    const layerWeights = floats(file, LAYER_WEIGHTS, subject);
    checkDims(`${subject}: ${BIAS_DELTAS}`, biasDeltas.dims, [shape.num_bias_deltas]);
    checkDims(`${subject}: ${LAYER_WEIGHTS}`, layerWeights.dims, [shape.num_hidden_layers + 1]);
    return { biasDeltas: biasDeltas.values, layerWeights: layerWeights.values };
  }

  /** Which linears the base has, the engine knows: it refuses others before they are computed. */
  function readLowRank(file: Safetensors): LowRank | null {
    const linears = new Set([...file.tensors.keys()].map(linearOf).filter((name) => name !== null));
    if (linears.size === 0) return null;
    const factorsOf = (name: string) => {
      const [a, b] = [floats(file, loraA(name), subject), floats(file, loraB(name), subject)];
      return lowRankFactors(`${subject}: ${name}`, a, b);
    };
    return new Map([...linears].map((name) => [name, factorsOf(name)]));
  }

  function readHead(file: Safetensors): Head {
    const labels = manifest.labels.length;
    const weight = floats(file, CLASSIFIER_WEIGHT, subject);
    const bias = floats(file, CLASSIFIER_BIAS, subject);
    checkDims(`${subject}: ${CLASSIFIER_WEIGHT}`, weight.dims, [labels, shape.hidden_size]);
    checkDims(`${subject}: ${CLASSIFIER_BIAS}`, bias.dims, [labels]);
    const prototypes = readPrototypes(file);
    return { weight: weight.values, bias: bias.values, ...readTextParts(file), prototypes };
  }

  function readPrototypes(file: Safetensors): Head["prototypes"] {
    const tensor = file.tensors.get(PROTOTYPES);
    const { other, type, problem_type } = manifest;
    if (other && (type !== "sequence" || problem_type !== "single_label_classification")) {
      throw new FormatError(
        "task-manifest-invalid",
        `${subject}: has "other", which only a task with one label a text may have`,
      );
    }
    // Both or neither: each means nothing without the other.
    if (!tensor && !other) return null;
    if (!tensor) {
      throw new FormatError(
        "tensor-missing",
        `${subject}: has no tensor "${PROTOTYPES}", its manifest has "other"; train it again`,
      );
    }
    if (!other) {
      throw new FormatError(
        "tensor-unexpected",
        `${subject}: has the tensor "${PROTOTYPES}", its manifest has no "other"; train it again`,
      );
    }
    if (tensor.dtype !== "int8") {
      throw new FormatError(
        "tensor-dtype-mismatch",
        `${subject}: ${PROTOTYPES} is ${tensor.dtype}, expected int8`,
      );
    }
    const [rows = 0] = tensor.dims;
    checkDims(`${subject}: ${PROTOTYPES}`, tensor.dims, [Math.max(1, rows), shape.hidden_size]);
    return prototypesOf(tensor.data, shape.hidden_size);
  }

  function readTextParts(file: Safetensors): Pick<Head, "shapeWeight" | "transitions"> {
    const labels = manifest.labels.length;
    const found = (name: string): boolean => file.tensors.has(name);
    const names = [SHAPE_WEIGHT, TRANSITIONS, START_TRANSITIONS].filter(found);
    if (manifest.type !== "token" && names.length > 0) {
      throw new FormatError(
        "tensor-unexpected",
        `${subject}: has the tensor "${names[0]}", which only a task of type "token" may have; its type is "${manifest.type}"`,
      );
    }
    const read = (name: string, dims: readonly number[]): Float32Array => {
      const { values, dims: own } = floats(file, name, subject);
      checkDims(`${subject}: ${name}`, own, dims);
      return values;
    };
    const shapeWeight = found(SHAPE_WEIGHT)
      ? read(SHAPE_WEIGHT, [labels, WORD_SHAPES.length])
      : null;
    // Both or neither: half of them would tag every text a little wrong.
    if (!found(TRANSITIONS) && !found(START_TRANSITIONS)) return { shapeWeight, transitions: null };
    if (labels > MAX_CHAINED_LABELS) {
      throw new FormatError(
        "too-many-labels",
        `${subject}: has ${TRANSITIONS} of ${labels} labels, at most ${MAX_CHAINED_LABELS} can be chosen together; train it with --plain-head`,
      );
    }
    const between = read(TRANSITIONS, [labels, labels]);
    const start = read(START_TRANSITIONS, [labels]);
    return { shapeWeight, transitions: { between, start } };
  }
}

/** Opens a base's pooler.safetensors. Errors: see safetensors.ts, prefix.ts. */
export function openPooler(bytes: Uint8Array, base: BaseManifest): Pooler {
  const subject = `base "${base.name}": pooler.safetensors`;
  const { hidden_size: hidden } = base.configuration;
  const file = readSafetensors(bytes, subject);
  const weight = floats(file, POOLER_WEIGHT, subject);
  const bias = floats(file, POOLER_BIAS, subject);
  checkDims(`${subject}: ${POOLER_WEIGHT}`, weight.dims, [hidden, hidden]);
  checkDims(`${subject}: ${POOLER_BIAS}`, bias.dims, [hidden]);
  return { weight: weight.values, bias: bias.values };
}

const FLOATING: readonly Dtype[] = ["float32", "float16", "bfloat16", "float64"];

function floats(
  file: Safetensors,
  name: string,
  subject: string,
): { values: Float32Array; dims: readonly number[] } {
  const tensor = file.tensors.get(name);
  if (!tensor) {
    throw new FormatError(
      "tensor-missing",
      `${subject}: has no tensor "${name}", found ${[...file.tensors.keys()].slice(0, 10).map(describe).join(", ")}`,
    );
  }
  if (!FLOATING.includes(tensor.dtype)) {
    throw new FormatError(
      "tensor-dtype-mismatch",
      `${subject}: ${name} is ${tensor.dtype}, expected one of ${FLOATING.join(", ")}`,
    );
  }
  const values = toFloat32(tensor);
  checkFinite(`${subject}: ${name}`, values);
  return { values, dims: tensor.dims };
}
