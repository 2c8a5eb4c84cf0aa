/**
 * `npm run build`: dist/ for the package. The library and the command line become JavaScript, the
 * library's types are written beside it, what the sources load as files is copied, and the page and the
 * module for pages are built. In a clone nothing but the page is read from dist/: the sources run as they are.
 */
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../node/project.ts";
import { buildPage } from "./page.ts";

const DIST = join(PACKAGE, "dist");
const TSC = join(PACKAGE, "node_modules", "typescript", "bin", "tsc");
/** Files that the sources load beside themselves. */
const ASSET = /\.(?:wasm|bin)$/;

rmSync(DIST, { recursive: true, force: true });
for (const part of ["src", "src/browser", "scripts"]) {
  const configuration = join(PACKAGE, part, "tsconfig.build.json");
  execFileSync(process.execPath, [TSC, "-p", configuration], { stdio: "inherit" });
}
cpSync(join(PACKAGE, "src"), join(DIST, "src"), {
  recursive: true,
  filter: (path) => !/\.\w+$/.test(path) || ASSET.test(path),
});
await buildPage();
