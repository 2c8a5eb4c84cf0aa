/**
 * The folder of real checkpoints, data and golden files, which is not part of the repository. Tests
 * that need it skip when it is absent: `test.skipIf(shared("golden") === undefined)`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

const ROOT =
  process.env["EDGE_PREFIX_SHARED"] ?? join(import.meta.dirname, "..", "..", "..", "shared");

/** Absolute path of a file or folder in the shared data, or undefined when it is not there. */
export function shared(...path: string[]): string | undefined {
  const found = join(ROOT, ...path);
  return existsSync(found) ? found : undefined;
}
