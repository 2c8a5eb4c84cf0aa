/**
 * `npm run page`: builds dist/page, the folder of the Worker's static assets: the page at "/", and the
 * modules that pages elsewhere import. wrangler runs it before it serves or deploys (wrangler.toml,
 * [build]). Prints what each file weighs.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { BuildOptions, BuildResult, Metafile } from "esbuild";
import type { Asset, AssetGroup, AssetList } from "../../src/browser/offline/assets.ts";
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

/** Knows the files of all parts, and so is built after them. */
const SERVICE_WORKER = "offline/service-worker.ts";

/** Files that are served as they are. */
const STATIC = ["page/_headers", "page/hero.svg", "page/icon.svg", "page/index.html"];

/**
 * ONNX Runtime's wasm: what training loads when it begins (src/browser/train), and the build for
 * WebGPU, loaded where a page computes by it (src/browser/worker/backend.ts).
 */
const RUNTIMES = ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.jspi.wasm"];
const RUNTIME_FOLDER = join(PACKAGE, "node_modules", "onnxruntime-web", "dist");

const OPTIONS: BuildOptions = {
  // The names of chunks follow from paths, and those from this folder: the same wherever a build is started.
  absWorkingDir: PACKAGE,
  bundle: true,
  format: "esm",
  target: "es2023",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
  // The kernels are 20 kB: as a part of the script they need no request and no address of their own.
  loader: { ".wasm": "binary" },
};

/** Names and bytes of what has been built. */
type PageFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Builds everything into a folder; what it held besides is removed. Files that are the same already are
 * left alone: a server may be serving them, and several builds may run at once.
 */
export async function buildPage(out: string = join(PACKAGE, "dist", "page")): Promise<PageFiles> {
  const common = { ...OPTIONS, outdir: out, write: false } as const;
  const built = await Promise.all(
    PARTS.map((part) => build({ ...common, ...optionsOf(part), metafile: true })),
  );
  const files = new Map<string, Uint8Array>([
    ...built.flatMap(filesOf),
    ...STATIC.map((path) => [basename(path), readFileSync(join(SOURCE, path))] as const),
    ...RUNTIMES.map((name) => [name, readFileSync(join(RUNTIME_FOLDER, name))] as const),
  ]);
  const imports = new Map(built.flatMap(({ metafile }) => importsOf(metafile)));
  const worker = await build({
    ...common,
    entryPoints: [join(SOURCE, SERVICE_WORKER)],
    format: "iife",
    define: { ASSETS: JSON.stringify(assetsOf(files, imports)) },
  });
  for (const [name, bytes] of filesOf(worker)) files.set(name, bytes);
  mkdirSync(out, { recursive: true });
  for (const name of readdirSync(out)) {
    // A name that ends in .tmp is a file that another build is about to rename.
    if (!files.has(name) && !name.endsWith(".tmp"))
      rmSync(join(out, name), { recursive: true, force: true });
  }
  const changed = [...files].filter(([name, bytes]) => !isSame(join(out, name), bytes));
  await replaceFiles(out, new Map(changed));
  return files;
}

const filesOf = ({ outputFiles = [] }: BuildResult) =>
  outputFiles.map(({ path, contents }) => [basename(path), contents] as const);

/** What a built file imports: names of other built files, and whether it waits for them. */
type Imports = readonly { readonly name: string; readonly kind: string }[];

const importsOf = ({ outputs }: Metafile): [string, Imports][] =>
  Object.entries(outputs).map(([path, { imports }]) => [
    basename(path),
    imports.map((item) => ({ name: basename(item.path), kind: item.kind })),
  ]);

/** The files that the service worker keeps, by what needs them. */
function assetsOf(files: PageFiles, imports: ReadonlyMap<string, Imports>): AssetList {
  /** The entries with all that they import; `isLazy` follows imports that are made when needed, too. */
  const reached = (entries: readonly string[], isLazy: boolean): string[] => {
    const names = new Set(entries);
    for (const name of names) {
      for (const item of imports.get(name) ?? []) {
        if (isLazy || item.kind === "import-statement") names.add(item.name);
      }
    }
    return [...names];
  };
  const hashOf = (name: string): string =>
    createHash("sha256").update(files.get(name)!).digest("base64");
  const listed = (names: readonly string[]): Asset[] =>
    names.map((name) => [`/${name}`, `sha256-${hashOf(name)}`]);

  const [training, webgpu] = RUNTIMES as [string, string];
  const wasm = reached(["browser.js", "browser-worker.js"], false);
  const lazy = reached(["browser-worker.js"], true).filter((name) => !wasm.includes(name));
  const groups: Record<AssetGroup, Asset[]> = {
    page: listed([...reached(["page.js", "train.js"], true), "page.css", "hero.svg", "icon.svg"]),
    wasm: listed(wasm),
    webgpu: listed([...lazy, webgpu]),
    training: listed([...reached(["train-worker.js"], true), training]),
  };
  const all = JSON.stringify([groups, hashOf("index.html")]);
  return { version: createHash("sha256").update(all).digest("hex").slice(0, 12), groups };
}

const isSame = (path: string, bytes: Uint8Array): boolean =>
  existsSync(path) && readFileSync(path).equals(bytes);

const optionsOf = ({ entries, chunks }: Part): BuildOptions => ({
  entryPoints: entries.map((path) => join(SOURCE, path)),
  entryNames: "[name]",
  ...(chunks === undefined ? {} : { splitting: true, chunkNames: `${chunks}-[name]-[hash]` }),
});

/** One line a file: its name, bytes, bytes compressed. */
function sizes(files: PageFiles): string[] {
  const number = (value: number): string => value.toLocaleString("en").padStart(12);
  return [...files]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, bytes]) =>
        `${name.padEnd(36)}${number(bytes.length)}${number(gzipSync(bytes).length)}`,
    );
}

if (import.meta.main) {
  const files = await buildPage();
  console.log([`${"".padEnd(36)}       bytes        gzip`, ...sizes(files)].join("\n"));
}
