/**
 * Builds the page that the Worker shows at "/": `node scripts/dev/page.ts` fills dist/page, the folder
 * of the Worker's static assets. wrangler runs it before it serves or deploys (wrangler.toml, [build]).
 */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { PACKAGE } from "../node/project.ts";

const SOURCE = join(PACKAGE, "src", "browser", "page");
/** Files that are served as they are. */
const STATIC = ["_headers", "icon.svg", "index.html"];

/** Builds the page into a folder, which is emptied before. */
export async function buildPage(out: string = join(PACKAGE, "dist", "page")): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await build({
    entryPoints: [join(SOURCE, "page.ts"), join(SOURCE, "page.css")],
    outdir: out,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2023",
    minify: true,
    legalComments: "none",
    // Parts that the page loads when they are needed: their names change with their content.
    chunkNames: "page-[name]-[hash]",
    logLevel: "warning",
  });
  for (const name of STATIC) cpSync(join(SOURCE, name), join(out, name));
}

if (import.meta.main) await buildPage();
