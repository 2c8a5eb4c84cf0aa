/** Opens a task folder with the base it runs on: the one given, or the bundled one it names. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { MismatchError } from "../../src/core/errors.ts";
import { readBaseManifest, shortIdentity } from "../../src/core/format/manifest.ts";
import type { BaseManifest, TaskManifest } from "../../src/core/format/manifest.ts";
import { canonicalJson } from "../../src/core/text.ts";
import type { Task } from "../../src/core/format/task.ts";
import { readFile } from "node:fs/promises";
import type { LoadedBase } from "../../src/engine/engine.ts";
import { baseFolder, bundledBaseDir } from "../base/names.ts";
import { openBaseFolder } from "../base/open-base.ts";
import type { Runtime } from "../base/runtimes.ts";
import { sha256 } from "../node/hash.ts";
import { openTaskFolder, readTaskFolder } from "../task/task-folder.ts";
import type { Options } from "./command.ts";
import { RUNTIME_OPTION } from "./runtime-option.ts";

export const TASK_BASE_OPTIONS = {
  base: {
    type: "string",
    value: "DIR",
    hint: "base folder (default: models/<the base the task names>)",
  },
  "task-base": {
    type: "string",
    value: "DIR",
    hint: "base the task was trained for, when --base is another import of its checkpoint",
  },
  ...RUNTIME_OPTION,
} as const satisfies Options;

/**
 * Opens both. A base that is another import of the same checkpoint is allowed, with a note; any
 * other base is refused (MismatchError `prefix-base-mismatch`).
 */
export async function openTaskWithBase(
  taskDir: string,
  options: { base: string | undefined; taskBase: string | undefined; runtime: Runtime },
  note: (line: string) => void,
): Promise<{ base: LoadedBase; task: Task }> {
  const { manifest } = await readTaskFolder(taskDir);
  const own = baseFolder(options.taskBase) ?? bundledBaseDir(manifest.base.name);
  const base = await openBaseFolder(baseFolder(options.base) ?? own, options.runtime);
  const isOwn = manifest.base.identity === base.manifest.identity;
  if (!isOwn) {
    const remark = compareImports(manifest, base.manifest, await readManifest(own));
    if (remark !== null) note(remark);
  }
  const task = await openTaskFolder(taskDir, base.manifest, { anyImport: !isOwn });
  return { base, task };
}

async function readManifest(dir: string): Promise<BaseManifest | null> {
  const path = join(dir, "manifest.json");
  return existsSync(path) ? readBaseManifest(await readFile(path), sha256, path) : null;
}

/**
 * Whether a task may be measured on `given` although it was trained for `own`: only when both are
 * imports of one checkpoint in two dtypes, alike in all but the weights. Returns a note for people,
 * null when it is the same base; throws MismatchError `prefix-base-mismatch` otherwise.
 */
function compareImports(
  task: TaskManifest,
  given: BaseManifest,
  own: BaseManifest | null,
): string | null {
  if (task.base.identity === given.identity) return null;
  if (own !== null && own.identity === task.base.identity && isOtherDtype(own, given)) {
    return `note: task "${task.task}" was trained for ${shortIdentity(task.base)}; ${shortIdentity(given)} is another import of the same checkpoint (${given.dtype})`;
  }
  throw new MismatchError(
    "prefix-base-mismatch",
    `task "${task.task}": was trained for base ${shortIdentity(task.base)}, this is base ${shortIdentity(given)}${own === null ? ` and ${task.base.name} was not found to compare checkpoints; name it with --task-base DIR` : ", which is another model and not another dtype of it"}`,
  );
}

/** Whether two bases have one checkpoint, configuration and tokenizer, and another dtype. */
const isOtherDtype = (a: BaseManifest, b: BaseManifest): boolean =>
  a.dtype !== b.dtype &&
  a.checkpoint === b.checkpoint &&
  canonicalJson(a.configuration) === canonicalJson(b.configuration) &&
  a.files[a.tokenizer]?.sha256 === b.files[b.tokenizer]?.sha256;
