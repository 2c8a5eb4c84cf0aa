/**
 * The package as a user has it, in folders of their own: packed, installed, and used by the very
 * lines of docs/mount.md and of `new`. Only the lines that need an account at Cloudflare are left out.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSafetensors } from "../../src/core/format/safetensors.ts";
import { freePort } from "../../scripts/dev/readiness.ts";
import { PACKAGE, readPackageFile } from "../../scripts/node/project.ts";
import { runningInGroup, startCommand } from "../support/child.ts";
import type { Child } from "../support/child.ts";
import { temporaryFolder } from "../support/folders.ts";
import { consumerIn, install, packPackage } from "../support/installed-package.ts";
import type { Tarball } from "../support/installed-package.ts";
import { linesOf, shownFiles } from "../support/mount-page.ts";
import { tinyCheckpoint } from "../support/tiny-base.ts";

/**
 * The base is 10.6 MB of that, which do not compress; ONNX Runtime is 3.7 MB, by which the page trains,
 * and 4.1 MB, by which it computes on a GPU.
 */
const MAX_TARBALL_BYTES = 21_000_000;
/** Building, starting and training take seconds each; a machine busy with other tests needs its time. */
const SLOW_MS = 1_800_000;
/** The oldest Node of "engines", where it is installed (`.ci/run` does). */
const OLDEST = join(PACKAGE, ".cache", "oldest-node");

const folder = temporaryFolder("package");
const inFolder = (...path: string[]): string => join(folder.path, ...path);
/** A folder of one's own, made into a project by the page's lines. */
const consumer = consumerIn(inFolder("consumer"));
let tarball: Tarball;
let server: Child | undefined;

const write = (path: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
};

/** Twenty rows from which even a short run learns something. */
const ROWS = ["film", "plot", "music", "ending", "cast"].flatMap((noun) => [
  `the ${noun} was great,good`,
  `a fine ${noun},good`,
  `the ${noun} was awful,bad`,
  `a dull ${noun},bad`,
]);

/** Every entry point of the package, by a project that trusts none of its types. */
const USES_ALL = [
  'import worker from "edge-prefix/worker";',
  'import { codePointOffsets, createTokenizer, type Encoding } from "edge-prefix/tokenizer";',
  'import { loadPredictor, type BrowserPredictor } from "edge-prefix/browser";',
  'import { EdgePrefixError, createWorker, type Answer, type Env } from "edge-prefix";',
  "export const all = [worker.fetch, codePointOffsets, createTokenizer, EdgePrefixError];",
  "export type All = [Encoding, Answer, BrowserPredictor];",
  "export const load = () => loadPredictor({ from: location.origin });",
  "export const start = (env: Env) => createWorker(env).predictor;",
  "",
].join("\n");

/** The words of a text by their offsets in code points. */
const OFFSETS = `
import { readFileSync } from "node:fs";
import { codePointOffsets, createTokenizer } from "edge-prefix/tokenizer";
const path = "node_modules/edge-prefix/models/pocket/tokenizer.json";
const { tokenize } = createTokenizer(readFileSync(path));
const text = "\u{1F600} good film";
const { starts, ends } = tokenize(text);
const at = codePointOffsets(text);
console.log(JSON.stringify([...starts].map((start, i) => [at(start), at(ends[i])]).slice(-2)));
`;

/** Starts a server by a line of shell, and waits until it answers. */
async function serve(cwd: string, line: string): Promise<number> {
  const port = await freePort();
  const flags = `--port ${port} --inspector-port 0 --show-interactive-dev-session=false`;
  const env = { PATH: process.env["PATH"] ?? "", WRANGLER_SEND_METRICS: "false", CI: "true" };
  server = startCommand("sh", ["-c", `${line} ${flags}`], { cwd, env });
  await server.waitFor(/Ready on http/, SLOW_MS);
  return port;
}

async function stop(): Promise<void> {
  if (!server) return;
  server.signal("SIGINT", "group");
  await server.ended;
  if (runningInGroup(server.pid).length > 0) server.signal("SIGKILL", "group");
  server = undefined;
}

beforeAll(async () => {
  tarball = await packPackage(folder.path);
  await install(consumer, tarball, ["wrangler", "typescript", "onnxruntime-node"]);
  for (const [path, text] of shownFiles) write(join(consumer.folder, path), text);
}, SLOW_MS);
afterAll(async () => {
  await stop();
  folder.remove();
});

