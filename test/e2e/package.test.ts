/**
 * The package as somebody else installs it: packed, unpacked into their node_modules, type-checked
 * under the settings of a plain Worker project and bundled by wrangler. Their Worker is the example
 * of docs/mount.md.
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const BIN = join(PROJECT, "node_modules", ".bin");
const folder = temporaryFolder("package");
const consumer = join(folder.path, "consumer");

function run(command: string, args: string[], cwd: string): string {
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: "pipe" });
}

beforeAll(() => {
  const packed = run("npm", ["pack", "--json", "--pack-destination", folder.path], PROJECT);
  const [{ filename = "" } = {}] = JSON.parse(packed.slice(packed.indexOf("["))) as {
    filename?: string;
  }[];
  const modules = join(consumer, "node_modules");
  mkdirSync(modules, { recursive: true });
  run("tar", ["-xzf", join(folder.path, filename)], folder.path);
  cpSync(join(folder.path, "package"), join(modules, "edge-prefix"), { recursive: true });
  // What installing would bring beside it, from here: no network.
  const others = ["hono", "valibot", "@valibot", "onnxruntime-web", "onnxruntime-common"];
  for (const name of [...others, "@cloudflare"]) {
    symlinkSync(join(PROJECT, "node_modules", name), join(modules, name));
  }
  const example = readFileSync(join(PROJECT, "test/worker/mounted-worker.ts"), "utf8");
  writeFileSync(join(consumer, "worker.ts"), example);
  writeFileSync(
    join(consumer, "index.ts"),
    `import { env } from "cloudflare:workers";\nimport { createWorker } from "./worker";\nexport default createWorker(env as Parameters<typeof createWorker>[0]);\n`,
  );
  const compilerOptions = {
    target: "ES2022",
    lib: ["ES2022"],
    module: "ESNext",
    moduleResolution: "Bundler",
    types: ["@cloudflare/workers-types"],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const settings = ["compatibility_date", "compatibility_flags"];
  const own = readFileSync(join(PROJECT, "wrangler.toml"), "utf8").split("\n");
  const kept = own.filter((line) => settings.some((name) => line.startsWith(name)));
  writeFileSync(
    join(consumer, "wrangler.toml"),
    ['name = "consumer"', 'main = "index.ts"', ...kept, ""].join("\n"),
  );
});
afterAll(() => folder.remove());

test("has types that hold in a project with other settings", () => {
  expect(run(join(BIN, "tsc"), ["-p", consumer], consumer)).toBe("");
});

test("is bundled by wrangler with everything it needs, the runtime's wasm included", () => {
  const out = join(folder.path, "bundle");
  const said = run(
    join(BIN, "wrangler"),
    ["deploy", "--dry-run", "--outdir", out, "--cwd", consumer],
    consumer,
  );
  expect(said).toContain("--dry-run: exiting now");
  const kib = Number(/Total Upload: ([\d.]+) KiB/.exec(said)?.[1]);
  expect(kib).toBeGreaterThan(10_000); // ONNX Runtime's wasm
  expect(kib).toBeLessThan(20_000);
});
