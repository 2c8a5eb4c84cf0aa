/** What a run may write over: its own kind of result in the same folder, anything else when told. */
import { join, relative, resolve } from "node:path";
import { InputError } from "../../src/core/errors.ts";
import { parseJson } from "../../src/core/text.ts";
import { isServed } from "../../src/learn/methods.ts";
import type { Method } from "../../src/learn/methods.ts";
import { readIfThere } from "../node/files.ts";

/** What a run leaves in its folder; `comparison` is a result that cannot be served. */
export type Made = "task" | "pretrained-prefix" | "comparison";

/** What training by a method makes. */
export const madeBy = (method: Method): Made => (isServed(method) ? "task" : "comparison");

/**
 * Checks, before anything is trained, that what `dir` holds may be replaced. Throws InputError
 * `folder-occupied` where the manifest there is of another kind than the run makes.
 */
export async function checkOutFolder(
  dir: string,
  makes: Made,
  { overwrite, note }: { readonly overwrite: boolean; readonly note: (line: string) => void },
): Promise<void> {
  const path = join(dir, "manifest.json");
  const bytes = await readIfThere(path);
  if (!bytes) return;
  const { kind, task, name } = parseJson(bytes, path) as Readonly<Record<string, unknown>>;
  if (kind === makes) return;
  const what =
    kind === "task" ? `the servable task "${String(task)}"` : `${String(kind)} "${String(name)}"`;
  const makesWhat = makes === "comparison" ? "a result that cannot be served" : `a ${makes}`;
  if (overwrite) return note(`${dir}: ${what} will be replaced by ${makesWhat}`);
  throw new InputError(
    "folder-occupied",
    `${dir}: holds ${what}, which ${makesWhat} would replace; choose another --out, or replace it by --overwrite`,
  );
}

/** A path for the task.json or start.json of `out`: those that the command line gave are absolute. */
export const pathSeenFrom = (out: string, path: string): string =>
  path.startsWith("/") ? relative(resolve(out), path) : path;
