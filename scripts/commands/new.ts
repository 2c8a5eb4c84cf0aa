/** `new`: an empty folder becomes a Worker project with the bundled base and one task. */
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { InputError } from "../../src/core/errors.ts";
import { UsageError, defineCommand } from "../cli/command.ts";
import { PACKAGE } from "../node/project.ts";
import { EXAMPLE_TASK, exampleRequest, packageSpec, projectFiles } from "../node/new-project.ts";

/** What Cloudflare takes as the name of a Worker and of a bucket. */
const NAME = /^[a-z\d][a-z\d-]{1,61}[a-z\d]$/;

export const command = defineCommand({
  summary: "make a Worker project with the bundled base and one example task",
  usage: "NAME",
  example: "npx edge-prefix new texts",
  options: {},
  async run({ positionals, io }) {
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0) {
      throw new UsageError(`new: expected one NAME, found ${positionals.length}`);
    }
    const folder = resolve(path);
    const name = basename(folder);
    if (!NAME.test(name)) {
      throw new UsageError(
        `new: NAME is ${JSON.stringify(name)}; a Worker's name has 3 to 63 lowercase letters, digits and dashes`,
      );
    }
    if (existsSync(folder) && (await readdir(folder)).length > 0) {
      throw new InputError("folder-not-empty", `${path}: is not empty; name a new folder`);
    }
    const files = projectFiles(name, packageSpec(folder));
    for (const [file, text] of files) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), text);
    }
    const task = join("prefixes", EXAMPLE_TASK);
    await cp(join(PACKAGE, task), join(folder, task), { recursive: true });
    const next = [`cd ${path}`, "npm install", "npm start", exampleRequest()];
    if (io.json) io.out(JSON.stringify({ name, folder, files: [...files.keys(), task], next }));
    else {
      io.out(`${path}: a Worker with the task "${EXAMPLE_TASK}". Next:`);
      for (const line of next) io.out(`  ${line}`);
    }
    return 0;
  },
});
