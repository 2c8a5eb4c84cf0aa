/**
 * Teachers of bundled tasks: folders of `prefixes/teachers`. Only their task.json is part of the project;
 * what is trained from it, a whole checkpoint, lies in `.cache/teachers`, where tasks name it.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { NotFoundError } from "../../../src/core/errors.ts";
import { readTaskSpec } from "../../../src/learn/task/spec.ts";
import type { TaskSpec } from "../../../src/learn/task/spec.ts";
import { baseFolder, bundledBaseDir } from "../../base/names.ts";
import { isStartFolder } from "../../runs/pretrain/start-file.ts";

const TEACHERS = "teachers";

export const isTeacherFolder = (dir: string): boolean =>
  basename(dirname(resolve(dir))) === TEACHERS;

/** Where a bundled folder's training writes: a teacher has a folder of its own, all others write in place. */
export const trainedFolder = (dir: string): string =>
  isTeacherFolder(dir) ? resolve(dir, "../../../.cache", TEACHERS, basename(dir)) : dir;

/** The folder of the teacher that the task in `dir` names among those of the project; null: none. */
export async function teacherOf(dir: string): Promise<string | null> {
  const { teacher } = await readSpec(dir);
  if (teacher === undefined) return null;
  const folder = join(dir, "..", TEACHERS, basename(teacher.path));
  const isOurs = resolve(dir, teacher.path) === trainedFolder(folder);
  return isOurs && existsSync(join(folder, "task.json")) ? folder : null;
}

/** Folders in the order of their training, each teacher once: also those of tasks that are named. */
export async function teachersFirst(
  dirs: readonly string[],
): Promise<{ readonly teachers: readonly string[]; readonly others: readonly string[] }> {
  const others = dirs.filter((dir) => !isTeacherFolder(dir));
  const tasks = others.filter((dir) => !isStartFolder(dir));
  const named = await Promise.all(tasks.map(teacherOf));
  const teachers = [...dirs.filter(isTeacherFolder), ...named.filter((dir) => dir !== null)];
  return { teachers: [...new Set(teachers.map((dir) => resolve(dir)))], others };
}

/**
 * The base of a teacher: `given`, else the one of the name in its task.json. Throws NotFoundError
 * `base-not-found`.
 */
export async function teacherBase(dir: string, given: string | undefined): Promise<string> {
  const { base = "" } = await readSpec(dir);
  const found = given === undefined ? bundledBaseDir(base) : baseFolder(given);
  if (existsSync(join(found, "manifest.json"))) return found;
  throw new NotFoundError(
    "base-not-found",
    `teacher ${basename(dir)}: is not trained yet, and ${found} holds no base to train it on; make one with "npx edge-prefix import CHECKPOINT --dtype fp32 --out DIR" from the checkpoint ${base}, and name it with --teacher-base DIR`,
  );
}

async function readSpec(dir: string): Promise<TaskSpec> {
  const path = join(dir, "task.json");
  return readTaskSpec(await readFile(path), path);
}
