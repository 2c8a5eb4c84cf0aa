/** A task in memory: its parameters as the bytes of its two files, checked by the code that serves them. */
import { FORMAT_VERSION, readTaskManifest } from "../../core/format/manifest.ts";
import type { BaseManifest, Sha256, TaskManifest } from "../../core/format/manifest.ts";
import { versionOf } from "../../core/format/keys.ts";
import { writeSafetensors } from "../../core/format/safetensors.ts";
import { openTask } from "../../core/format/task.ts";
import type { Task } from "../../core/format/task.ts";
import { toFloat16 } from "../../core/model/tensor.ts";
import type { Tensor } from "../../core/model/tensor.ts";
import { encodeUtf8 } from "../../core/text.ts";

/** What a manifest says besides what follows from base and prefix. */
export type TaskFacts = Omit<TaskManifest, "format_version" | "kind" | "base" | "prefix">;

/** The facts of a task of which nothing has been measured yet. */
export const UNMEASURED = {
  temperature: 1,
  thresholds: null,
  other: null,
  measured_on: null,
  examples: [],
  metrics: {},
} as const satisfies Partial<TaskFacts>;

/** A checked task, and the bytes of its files. */
export interface PackedTask {
  readonly task: Task;
  readonly manifestBytes: Uint8Array;
  readonly prefixBytes: Uint8Array;
}

/** Packs parameters into a task; `dtype` is that of its floats: F16 halves the file at no measured loss, F32 keeps every bit. */
export async function packTask(
  facts: TaskFacts,
  base: BaseManifest,
  params: ReadonlyMap<string, Tensor>,
  dtype: "float16" | "float32",
  sha256: Sha256,
): Promise<PackedTask> {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of params) {
    const isHalved = dtype === "float16" && tensor.dtype === "float32";
    tensors.set(
      name,
      isHalved ? { dtype, dims: tensor.dims, data: toFloat16(tensor.data) } : tensor,
    );
  }
  return packPrefix(facts, base, writeSafetensors(tensors, { format: "pt" }), sha256);
}

/** As packTask, for a prefix.safetensors that exists already (after training: metrics and examples). */
export async function packPrefix(
  facts: TaskFacts,
  base: BaseManifest,
  prefixBytes: Uint8Array,
  sha256: Sha256,
): Promise<PackedTask> {
  const manifest: TaskManifest = {
    format_version: FORMAT_VERSION,
    kind: "task",
    ...facts,
    base: { name: base.name, identity: base.identity },
    prefix: { sha256: await sha256(prefixBytes), bytes: prefixBytes.byteLength },
  };
  const manifestBytes = encodeUtf8(`${JSON.stringify(manifest, null, 2)}\n`);
  const checked = readTaskManifest(manifestBytes, `task "${facts.task}"`);
  const task = await openTask(
    checked,
    versionOf(await sha256(manifestBytes)),
    prefixBytes,
    base,
    sha256,
  );
  return { task, manifestBytes, prefixBytes };
}
