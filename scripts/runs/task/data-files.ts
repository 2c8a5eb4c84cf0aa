/** The data files of a task: found, read, and what is wrong with them told. */
import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { InputError } from "../../../src/core/errors.ts";
import type { ProblemType, TaskType } from "../../../src/core/model/task.ts";
import { formatOf, parseData, parseParallel } from "../../../src/learn/data/read.ts";
import type { DataOptions, Dataset, Example } from "../../../src/learn/data/read.ts";
import { someRows } from "../../../src/learn/data/split.ts";
import { parseUnlabelled } from "../../../src/learn/data/unlabelled.ts";
import { derive, keyOf } from "../../../src/learn/random.ts";
import { readText, refuseFolder } from "../../node/text-files.ts";
import { readFiles } from "../../../src/learn/task/read-files.ts";
import type { FileSource } from "../../../src/learn/task/read-files.ts";
import { EMPTY_SPEC, readTaskSpec } from "../../../src/learn/task/spec.ts";
import type { DataFile } from "../../../src/learn/task/spec.ts";
import type { TaskSources } from "../../../src/learn/task/prepare.ts";
import { readPretrained } from "../../../src/learn/task/pretrained.ts";
import type { PretrainedPrefix } from "../../../src/learn/task/pretrained.ts";
import type { BaseManifest } from "../../../src/core/format/manifest.ts";
import { servingBuild } from "../../../src/engine/simd/serving-engine.ts";
import { readFileOf, readIfThere } from "../../node/files.ts";
import { startFolder } from "./start-folder.ts";
import { sha256 } from "../../node/hash.ts";

/** How data files are found and read. */
export interface ReadOptions {
  /** Where relative data paths are looked for, in this order. */
  readonly folders: readonly string[];
  readonly strict: boolean;
  /** Without evaluation files a tenth of the rows is set aside, however few there are: none by folds. */
  readonly alwaysSplits?: boolean;
  /** Receives one line about anything worth knowing that is no error. */
  readonly note: (line: string) => void;
}

/**
 * Reads one data file. Throws what `readText`, `parseData` and `parseParallel` throw.
 */
export async function readDataFile(path: string, options: DataOptions = {}): Promise<Dataset> {
  await refuseFolder(path);
  const format = options.format ?? formatOf(path);
  const text = await readText(path);
  if (format !== "parallel") return parseData(text, path, { ...options, format });
  // The sibling files are part of the format: the name seq.in stands for all of them.
  const sibling = (name: string): Promise<string> => readText(path.replace(/seq\.in$/, name));
  const tags = options.type === "sequence" ? null : await sibling("seq.out");
  const labels = options.type === "sequence" ? await sibling("label") : null;
  return parseParallel({ texts: text, tags, labels }, path, options);
}

/** Data files on a disk, for readFiles. */
const filesIn = ({ folders, strict, note }: ReadOptions): FileSource => ({
  find: (path) => findFile(path, folders),
  read: readDataFile,
  strict,
  note,
});

/**
 * What prepareTask reads, on a disk. Throws what readFiles and readPretrained throw, NotFoundError
 * `pretrained-not-found`.
 */
export const diskSources = <T extends ReadOptions>(options: T): T & TaskSources => ({
  ...options,
  servingBuild,
  read: (files, kind) => readFiles(files, kind, filesIn(options)),
  unlabelled: (files) => readUnlabelledFiles(files, options),
  pretrained: (init, base) => readPretrainedFolder(startFolder(init, options.folders), base),
});

/** The texts of files without labels. Throws what `readText` and `parseUnlabelled` throw. */
async function readUnlabelledFiles(
  files: readonly DataFile[],
  { folders, note }: ReadOptions,
): Promise<readonly Example[]> {
  const texts: Example[] = [];
  for (const { path, maxRows = Infinity, ...options } of files) {
    const found = findFile(path, folders);
    await refuseFolder(found);
    const { examples, badRows } = parseUnlabelled(await readText(found), found, options);
    if (badRows > 0) note(`${found}: ${badRows} bad rows left out, ${examples.length} texts read`);
    const key = derive(keyOf(0), "file", path);
    const chosen = examples.length > maxRows ? someRows(examples, maxRows, key) : examples;
    for (const example of chosen) texts.push(example);
  }
  return texts;
}

/** A pretrained prefix from its folder. */
export async function readPretrainedFolder(
  dir: string,
  base: BaseManifest,
): Promise<PretrainedPrefix> {
  const read = (name: string) => readFileOf(dir, name, "pretrained-not-found");
  return readPretrained(
    {
      subject: join(dir, "manifest.json"),
      manifest: await read("manifest.json"),
      prefix: () => read("prefix.safetensors"),
    },
    base,
    sha256,
  );
}

/** The files that `eval` measures on: those given, else the evaluation files of the folder's task.json. */
export async function readTaskDataFiles(
  dir: string,
  {
    files,
    dataDir,
    type,
    problemType,
    ...options
  }: {
    files: readonly DataFile[] | undefined;
    dataDir: string | undefined;
    type: TaskType;
    problemType: ProblemType;
  } & Omit<ReadOptions, "folders">,
): Promise<Dataset[]> {
  const kind = { type, problemType };
  if (files !== undefined) return readFiles(files, kind, filesIn({ ...options, folders: ["."] }));
  const path = join(dir, "task.json");
  const bytes = await readIfThere(path);
  const spec = bytes ? readTaskSpec(bytes, path) : EMPTY_SPEC;
  if (spec.data.eval.length === 0) {
    throw new InputError(
      "data-missing",
      `${path}: names no evaluation data; name a file with --data`,
    );
  }
  const folders = [...(dataDir === undefined ? [] : [dataDir]), dir];
  return readFiles(spec.data.eval, kind, filesIn({ ...options, folders }));
}

/** The first folder that holds the file; an absolute path stands for itself. */
export function findFile(path: string, folders: readonly string[]): string {
  if (isAbsolute(path)) return path;
  const candidates = folders.map((folder) => join(folder, path));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found !== undefined) return found;
  throw new InputError(
    "data-unreadable",
    `${path}: not found, looked for ${candidates.map((candidate) => resolve(candidate)).join(" and ")}; --data-dir names another folder`,
  );
}
