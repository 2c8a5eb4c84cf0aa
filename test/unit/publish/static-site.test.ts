/** A site for a static host: what is in it, what is refused, and that it is whole or not there. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleFrom } from "../../../scripts/commands/bundle.ts";
import { main } from "../../../scripts/cli/main.ts";
import { readBaseFolder } from "../../../scripts/base/base-folder.ts";
import { scriptFiles, siteFiles, writeSite } from "../../../scripts/publish/static-site.ts";
import type { SiteTask } from "../../../scripts/publish/static-site.ts";
import { readTaskFolder } from "../../../scripts/task/task-folder.ts";
import { baseKey, taskKey } from "../../../src/core/format/keys.ts";
import type { Sha256 } from "../../../src/core/format/manifest.ts";
import { httpBucket } from "../../../src/serve/bucket/http.ts";
import { createPublishedFiles } from "../../../src/serve/published-files.ts";
import { serveFiles } from "../../support/file-server.ts";
import { writePaperBase } from "../../support/folders.ts";
import { startPublishing } from "../../support/publishing.ts";
import type { Publishing } from "../../support/publishing.ts";

const sha256: Sha256 = (bytes) => Promise.resolve(createHash("sha256").update(bytes).digest("hex"));

let { base, inRoot, version, remove } = {} as Publishing;
/** A folder as the page's build leaves it: names in the text are what a module loads. */
let built: string;

beforeAll(async () => {
  ({ base, inRoot, version, remove } = await startPublishing("site"));
  built = inRoot("built");
  mkdirSync(built);
  const files = {
    "browser.js": 'new Worker(new URL("./worker-1A.js", import.meta.url)); export const x = 1;',
    "worker-1A.js": 'import "./chunk-2B.js"; const wasm = "kernels-3C.wasm";',
    "chunk-2B.js": 'import "./worker-1A.js";',
    "kernels-3C.wasm": "chunk-9.js",
    "page.js": 'import "./browser.js";',
    "chunk-9.js": "of the playground alone",
    "index.html": "the playground",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(built, name), text);
});
afterAll(() => remove());

async function taskIn(folder: string): Promise<SiteTask> {
  const prefix = readFileSync(join(folder, "prefix.safetensors"));
  return { ...(await readTaskFolder(folder)), prefix };
}

async function makeFiles(...folders: string[]): Promise<Map<string, Uint8Array>> {
  const tasks = await Promise.all(folders.map(taskIn));
  const whole = await readBaseFolder(inRoot("base"));
  return siteFiles({ base: whole, tasks, script: await scriptFiles(built) });
}

/** Every file below a folder, by its path. */
const namesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

describe("the files of a site", () => {
  it("are read over HTTP as a Worker's: index, pointers, and every blob that they lead to", async () => {
    const files = await makeFiles(version(1), version(1, "taste"));
    const server = await serveFiles((path) => files.get(path.slice(1)) ?? null);
    try {
      const bucket = httpBucket({ from: server.origin, fetch, sha256 });
      const keys = (await bucket.list("tasks/")).map(({ key }) => key);
      expect(keys).toEqual([taskKey("mood"), taskKey("taste")]);
      // The Worker's own judgement of what belongs to the base and the tasks.
      const published = createPublishedFiles({
        base: base.name,
        bucket,
        store: { head: async () => null, open: async () => null },
        clock: { now: () => 0, wait: () => Promise.resolve() },
        sha256,
        freshMs: 0,
      });
      const blobs = [...files.keys()].filter((path) => path.startsWith("files/blobs/"));
      // Base: manifest and three files; each task: a manifest and a prefix, of which both have one.
      expect(blobs).toHaveLength(4 + 2 + 1);
      for (const path of blobs) {
        const hash = path.split("/").at(-1)!;
        expect(await published.isPublished(hash, null), path).toBe(true);
        expect(await sha256(files.get(path)!)).toBe(hash);
      }
      expect(await published.index(null)).toEqual({ base: base.name, tasks: ["mood", "taste"] });
    } finally {
      await server.close();
    }
  });

  it("are the same bytes for the same base and tasks", async () => {
    expect(await makeFiles(version(1))).toEqual(await makeFiles(version(1)));
  });

  it("have the script and what it loads, and nothing of the playground", async () => {
    const names = [...(await makeFiles(version(1))).keys()].filter((name) => !name.includes("/"));
    expect(names.sort()).toEqual([
      "_headers",
      "browser.js",
      "chunk-2B.js",
      "index.html",
      "kernels-3C.wasm",
      "worker-1A.js",
    ]);
  });

  it("have a page that offers each task", async () => {
    const files = await makeFiles(version(1), version(1, "taste"));
    const page = new TextDecoder().decode(files.get("index.html"));
    expect(page).toContain("<option>mood</option><option>taste</option>");
    expect(page).toContain('from "./browser.js"');
  });

  it("are refused for a task of another base, and for one that is named twice", async () => {
    const other = await writePaperBase(inRoot("other"), { name: "other", seed: 2 });
    const tasks = [await taskIn(version(1))];
    const script = await scriptFiles(built);
    const foreign = siteFiles({ base: await readBaseFolder(inRoot("other")), tasks, script });
    await expect(foreign).rejects.toMatchObject({
      code: "prefix-base-mismatch",
      message: expect.stringContaining(other.name) as string,
    });
    await expect(makeFiles(version(1), version(2))).rejects.toMatchObject({
      code: "task-repeated",
    });
  });

  it("need a built script", async () => {
    await expect(scriptFiles(inRoot("none"))).rejects.toMatchObject({ code: "page-not-built" });
  });
});

