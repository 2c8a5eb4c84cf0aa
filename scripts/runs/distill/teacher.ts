/** A teacher is a base folder, or a checkpoint that is imported in memory, in float32. */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { NotFoundError } from "../../../src/core/errors.ts";
import { readBaseFolder } from "../../base/base-folder.ts";
import type { Base } from "../../../src/encoder/base.ts";
import { readCheckpoint } from "../../base/checkpoint.ts";
import { importCheckpoint } from "../../base/convert.ts";
import { nameFrom } from "../../base/names.ts";

/** Throws NotFoundError `teacher-not-found`, and what reading a base or a checkpoint throws. */
export async function readTeacher(dir: string): Promise<Base> {
  if (existsSync(join(dir, "manifest.json"))) return readBaseFolder(dir);
  if (!existsSync(join(dir, "config.json"))) {
    throw new NotFoundError(
      "teacher-not-found",
      `teacher ${dir}: has neither manifest.json nor config.json; expected a base folder (edge-prefix import) or a checkpoint`,
    );
  }
  const checkpoint = await readCheckpoint(dir, basename(resolve(dir)));
  return importCheckpoint(checkpoint, {
    name: nameFrom(dir),
    dtype: "fp32",
    created: new Date(0),
  });
}
