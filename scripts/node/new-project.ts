/**
 * The files of a new project: a Worker that is this package's own, one task, and what npm, wrangler
 * and TypeScript need. The settings are those of this package's wrangler.toml, comments included.
 */
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { PACKAGE, readPackageFile } from "./project.ts";

/** The task that a new project starts with, and its base. */
export const EXAMPLE_TASK = "sentiment";
const EXAMPLE_BASE = "pocket";
const PACKAGE_NAME = "edge-prefix";
/** The folder with the node_modules that this package is in; npx has one of its own. */
const INSTALLED_IN = join(PACKAGE, "..", "..");

/** Text files of a project by their path in it; `name` is a Worker's name, `spec` npm's for edge-prefix. */
export function projectFiles(name: string, spec: string): Map<string, string> {
  return new Map([
    ["package.json", `${JSON.stringify(packageFile(name, spec), null, 2)}\n`],
    ["wrangler.toml", settings(name)],
    ["wrangler.bulk.toml", bulkSettings(name)],
    ["tsconfig.json", `${JSON.stringify(TSCONFIG, null, 2)}\n`],
    ["src/index.ts", WORKER],
    ["src/bulk.ts", BULK_WORKER],
    ["README.md", readme(name)],
    [".gitignore", "node_modules/\n.wrangler/\nworker-configuration.d.ts\n"],
  ]);
}

/**
 * How a project in `folder` should name edge-prefix in package.json: as the project does in which
 * this package is installed (a version, a file, a repository), else by this package's folder where
 * it is a clone, else by its version.
 */
export function packageSpec(folder: string, from: string = INSTALLED_IN): string {
  const known = knownSpec(from);
  if (known !== undefined) return known.startsWith("file:") ? fileSpec(folder, from, known) : known;
  const isClone = existsSync(join(PACKAGE, "scripts", "cli.ts"));
  return isClone ? fileSpec(folder, PACKAGE, "file:.") : `^${readPackageFile().version}`;
}

function knownSpec(from: string): string | undefined {
  const path = join(from, "package.json");
  if (!existsSync(path)) return undefined;
  const file = JSON.parse(readFileSync(path, "utf8")) as Partial<
    Record<"dependencies" | "devDependencies", Record<string, string>>
  >;
  return file.dependencies?.[PACKAGE_NAME] ?? file.devDependencies?.[PACKAGE_NAME];
}

/** `file:` relative to `from`, seen from another folder. */
function fileSpec(folder: string, from: string, spec: string): string {
  const path = spec.slice("file:".length);
  const target = isAbsolute(path) ? path : resolve(from, path);
  return `file:${relative(resolve(folder), target).split(sep).join("/") || "."}`;
}

function packageFile(name: string, spec: string): object {
  const { peerDependencies, devDependencies } = readPackageFile();
  const push = `edge-prefix push --base ${EXAMPLE_BASE} prefixes/${EXAMPLE_TASK}`;
  return {
    name,
    private: true,
    type: "module",
    scripts: {
      start: `${push} --local && wrangler dev`,
      deploy: `${push} --remote && wrangler deploy`,
      check: "wrangler types && tsc",
    },
    dependencies: { [PACKAGE_NAME]: spec },
    devDependencies: {
      typescript: `^${devDependencies["typescript"]}`,
      wrangler: peerDependencies["wrangler"],
    },
    // Install scripts that npm need not ask about. onnxruntime-node's would download CUDA libraries.
    allowScripts: {
      esbuild: true,
      workerd: true,
      "onnxruntime-node": false,
      protobufjs: false,
      sharp: false,
    },
  };
}

/**
 * This package's own settings under another name, for the Worker as for its bucket. The page is part of
 * the package, so that nothing is to be built.
 */
function settings(name: string): string {
  const own = readFileSync(join(PACKAGE, "wrangler.toml"), "utf8");
  return own
    .replaceAll('name = "edge-prefix"', `name = "${name}"`)
    .replaceAll('service = "edge-prefix-bulk"', `service = "${name}-bulk"`)
    .replace('directory = "dist/page"', `directory = "node_modules/${PACKAGE_NAME}/dist/page"`)
    .replace(/\[build\]\n(?:.+\n)+\n/, "");
}

/** The same for the Worker that answers batches, which is deployed by itself where it is wanted. */
function bulkSettings(name: string): string {
  return readFileSync(join(PACKAGE, "wrangler.bulk.toml"), "utf8")
    .replace("(docs/batches.md)", `(node_modules/${PACKAGE_NAME}/docs/batches.md)`)
    .replaceAll('"edge-prefix', `"${name}`)
    .replace("src/worker-bulk.ts", "src/bulk.ts");
}

const TSCONFIG = {
  compilerOptions: {
    target: "ES2023",
    lib: ["ES2023"],
    // Written by `wrangler types` from wrangler.toml.
    types: ["./worker-configuration.d.ts"],
    module: "ESNext",
    moduleResolution: "Bundler",
    strict: true,
    noEmit: true,
  },
  include: ["src"],
};

const WORKER = [
  "/** Answers texts on the routes of edge-prefix; its docs/mount.md has how to add your own routes. */",
  'export { default } from "edge-prefix/worker";',
  "",
].join("\n");

const BULK_WORKER = [
  "/** Answers batches, files of any number of texts: a Worker of its own, by wrangler.bulk.toml. */",
  'export { default } from "edge-prefix/worker/bulk";',
  "",
].join("\n");

const readme = (name: string): string => `# ${name}

A Cloudflare Worker that answers texts with [edge-prefix](node_modules/edge-prefix/README.md).

- \`npm install\`, then \`npm start\`: fills the local bucket with the base and the task, and serves on localhost:8787.
- Ask it: \`${exampleRequest()}\`
- Your own task: \`npm install --save-dev --ignore-scripts onnxruntime-node\`, \`npx edge-prefix train data.csv\`, \`npx edge-prefix push prefixes/data\`.
- Deploy: \`npx wrangler login\`, \`npx wrangler r2 bucket create ${name}\`, \`npm run deploy\`.
- Batches have a Worker of their own, of src/bulk.ts and wrangler.bulk.toml: node_modules/edge-prefix/docs/batches.md.
- Settings are in wrangler.toml, tasks in prefixes/; \`npx edge-prefix --help\` lists every command.
`;

/** A request that works as pasted once the project serves. */
export const exampleRequest = (): string =>
  `curl -s http://localhost:8787/v1/tasks/${EXAMPLE_TASK}/predict -H 'content-type: application/json' -d '{"inputs": "a gripping, beautifully acted film"}'`;
