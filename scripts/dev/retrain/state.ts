/** What a retraining has reached, folder by folder, in a file of its own, so that the same command goes on. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { readManifestOfBase } from "../../publish/publish-base.ts";
import { sha256Hex } from "../../node/hash.ts";
import { START_JSON, isStartFolder, readStartSpec } from "../../runs/pretrain/start-file.ts";
import { RUN_STATE } from "../../runs/saved-run.ts";
import { writeWhole } from "../../node/files.ts";
import { isTeacherFolder, teacherOf, trainedFolder } from "./teachers.ts";

/** Hashes of what a task was made from and, once it is finished, of what was made. */
export interface Entry {
  readonly base: string;
  readonly source: string;
  /** Of one file of the result; absent while the run is not finished. */
  readonly made?: string;
}

export type State = Readonly<Record<string, Entry>>;

/** Where a task stands: to be trained from its beginning, to be gone on with, or done. */
export type Standing = "new" | "interrupted" | "done";

/** What a folder is called in the state and in messages. */
export const titleOf = (dir: string): string =>
  isTeacherFolder(dir) ? `teachers/${basename(dir)}` : basename(dir);

/** What the task, the start, or the teacher, in `dir` would be made from on the base in `base`. */
export async function entryOf(dir: string, base: string): Promise<Entry> {
  const { manifest } = await readManifestOfBase(base);
  return { base: manifest.identity, source: await sourceOf(dir) };
}

/** The hash of the files that say how the result in `dir` is made. */
export async function sourceOf(dir: string): Promise<string> {
  const texts = await Promise.all((await sourceFiles(dir)).map((file) => readFile(file)));
  return sha256Hex(new Uint8Array(Buffer.concat(texts)));
}

async function sourceFiles(dir: string): Promise<string[]> {
  if (isStartFolder(dir)) {
    const { tasks } = await readStartSpec(dir);
    return [join(dir, START_JSON), ...tasks.map((task) => join(dir, task, "task.json"))];
  }
  const teacher = await teacherOf(dir);
  return [dir, ...(teacher === null ? [] : [teacher])].map((folder) => join(folder, "task.json"));
}

/** The file of a result that changes with each training. */
const resultOf = (dir: string): string =>
  join(
    trainedFolder(dir),
    isTeacherFolder(dir) ? join("checkpoint", "model.safetensors") : "manifest.json",
  );

/** `entry` with the hash of what is in the folder now. */
export async function finished(dir: string, entry: Entry): Promise<Entry> {
  return { ...entry, made: sha256Hex(new Uint8Array(await readFile(resultOf(dir)))) };
}

export async function standingOf(
  dir: string,
  current: Entry,
  saved: Entry | undefined,
): Promise<Standing> {
  const isSame = saved?.base === current.base && saved.source === current.source;
  if (!isSame) return "new";
  if (saved.made === undefined) {
    return existsSync(join(trainedFolder(dir), RUN_STATE)) ? "interrupted" : "new";
  }
  if (!existsSync(resultOf(dir))) return "new";
  return (await finished(dir, current)).made === saved.made ? "done" : "new";
}

export async function readState(path: string): Promise<State> {
  return existsSync(path) ? (JSON.parse(await readFile(path, "utf8")) as State) : {};
}

export async function writeState(path: string, state: State): Promise<void> {
  await writeWhole(path, `${JSON.stringify(state, null, 2)}\n`);
}
