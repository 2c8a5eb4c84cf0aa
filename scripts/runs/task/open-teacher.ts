/**
 * Opens a teacher's folder: a task with its base, or a checkpoint with a head, as full fine-tuning and
 * Hugging Face's transformers write it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FormatError, NotFoundError } from "../../../src/core/errors.ts";
import { maxLengthOf } from "../../../src/core/format/configuration.ts";
import { openTask } from "../../../src/core/format/task.ts";
import { CLASSIFIER_BIAS, CLASSIFIER_WEIGHT } from "../../../src/core/model/shapes.ts";
import { float32, toFloat32 } from "../../../src/core/model/tensor.ts";
import type { Tensor } from "../../../src/core/model/tensor.ts";
import { parseJson } from "../../../src/core/text.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { UNMEASURED, packTask } from "../../../src/learn/task/packed-task.ts";
import { EMPTY_SPEC, readTaskSpec } from "../../../src/learn/task/spec.ts";
import type { Teacher } from "../../../src/learn/task/teacher.ts";
import { CHECKPOINT } from "../../../src/learn/task/tuned-checkpoint.ts";
import { readBaseFolder } from "../../base/base-folder.ts";
import { readCheckpoint } from "../../base/checkpoint.ts";
import type { Checkpoint } from "../../base/checkpoint.ts";
import { importCheckpoint } from "../../base/convert.ts";
import { baseFolder, bundledBaseDir, nameFrom } from "../../base/names.ts";
import { openBase } from "../../base/open-base.ts";
import { readFileOf, readIfThere } from "../../node/files.ts";
import { sha256 } from "../../node/hash.ts";
import { readTaskFolder } from "../../task/task-folder.ts";

export interface TeacherOptions {
  /** Folder of the teacher's base; default: the student's where it is the same, else the one of its name. */
  readonly base: string | undefined;
  readonly student: Base;
  readonly note: (line: string) => void;
}

/** Tokens that a checkpoint reads at once, where no task.json says it: longer texts take several windows. */
const CHECKPOINT_WINDOW = 256;

/**
 * Opens it, natively. Throws NotFoundError `teacher-not-found` where the folder holds neither, FormatError
 * `teacher-invalid` for a checkpoint whose head is not known, and what bases and tasks throw.
 */
export async function openTeacher(dir: string, options: TeacherOptions): Promise<Teacher> {
  if (existsSync(join(dir, "manifest.json"))) return openTaskTeacher(dir, options);
  const folder = [join(dir, CHECKPOINT), dir].find((path) => existsSync(join(path, "config.json")));
  if (folder !== undefined) return openCheckpoint(dir, folder, options);
  throw new NotFoundError(
    "teacher-not-found",
    `teacher ${dir}: has neither the manifest.json of a task nor a checkpoint (config.json, model.safetensors); name a task's folder, one of --method full, or a checkpoint with a head`,
  );
}

async function openTaskTeacher(dir: string, { base, student }: TeacherOptions): Promise<Teacher> {
  const { manifest, version } = await readTaskFolder(dir);
  const isSame = manifest.base.identity === student.manifest.identity;
  const own =
    base === undefined && isSame
      ? student
      : await readBaseFolder(baseFolder(base) ?? bundledBaseDir(manifest.base.name));
  const prefix = await readFileOf(dir, "prefix.safetensors", "task-folder-not-found");
  const task = await openTask(manifest, version, prefix, own.manifest, sha256);
  return teacherOf(own, task, `a task on ${own.manifest.name} (${own.manifest.dtype})`);
}

async function openCheckpoint(
  dir: string,
  folder: string,
  { note }: TeacherOptions,
): Promise<Teacher> {
  const checkpoint = await readCheckpoint(folder, dir);
  const base = await importCheckpoint(checkpoint, {
    name: nameFrom(dir) || "teacher",
    dtype: "fp32",
    created: new Date(0),
  });
  const path = join(dir, "task.json");
  const bytes = await readIfThere(path);
  const spec = bytes ? readTaskSpec(bytes, path) : EMPTY_SPEC;
  const { tensors, labels } = headOf(checkpoint, dir);
  const pooling = spec.pooling ?? (base.manifest.pooler ? "pooler" : "cls");
  const longest = maxLengthOf(base.manifest.configuration);
  const maxLength = spec.max_length ?? Math.min(CHECKPOINT_WINDOW, longest);
  note(
    `teacher ${dir}: a checkpoint, read with pooling ${pooling} in windows of ${maxLength} tokens`,
  );
  const { task } = await packTask(
    {
      task: spec.name ?? base.manifest.name,
      type: spec.type ?? "sequence",
      problem_type: spec.problem_type ?? "single_label_classification",
      labels,
      num_virtual_tokens: 0,
      position_offset: 0,
      pooling,
      max_length: maxLength,
      ...UNMEASURED,
      created: new Date(0).toISOString(),
    },
    base.manifest,
    tensors,
    "float32",
    sha256,
  );
  // A folder of this project says what it learned from.
  const { source } = spec.data;
  const learned = source === null ? "" : ` that learned from ${source}`;
  return teacherOf(base, task, `a fine-tuned checkpoint (fp32)${learned}`);
}

async function teacherOf(base: Base, task: Teacher["task"], what: string): Promise<Teacher> {
  return {
    name: task.manifest.task,
    what,
    identity: `${task.version}/${base.manifest.identity}`,
    task,
    loaded: await openBase(base, "node"),
  };
}

/** A linear head and its labels out of a checkpoint. */
function headOf(
  { tensors, config }: Checkpoint,
  dir: string,
): { readonly tensors: ReadonlyMap<string, Tensor>; readonly labels: readonly string[] } {
  const [weight, bias] = [tensors.get(CLASSIFIER_WEIGHT), tensors.get(CLASSIFIER_BIAS)];
  const { id2label } = parseJson(config, "config.json") as { id2label?: Record<string, unknown> };
  const labels = Object.entries(id2label ?? {})
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, label]) => String(label));
  const rest = [...tensors.keys()].filter((name) => /^(?:pre_)?classifier\./.test(name));
  if (!weight || !bias || rest.length !== 2 || labels.length !== weight.dims[0]) {
    const found = rest.length === 0 ? "no head" : rest.join(", ");
    throw new FormatError(
      "teacher-invalid",
      `teacher ${dir}: found ${found} and ${labels.length} labels (id2label); expected ${CLASSIFIER_WEIGHT} and ${CLASSIFIER_BIAS}, one row a label, as BertForSequenceClassification has them`,
    );
  }
  const floats = (tensor: Tensor): Tensor => float32(tensor.dims, toFloat32(tensor));
  return {
    tensors: new Map([
      [CLASSIFIER_WEIGHT, floats(weight)],
      [CLASSIFIER_BIAS, floats(bias)],
    ]),
    labels,
  };
}