describe("the folder of a site", () => {
  it("replaces the one before as a whole", async () => {
    const out = inRoot("replaced");
    await writeSite(out, await makeFiles(version(1), version(1, "taste")));
    const next = await makeFiles(version(2));
    await writeSite(out, next);
    expect(namesIn(out)).toEqual([...next.keys()].sort());
  });

  it("stays as it was when writing fails, and nothing is left beside it", async () => {
    mkdirSync(inRoot("parent"));
    const out = inRoot("parent", "site");
    const files = await makeFiles(version(1));
    await writeSite(out, files);
    // A file cannot be a folder as well: the disk refuses in the middle.
    const broken = new Map([...(await makeFiles(version(2))), ["index.html/x", new Uint8Array(1)]]);
    await expect(writeSite(out, broken)).rejects.toThrow(/EEXIST|ENOTDIR/);
    expect(namesIn(out)).toEqual([...files.keys()].sort());
    expect(readdirSync(inRoot("parent"))).toEqual(["site"]);
  });

  it("is left alone when it holds anything else", async () => {
    const out = inRoot("garden");
    mkdirSync(out);
    writeFileSync(join(out, "notes.txt"), "mine");
    const written = writeSite(out, await makeFiles(version(1)));
    await expect(written).rejects.toMatchObject({ code: "folder-not-empty" });
    expect(readdirSync(out)).toEqual(["notes.txt"]);
  });
});

describe("bundle", () => {
  async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const [out, err]: [string[], string[]] = [[], []];
    const code = await main(
      ["bundle", ...args],
      {
        stdin: (async function* () {})(),
        out: (line) => void out.push(line),
        err: (line) => void err.push(line),
        signal: new AbortController().signal,
      },
      { bundle: { summary: "", load: async () => ({ command: bundleFrom(built) }) } },
    );
    return { code, out: out.join("\n"), err: err.join("\n") };
  }

  it("writes task folders over a base, and says what it wrote", async () => {
    const out = inRoot("verb");
    const folders = [version(1), version(1, "taste")];
    const { code, out: text } = await run(
      ...folders,
      "--base",
      inRoot("base"),
      "--out",
      out,
      "--json",
    );
    expect(code).toBe(0);
    const said = JSON.parse(text) as { files: number; bytes: number };
    const { version: v } = await readTaskFolder(version(1));
    expect(said).toMatchObject({
      out,
      base: { name: base.name, identity: base.identity },
      tasks: [{ task: "mood", version: v }, { task: "taste" }],
    });
    const names = namesIn(out);
    expect(said.files).toBe(names.length);
    const sizes = names.map((name) => readFileSync(join(out, name)).byteLength);
    expect(said.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(names).toContain(`files/${baseKey(base.name)}`);
  });

  it("takes the project's own task and base by name", async () => {
    const { code, out } = await run("--tasks", "sentiment", "--out", inRoot("by-name"));
    expect(code).toBe(0);
    expect(out).toMatch(/base pocket@\w+\n {2}sentiment \w{12}/);
  });

  it.each([
    [["--out", "site"], 2, "name at least one task"],
    [["--tasks", "sentiment"], 2, "--out is missing"],
    [["--tasks", "../x", "--out", "site"], 1, "name-invalid"],
  ])("is refused with a reason: %s", async (args, code, reason) => {
    const result = await run(...args);
    expect(result.code).toBe(code);
    expect(result.err).toContain(reason);
  });

  it("writes nothing for a task of another base", async () => {
    const out = inRoot("refused");
    const result = await run(version(1), "--base", "pocket", "--out", out);
    expect(result.code).toBe(1);
    expect(result.err).toContain("prefix-base-mismatch");
    expect(readdirSync(inRoot())).not.toContain("refused");
  });
});
