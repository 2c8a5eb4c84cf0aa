/** Default names of bases. */
import { basename, resolve } from "node:path";

/** Name of a base from a path or hub id: its last part, in the alphabet that names allow. */
export const nameFrom = (path: string): string =>
  basename(resolve(path))
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .slice(0, 64)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
