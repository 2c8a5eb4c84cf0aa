/** What a retraining has reached, task by task, in a file of its own, so that the same command goes on. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readManifestOfBase } from "../../publish/publish-base.ts";
import { sha256Hex } from "../../node/hash.ts";
import { START_JSON, isStartFolder, readStartSpec } from "../../runs/pretrain/start-file.ts";
import { RUN_STATE } from "../../runs/saved-run.ts";
import { writeWhole } from "../../node/files.ts";

/** Hashes of what a task was made from and, once it is finished, of what was made. */
export interface Entry {
  readonly base: string;
  readonly source: string;
  /** Of manifest.json; absent while the run is not finished. */
  readonly made?: string;
}

export type State = Readonly<Record<string, Entry>>;

/** Where a task stands: to be trained from its beginning, to be gone on with, or done. */
export type Standing = "new" | "interrupted" | "done";

/** What the task, or the start, in `dir` would be made from on the base in `base`. */
export async function entryOf(dir: string, base: string): Promise<Entry> {
  const { manifest } = await readManifestOfBase(base);
  const files = isStartFolder(dir)
    ? [START_JSON, ...(await readStartSpec(dir)).tasks.map((task) => join(task, "task.json"))]
    : ["task.json"];
  const texts = await Promise.all(files.map((file) => readFile(join(dir, file))));
  return { base: manifest.identity, source: sha256Hex(new Uint8Array(Buffer.concat(texts))) };
}

/** `entry` with the hash of what is in the folder now. */
export async function finished(dir: string, entry: Entry): Promise<Entry> {
  return { ...entry, made: sha256Hex(new Uint8Array(await readFile(join(dir, "manifest.json")))) };
}

export async function standingOf(
  dir: string,
  current: Entry,
  saved: Entry | undefined,
): Promise<Standing> {
  const isSame = saved?.base === current.base && saved.source === current.source;
  if (!isSame) return "new";
  if (saved.made === undefined) return existsSync(join(dir, RUN_STATE)) ? "interrupted" : "new";
  if (!existsSync(join(dir, "manifest.json"))) return "new";
  return (await finished(dir, current)).made === saved.made ? "done" : "new";
}

export async function readState(path: string): Promise<State> {
  return existsSync(path) ? (JSON.parse(await readFile(path, "utf8")) as State) : {};
}

export async function writeState(path: string, state: State): Promise<void> {
  await writeWhole(path, `${JSON.stringify(state, null, 2)}\n`);
}
