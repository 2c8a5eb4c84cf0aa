/**
 * The folder of a task, written and read: prefix.safetensors, manifest.json, CARD.md and report.html beside its
 * task.json. All of it is made in memory and checked by the code that serves it. Only then are files
 * replaced, each by rename and the manifest last, so a bad artifact never replaces a good one.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readTaskManifest } from "../../src/core/format/manifest.ts";
import type { BaseManifest, TaskManifest } from "../../src/core/format/manifest.ts";
import { versionOf } from "../../src/core/format/keys.ts";
import { SIGNATURE_FILE } from "../../src/core/signing/bundle.ts";
import { openTask } from "../../src/core/format/task.ts";
import type { Task } from "../../src/core/format/task.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import type { PackedTask } from "../../src/learn/task/packed-task.ts";
import { readFileOf, replaceFiles } from "../node/files.ts";
import { sha256, sha256Hex } from "../node/hash.ts";

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
  // It is of the files that were there before.
  await rm(join(dir, SIGNATURE_FILE), { force: true });
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
  const stale = [
    "prefix.safetensors",
    "manifest.json",
    SIGNATURE_FILE,
    ...(texts.report === null ? [REPORT] : []),
  ];
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
