/**
 * The folder of a task, written and read: prefix.safetensors, manifest.json, CARD.md and report.html beside its
 * task.json. All of it is made in memory and checked by the code that serves it. Only then are files
 * replaced, each by rename and the manifest last, so a bad artifact never replaces a good one.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { FORMAT_VERSION, readTaskManifest } from "../../src/core/format/manifest.ts";
import type { BaseManifest, TaskManifest } from "../../src/core/format/manifest.ts";
import { versionOf } from "../../src/core/format/keys.ts";
import { writeSafetensors } from "../../src/core/format/safetensors.ts";
import { openTask } from "../../src/core/format/task.ts";
import type { Task } from "../../src/core/format/task.ts";
import { toFloat16 } from "../../src/core/model/tensor.ts";
import type { Tensor, TensorOf } from "../../src/core/model/tensor.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { readFileOf, replaceFiles } from "../node/files.ts";
import { sha256, sha256Hex } from "../node/hash.ts";

/** What a manifest says besides what follows from base and prefix. */
export type TaskFacts = Omit<TaskManifest, "format_version" | "kind" | "base" | "prefix">;

/** A checked task, and the bytes of its files. */
export interface PackedTask {
  readonly task: Task;
  readonly manifestBytes: Uint8Array;
  readonly prefixBytes: Uint8Array;
}

/** Packs parameters into a task; `dtype` F16 halves the file at no measured loss, F32 keeps every bit. */
export async function packTask(
  facts: TaskFacts,
  base: BaseManifest,
  params: ReadonlyMap<string, TensorOf<"float32">>,
  dtype: "float16" | "float32",
): Promise<PackedTask> {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of params) {
    const { dims, data } = tensor;
    tensors.set(name, dtype === "float16" ? { dtype, dims, data: toFloat16(data) } : tensor);
  }
  return packPrefix(facts, base, writeSafetensors(tensors, { format: "pt" }));
}

/** As packTask, for a prefix.safetensors that exists already (after training: metrics and examples). */
export async function packPrefix(
  facts: TaskFacts,
  base: BaseManifest,
  prefixBytes: Uint8Array,
): Promise<PackedTask> {
  const manifest: TaskManifest = {
    format_version: FORMAT_VERSION,
    kind: "task",
    ...facts,
    base: { name: base.name, identity: base.identity },
    prefix: { sha256: sha256Hex(prefixBytes), bytes: prefixBytes.byteLength },
  };
  const manifestBytes = encodeUtf8(`${JSON.stringify(manifest, null, 2)}\n`);
  const checked = readTaskManifest(manifestBytes, `task "${facts.task}"`);
  const task = await openTask(
    checked,
    versionOf(sha256Hex(manifestBytes)),
    prefixBytes,
    base,
    sha256,
  );
  return { task, manifestBytes, prefixBytes };
}

/** May hold texts of the data (report/facts.ts), so it stays where it was made. */
export const REPORT = "report.html";

export interface TaskTexts {
  readonly taskJson: string | null;
  readonly card: string;
  /** report.html; null for none, and then one of an earlier run goes, too. */
  readonly report: string | null;
}

/** Writes a task's files into `dir`, which is made when missing; other files there stay. */
export async function writeTaskFolder(
  dir: string,
  packed: PackedTask,
  texts: TaskTexts,
): Promise<void> {
  const files = new Map(textFiles(texts))
    .set("prefix.safetensors", packed.prefixBytes)
    .set("manifest.json", packed.manifestBytes);
  await replaceFiles(dir, files);
  if (texts.report === null) await rm(join(dir, REPORT), { force: true });
}

/**
 * Writes what was trained for comparison and cannot be served: card and report, and `more` files. A
 * task that stood in the folder is no result of this run and goes.
 */
export async function writeComparisonFolder(
  dir: string,
  texts: TaskTexts,
  more: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<void> {
  await replaceFiles(dir, new Map([...more, ...textFiles(texts)]));
  const stale = ["prefix.safetensors", "manifest.json", ...(texts.report === null ? [REPORT] : [])];
  for (const name of stale) await rm(join(dir, name), { force: true });
}

function textFiles({ taskJson, card, report }: TaskTexts): [string, Uint8Array][] {
  const texts: [string, string | null][] = [
    ["CARD.md", card],
    [REPORT, report],
    ["task.json", taskJson],
  ];
  return texts.flatMap(([name, text]) => (text === null ? [] : [[name, encodeUtf8(text)]]));
}

/** What the manifest of a folder says, and the version that follows from its bytes. */
export interface TaskFolder {
  readonly manifest: TaskManifest;
  readonly manifestBytes: Uint8Array;
  readonly version: string;
}

/** A task folder's manifest; throws NotFoundError `task-folder-not-found` or FormatError. */
export async function readTaskFolder(folder: string): Promise<TaskFolder> {
  const bytes = await readFileOf(folder, "manifest.json", "task-folder-not-found");
  const manifest = readTaskManifest(bytes, join(folder, "manifest.json"));
  return { manifest, manifestBytes: bytes, version: versionOf(sha256Hex(bytes)) };
}

/** A task from its folder, matched with `base`; throws what core/format/task.ts throws. */
export async function openTaskFolder(
  dir: string,
  base: BaseManifest,
  options: { anyImport?: boolean } = {},
): Promise<Task> {
  const { manifest, version } = await readTaskFolder(dir);
  const prefix = await readFileOf(dir, "prefix.safetensors", "task-folder-not-found");
  return openTask(manifest, version, prefix, base, sha256, options);
}
