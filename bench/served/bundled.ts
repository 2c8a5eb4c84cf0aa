/** The Worker as `wrangler deploy --dry-run` bundles it: what a deployment uploads, in a folder. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE } from "../../scripts/node/project.ts";
import type { EngineName } from "../engines.ts";

/** The entry of the Worker by an engine. */
export const entryOf = (engine: EngineName): string => join(PACKAGE, "src", `worker-${engine}.ts`);

/** Fills the folder `out` and returns the names of its modules; `args` are more of wrangler's own. */
export async function bundleWorker(out: string, args: readonly string[] = []): Promise<string[]> {
  const wrangler = createRequire(import.meta.url).resolve("wrangler");
  await promisify(execFile)(
    process.execPath,
    ["--no-warnings", wrangler, "deploy", "--dry-run", "--outdir", out, ...args],
    { cwd: PACKAGE, env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "true" } },
  );
  // Source maps and wrangler's own note beside them are not uploaded.
  return (await readdir(out)).filter((name) => /\.(?:js|wasm|bin)$/.test(name)).sort();
}
