/** A bundle of the bundled base and some of the project's own tasks, as `edge-prefix bundle` writes it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readBaseFolder } from "../base/base-folder.ts";
import { PACKAGE } from "../node/project.ts";
import { scriptFiles, siteFiles } from "../publish/static-site.ts";
import { readTaskFolder } from "../task/task-folder.ts";

/** Its files by their paths; `npm run page` must have built the script. */
export async function builtSite(...tasks: readonly string[]): Promise<Map<string, Uint8Array>> {
  const read = async (task: string) => {
    const folder = join(PACKAGE, "prefixes", task);
    const prefix = readFileSync(join(folder, "prefix.safetensors"));
    return { ...(await readTaskFolder(folder)), prefix };
  };
  return siteFiles({
    base: await readBaseFolder(join(PACKAGE, "models", "pocket")),
    tasks: await Promise.all(tasks.map(read)),
    script: await scriptFiles(join(PACKAGE, "dist", "page")),
  });
}
