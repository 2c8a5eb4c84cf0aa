/**
 * npm's `prepare`: builds where npm installs this repository as a dependency (`npm install
 * git+https://..`), whose packages run from dist/. `npm ci` in a clone runs it, too, and needs no build:
 * there the package is the folder that npm works in.
 */
import { realpathSync } from "node:fs";
import { PACKAGE } from "../node/project.ts";

const worksIn = process.env["npm_config_local_prefix"];
if (worksIn !== undefined && realpathSync(worksIn) !== PACKAGE) await import("./build.ts");
