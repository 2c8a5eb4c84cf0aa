/** Where the files of a checkpoint come from: a folder, or something that reads like one. */
import { join } from "node:path";
import { readIfThere } from "../node/files.ts";

/** A checkpoint's files by name, from a folder or from the hub; null for a file that is not there. */
export interface CheckpointFiles {
  /** Where they come from, for messages. */
  readonly subject: string;
  read(name: string): Promise<Uint8Array | null>;
}

/** The files of a folder. */
export const folderFiles = (dir: string): CheckpointFiles => ({
  subject: `checkpoint ${dir}`,
  read: (name) => readIfThere(join(dir, name)),
});
