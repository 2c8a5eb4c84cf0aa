/** The saved run of an output folder: one file, replaced by rename, so that a crash leaves the last good one. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { RunStore } from "../../src/learn/loop/saved-run.ts";
import { readIfThere, writeWhole } from "../node/files.ts";
import { readPackageFile } from "../node/project.ts";

/** Name of the file in the output folder. */
export const RUN_STATE = ".run-state.safetensors";
/** What a teacher has answered to the rows of the run. */
const TEACHER_ANSWERS = ".run-state-teacher.safetensors";

/** Where the run of a folder is saved, and by which program. */
export const folderRun = (
  folder: string,
): { readonly store: RunStore; readonly program: string } => ({
  store: storeAt(join(folder, RUN_STATE)),
  program: readPackageFile().version,
});

/** Where the answers of a run's teacher are kept. */
export const teacherAnswers = (folder: string): RunStore => storeAt(join(folder, TEACHER_ANSWERS));

const storeAt = (path: string): RunStore => ({
  name: path,
  read: () => readIfThere(path),
  write: (bytes) => writeWhole(path, bytes),
});

/** Removes the saved run of `folder` when its result has been written. */
export async function removeSavedRun(folder: string): Promise<void> {
  for (const name of [RUN_STATE, TEACHER_ANSWERS]) await rm(join(folder, name), { force: true });
}