describe("the tarball", { timeout: SLOW_MS }, () => {
  it("holds what runs, the base, one task and one start, and no more than 21 MB", () => {
    expect(tarball.bytes).toBeLessThan(MAX_TARBALL_BYTES);
    const tops = new Set(tarball.files.map((path) => path.split("/")[0]));
    expect([...tops].toSorted()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist",
      "docs",
      "models",
      "package.json",
      "prefixes",
      "scripts",
      "wrangler.bulk.toml",
      "wrangler.toml",
    ]);
    expect(tarball.files).toContain("prefixes/starts/pairs/prefix.safetensors");
    expect(tarball.files.filter((path) => /(?<!\.d)\.ts$/.test(path))).toEqual([]);
  });

  it("is what publint and arethetypeswrong want of a package that is ESM only", async () => {
    const checker = consumerIn(folder.path);
    expect(await checker.ok(`publint run --strict '${tarball.path}'`)).toContain("All good");
    await checker.ok(`attw --profile esm-only '${tarball.path}'`);
  });
});

describe("installed by the lines of docs/mount.md", { timeout: SLOW_MS }, () => {
  it("needs the packages that the page installs, and no others", () => {
    const named = linesOf("npm install").flatMap((line) =>
      line.split(" ").filter((word, i) => i > 1 && !word.startsWith("-")),
    );
    const tools = Object.keys(readPackageFile().peerDependencies);
    expect(named.toSorted()).toEqual(["edge-prefix", "hono", "typescript", ...tools].toSorted());
  });

  // What holds without skipLibCheck holds with it: then fewer files are looked at.
  it("has types that hold in the page's project, which checks those of its packages", async () => {
    for (const line of linesOf("npx wrangler types")) await consumer.ok(line);
    for (const line of linesOf("npx tsc")) expect(await consumer.ok(line)).toBe("");
  });

  it.each(["NodeNext", "Bundler"])("has types that %s finds, all of them right", async (way) => {
    write(join(consumer.folder, "uses", "all.ts"), USES_ALL);
    const module = way === "NodeNext" ? way : "ESNext";
    // Types of requests and streams from TypeScript itself, for a project without wrangler's.
    const line = `npx tsc --ignoreConfig --noEmit --strict --lib ES2023,DOM,DOM.Iterable --types '' --module ${module} --moduleResolution ${way}`;
    expect(await consumer.ok(`${line} uses/all.ts`)).toBe("");
  });

  it("has a tokenizer that needs nothing else, with offsets as Python counts them", async () => {
    write(
      join(consumer.folder, "plain", "uses.ts"),
      'import { createTokenizer } from "edge-prefix/tokenizer";\nexport const size = createTokenizer(new Uint8Array(2)).vocabSize;\n',
    );
    const line =
      "npx tsc --ignoreConfig --noEmit --strict --lib ES2022 --types '' --module NodeNext";
    expect(await consumer.ok(`${line} plain/uses.ts`)).toBe("");
    // Without node_modules around it but the package itself: it imports no other.
    const alone = consumerIn(inFolder("alone"));
    const own = join("node_modules", "edge-prefix");
    cpSync(join(consumer.folder, own), join(alone.folder, own), { recursive: true });
    write(join(alone.folder, "offsets.mjs"), OFFSETS);
    // Python counts the emoji as one, JavaScript as two.
    expect(JSON.parse(await alone.ok("node offsets.mjs"))).toEqual([
      [2, 6],
      [7, 11],
    ]);
  });

  it("has a command with help and a version", async () => {
    expect(await consumer.ok("npx edge-prefix --help")).toContain("Usage: npx edge-prefix <verb>");
    expect(await consumer.ok("npx edge-prefix --version")).toBe(`${readPackageFile().version}\n`);
    expect(await consumer.ok("npx edge-prefix help train")).toContain("npx edge-prefix train");
  });

  it("imports a checkpoint", async () => {
    const { config, tokenizer, tensors } = tinyCheckpoint(1);
    write(join(consumer.folder, "tiny", "config.json"), config);
    write(join(consumer.folder, "tiny", "tokenizer.json"), tokenizer);
    write(join(consumer.folder, "tiny", "model.safetensors"), writeSafetensors(tensors));
    await consumer.ok("npx edge-prefix import tiny --out models/tiny");
    expect(existsSync(join(consumer.folder, "models", "tiny", "manifest.json"))).toBe(true);
    const said = await consumer.ok(`echo '"a film"' | npx edge-prefix tokenize --base models/tiny`);
    expect(JSON.parse(said)).toHaveProperty("offsets");
  });

  it("trains on twenty rows, and fills the local bucket of this folder", async () => {
    write(join(consumer.folder, "reviews.csv"), ["text,label", ...ROWS, ""].join("\n"));
    for (const line of linesOf("npx edge-prefix").filter((item) => !item.includes("--remote"))) {
      await consumer.ok(line);
    }
    expect(readdirSync(join(consumer.folder, ".wrangler", "state"))).toEqual(["v3"]);
    const listed = JSON.parse(await consumer.ok("npx edge-prefix list --json")) as {
      tasks: { task: string }[];
    };
    expect(listed.tasks.map(({ task }) => task)).toEqual(["reviews", "sentiment"]);
  });

  it("is bundled for the deployment with everything it needs", async () => {
    const [line = ""] = linesOf("npx wrangler deploy");
    const said = await consumer.ok(`${line} --dry-run --outdir bundle`);
    const kib = Number(/Total Upload: ([\d.]+) KiB/.exec(said)?.[1]);
    expect(kib).toBeGreaterThan(300);
    expect(kib).toBeLessThan(1_000); // no ONNX Runtime
  });

  it("answers the page's questions", async () => {
    const port = await serve(consumer.folder, linesOf("npx wrangler dev")[0]!);
    const [first, second] = await Promise.all(
      linesOf("curl").map((line) =>
        consumer.ok(line.replace("localhost:8787", `127.0.0.1:${port}`)),
      ),
    );
    const score = expect.any(Number) as number;
    expect(JSON.parse(first!)).toMatchObject([[{ label: "positive", score }, { score }]]);
    expect(JSON.parse(second!)).toEqual([{ label: "negative", score }]);
    await stop();
  });
});

