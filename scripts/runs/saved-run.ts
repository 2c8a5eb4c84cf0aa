/** The saved run of an output folder: one file, replaced by rename, so that a crash leaves the last good one. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { RunStore } from "../../src/learn/loop/saved-run.ts";
import { readIfThere, writeWhole } from "../node/files.ts";
import { readPackageFile } from "../node/project.ts";

/** Name of the file in the output folder. */
export const RUN_STATE = ".run-state.safetensors";

/** Where the run of a folder is saved, and by which program. */
export function folderRun(folder: string): { readonly store: RunStore; readonly program: string } {
  const path = join(folder, RUN_STATE);
  return {
    store: {
      name: path,
      read: () => readIfThere(path),
      write: (bytes) => writeWhole(path, bytes),
    },
    program: readPackageFile().version,
  };
}

/** Removes the saved run of `folder` when its result has been written. */
export const removeSavedRun = (folder: string): Promise<void> =>
  rm(join(folder, RUN_STATE), { force: true });
