/**
 * `npm run page`: builds dist/page, the folder of the Worker's static assets: the page at "/", and the
 * modules that pages elsewhere import. wrangler runs it before it serves or deploys (wrangler.toml,
 * [build]). Prints what each file weighs.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { BuildOptions } from "esbuild";
import { replaceFiles } from "../node/files.ts";
import { PACKAGE } from "../node/project.ts";

const SOURCE = join(PACKAGE, "src", "browser");

interface Part {
  /** Files of src/browser; each becomes a file of its own name. */
  readonly entries: readonly string[];
  /**
   * Begins the names of what the entries load when they need it; those names change with the content.
   * Without it each entry is one file.
   */
  readonly chunks?: string;
}

/** What is built. Parts share no code: a page must not wait for what only a Web Worker needs. */
const PARTS: readonly Part[] = [
  { entries: ["page/page.ts", "page/page.css", "page/train/train.ts"], chunks: "page" },
  { entries: ["browser.ts"] },
  { entries: ["worker/browser-worker.ts"], chunks: "browser-worker" },
  { entries: ["train/worker/train-worker.ts"], chunks: "train-worker" },
];

/** Files that are served as they are. */
const STATIC = ["page/_headers", "page/hero.svg", "page/icon.svg", "page/index.html"];

/**
 * ONNX Runtime's wasm: what training loads when it begins (src/browser/train), and the build for
 * WebGPU, loaded where a page computes by it (src/browser/worker/backend.ts).
 */
const RUNTIMES = ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.jspi.wasm"];
const RUNTIME_FOLDER = join(PACKAGE, "node_modules", "onnxruntime-web", "dist");

const OPTIONS: BuildOptions = {
  bundle: true,
  format: "esm",
  target: "es2023",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
  // The kernels are 20 kB: as a part of the script they need no request and no address of their own.
  loader: { ".wasm": "binary" },
};

/**
 * Builds everything into a folder; what it held besides is removed. Files that are the same already are
 * left alone: a server may be serving them, and several builds may run at once.
 */
export async function buildPage(out: string = join(PACKAGE, "dist", "page")): Promise<void> {
  const built = await Promise.all(
    PARTS.map((part) => build({ ...OPTIONS, ...optionsOf(part), outdir: out, write: false })),
  );
  const files = new Map<string, Uint8Array>([
    ...built.flatMap(({ outputFiles }) =>
      outputFiles.map(({ path, contents }) => [basename(path), contents] as const),
    ),
    ...STATIC.map((path) => [basename(path), readFileSync(join(SOURCE, path))] as const),
    ...RUNTIMES.map((name) => [name, readFileSync(join(RUNTIME_FOLDER, name))] as const),
  ]);
  mkdirSync(out, { recursive: true });
  for (const name of readdirSync(out)) {
    // A name that ends in .tmp is a file that another build is about to rename.
    if (!files.has(name) && !name.endsWith(".tmp"))
      rmSync(join(out, name), { recursive: true, force: true });
  }
  const changed = [...files].filter(([name, bytes]) => !isSame(join(out, name), bytes));
  await replaceFiles(out, new Map(changed));
}

const isSame = (path: string, bytes: Uint8Array): boolean =>
  existsSync(path) && readFileSync(path).equals(bytes);

const optionsOf = ({ entries, chunks }: Part): BuildOptions => ({
  entryPoints: entries.map((path) => join(SOURCE, path)),
  entryNames: "[name]",
  ...(chunks === undefined ? {} : { splitting: true, chunkNames: `${chunks}-[name]-[hash]` }),
});

/** One line a file: its name, bytes, bytes compressed. */
function sizes(out: string): string[] {
  const number = (value: number): string => value.toLocaleString("en").padStart(12);
  return readdirSync(out)
    .sort()
    .map((name) => {
      const bytes = readFileSync(join(out, name));
      return `${name.padEnd(36)}${number(bytes.length)}${number(gzipSync(bytes).length)}`;
    });
}

if (import.meta.main) {
  const out = join(PACKAGE, "dist", "page");
  await buildPage(out);
  console.log([`${"".padEnd(36)}       bytes        gzip`, ...sizes(out)].join("\n"));
}