describe("a project made by new", { timeout: SLOW_MS }, () => {
  it("is checked, serves and answers by the lines that it prints", async () => {
    const printed = await consumer.ok("npx edge-prefix new texts");
    const lines = printed.split("\n").flatMap((line) => /^ {2}(.*)$/.exec(line)?.[1] ?? []);
    expect(lines.slice(0, 3)).toEqual(["cd texts", "npm install", "npm start"]);
    const project = consumerIn(join(consumer.folder, "texts"));
    await install(project, tarball, ["wrangler", "typescript"]);
    await project.ok("npm run check");
    const port = await serve(project.folder, "npm start --");
    const answer = await project.ok(lines[3]!.replace("localhost:8787", `127.0.0.1:${port}`));
    expect(JSON.parse(answer)).toMatchObject([[{ label: "positive" }, {}]]);
    const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: "text/html" } });
    expect(await page.text()).toContain("<title>edge-prefix");
    await stop();
  });
});

describe("where something is missing", { timeout: SLOW_MS }, () => {
  it("says what to install, and where to run", async () => {
    const bare = consumerIn(inFolder("bare"));
    await install(bare, tarball, []);
    const command = "npx edge-prefix";
    const listed = await bare.sh(`${command} list`);
    expect(listed).toMatchObject({ code: 1, stdout: "" });
    expect(listed.stderr).toMatch(/^error \[project-not-found\]: .*edge-prefix new NAME\n$/);
    copyFileSync(join(consumer.folder, "wrangler.toml"), join(bare.folder, "wrangler.toml"));
    const again = await bare.sh(`${command} list`);
    expect(again.stderr).toMatch(/^error \[package-missing\]: .*npm install .* wrangler@\^4/);
  });
});

describe.skipIf(!existsSync(OLDEST))("on the oldest Node of engines", { timeout: SLOW_MS }, () => {
  it("imports, trains, pushes and lists", async () => {
    const name = readdirSync(join(OLDEST, "node_modules")).find((item) => item.startsWith("node-"));
    const bin = join(OLDEST, "node_modules", name!, "bin");
    const old = consumerIn(consumer.folder, bin);
    const { engines } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as {
      engines: { node: string };
    };
    expect(`>=${(await old.ok("node --version")).trim().slice(1)}`).toBe(`${engines.node}.0`);
    const command = "node node_modules/edge-prefix/scripts/edge-prefix.js";
    await old.ok(`${command} import tiny --out models/tiny-again`);
    await old.ok(
      `${command} train reviews.csv --base models/tiny-again --epochs 1 --out prefixes/again`,
    );
    write(join(consumer.folder, "texts.jsonl"), '"the cast was great"');
    const [line = ""] = (
      await old.ok(`${command} predict prefixes/reviews --input texts.jsonl`)
    ).split("\n");
    expect(JSON.parse(line)).toMatchObject({ index: 0, result: [{ label: "good" }, {}] });
    expect(await old.ok(`${command} list`)).toContain("reviews");
  });
});
