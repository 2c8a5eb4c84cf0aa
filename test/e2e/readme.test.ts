/**
 * README.md, and then docs/versions.md, from the first command to the last, as a reader would paste
 * them: into a shell, in a folder that looks like a clone, beside the server that `npm start` starts.
 * A command that needs an account or the network is run as far as it goes without them; INSTEAD
 * lists those with the reason.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../scripts/dev/readiness.ts";
import { PACKAGE } from "../../scripts/node/project.ts";
import { runningInGroup, startScript } from "../support/child.ts";
import type { Child } from "../support/child.ts";
import { temporaryFolder } from "../support/folders.ts";
import { S3_BUCKET, S3_CREDENTIALS, startS3Server } from "../support/s3-server.ts";
import type { S3Server } from "../support/s3-server.ts";

const START_MS = 1_500_000;
/** Ten times a first training on a busy machine. */
const COMMAND_MS = 1_700_000;
const USUAL_PORT = "localhost:8787";
/** Digits of a score that are the same on every processor. */
const DIGITS = 4;

const folder = temporaryFolder("readme");
const inFolder = (...path: string[]): string => join(folder.path, ...path);
const clone = inFolder("clone");
let port: number;
let server: Child;
let s3: S3Server;

interface Command {
  readonly command: string;
  /** The lines that are shown below it. */
  readonly answer: string;
}

/** Commands of a document's console blocks, in their order. */
function commandsOf(path: string): Command[] {
  const blocks = readFileSync(join(PACKAGE, path), "utf8").matchAll(/```console\n([^]*?)```/g);
  return [...blocks].flatMap(([, block = ""]) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        // A line that ends in a backslash goes on.
        const [, command = "", answer = ""] = /^((?:.*\\\n)*.*)\n?([^]*)$/.exec(part.trimEnd())!;
        return { command, answer };
      }),
  );
}

/** Commands that are not run as they stand: what is run instead, and why. */
const INSTEAD: readonly (readonly [RegExp, (found: string) => string, string])[] = [
  [
    /^npm ci$/,
    () => "npm ci --dry-run --offline",
    "it downloads; what it installs is what this test runs on",
  ],
  [/^npm start$/, () => "true", "it runs already, on a free port and with a bucket of this test"],
  [
    /^npm install edge-prefix$/,
    () => "true",
    "test/e2e/package.test.ts installs the packed package in a folder of its own",
  ],
  [/^npx wrangler login$/, (found) => `${found} --help`, "it opens a browser"],
  [/^npx wrangler r2 bucket create/, (found) => `${found} --help`, "it needs an account"],
  [/^npx wrangler deploy$/, (found) => `${found} --dry-run`, "it needs an account"],
  [
    /^npx edge-prefix push .*--remote$/,
    (found) => `${found} --endpoint ${s3.endpoint} --bucket ${S3_BUCKET}`,
    "it needs an account; a local server speaks the same protocol",
  ],
  [
    /^npx edge-prefix push .* --canary 5$/,
    (found) => `npx edge-prefix train reviews.csv --out prefixes/reviews --seed 1 && ${found}`,
    "only another version can be tried beside the current one",
  ],
  [
    /^npx edge-prefix canary reviews --end$/,
    (found) => `${found} --help`,
    "the line before it has ended the same trial by --promote",
  ],
  [
    /^npm run smoke -- https:\/\/\S+$/,
    () => `npm run smoke -- http://127.0.0.1:${port}`,
    "nothing is deployed; the local server is asked",
  ],
];

beforeAll(async () => {
  mkdirSync(clone);
  for (const name of readdirSync(PACKAGE)) {
    if (!["prefixes", ".git", "dist"].includes(name)) {
      symlinkSync(join(PACKAGE, name), join(clone, name));
    }
  }
  // Where nothing was built yet, the first command that needs the page fills it.
  symlinkSync(join(PACKAGE, "dist"), join(clone, "dist"));
  writeFileSync(join(clone, "reviews.csv"), reviews());
  port = await freePort();
  s3 = await startS3Server(inFolder("s3"));
  const args = ["--port", String(port), "--persist-to", inFolder("state")];
  server = startScript("scripts/dev/start.ts", args);
  await server.waitFor(/^try: /m, START_MS);
}, START_MS);

afterAll(async () => {
  server.signal("SIGTERM", "process");
  await server.ended;
  if (runningInGroup(server.pid).length > 0) server.signal("SIGKILL", "group");
  await s3.stop();
  folder.remove();
});

/** README.md's two rows, and enough others to learn from. */
function reviews(): string {
  const shown = /```csv\n([^]*?)```/.exec(readFileSync(join(PACKAGE, "README.md"), "utf8"))![1]!;
  const things = ["handle", "lamp", "bag", "box", "chair"];
  const good = ["is exactly what I wanted", "works well", "is great", "is just right"];
  const bad = ["arrived broken", "broke after a day", "is awful", "does not work"];
  const rows = things.flatMap((thing) => [
    ...good.map((end) => `the ${thing} ${end},good`),
    ...bad.map((end) => `the ${thing} ${end},bad`),
  ]);
  return `${shown}${rows.join("\n")}\n`;
}

/** Runs a line of README.md in the clone, against this test's servers; returns what it prints. */
async function paste(command: string): Promise<string> {
  const [, instead] = INSTEAD.find(([pattern]) => pattern.test(command)) ?? [];
  const line = (instead?.(command) ?? command).replaceAll(USUAL_PORT, `127.0.0.1:${port}`);
  const env = {
    ...process.env,
    EDGE_PREFIX_PERSIST_TO: inFolder("state"),
    R2_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
    R2_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
    WRANGLER_SEND_METRICS: "false",
  };
  const options = { cwd: clone, env, timeout: COMMAND_MS };
  return (await promisify(execFile)("sh", ["-c", line], options)).stdout;
}

const answered = (text: string): unknown =>
  JSON.parse(text, (_, item: unknown) =>
    typeof item === "number" ? Number(item.toFixed(DIGITS)) : item,
  );

const readme = commandsOf("README.md");
const versions = commandsOf("docs/versions.md");

describe.skipIf(!has("curl"))("README.md, one command after the other", () => {
  it.each(readme)(
    "$command",
    async ({ command, answer }) => {
      const printed = await paste(command);
      if (command.startsWith("curl ")) {
        expect(answered(printed)).toEqual(answer === "" ? expect.any(Array) : answered(answer));
      }
    },
    COMMAND_MS,
  );

  it("has no exception for a command that no page has", () => {
    const shown = [...readme, ...versions];
    const unused = INSTEAD.filter(
      ([pattern]) => !shown.some(({ command }) => pattern.test(command)),
    );
    expect(unused.map(([, , reason]) => reason)).toEqual([]);
  });

  it("has trained a task that answers as its rows say", async () => {
    const last = readme.findLast(({ command }) => command.includes("/v1/tasks/reviews/predict"))!;
    expect(JSON.parse(await paste(last.command))).toMatchObject([
      [{ label: "bad" }, { label: "good" }],
      [{ label: "good" }, { label: "bad" }],
    ]);
  });
});

describe("docs/versions.md, after README.md", () => {
  it.each(versions)(
    "$command",
    async ({ command }) => {
      // A command that fails rejects; each of them says something.
      expect(await paste(command)).not.toBe("");
    },
    COMMAND_MS,
  );

  it("has taken the task down", async () => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/tasks/reviews`);
    expect(response.status).toBe(404);
  });
});

describe("README.md's client", () => {
  const block = (language: string): string =>
    new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(
      readFileSync(join(PACKAGE, "README.md"), "utf8"),
    )![1]!;

  it("in JavaScript gets labels", async () => {
    const code = block("js").replaceAll(USUAL_PORT, `127.0.0.1:${port}`);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", code],
      { cwd: PACKAGE },
    );
    expect(stdout).toContain("label: 'positive'");
  });

  // Needs a Python with huggingface_hub; test/clients/huggingface_hub_check.py asks more of it.
  it.skipIf(!has("python3", "-c", "import huggingface_hub"))("in Python gets labels", async () => {
    const code = block("python").replaceAll(USUAL_PORT, `127.0.0.1:${port}`);
    const { stdout } = await promisify(execFile)("python3", ["-c", code]);
    expect(stdout).toContain("label='positive'");
  });
});

describe.skipIf(!has("curl"))("docs/tasks.md's request", () => {
  it.each(commandsOf("docs/tasks.md"))("is answered as shown: $command", async (shown) => {
    expect(answered(await paste(shown.command))).toEqual(answered(shown.answer));
  });

  it("of npm start's own example works, too", async () => {
    const [, example] = await server.waitFor(/^try: +(curl .*)$/m, START_MS);
    expect(JSON.parse(await paste(example!))).toBeInstanceOf(Array);
  });
});

describe("docs/deploy.md's smoke test", () => {
  it("prints the lines that are shown, where keys and tasks play no part", async () => {
    const { answer } = commandsOf("docs/deploy.md").find(({ command }) =>
      command.startsWith("npm run smoke"),
    )!;
    const shown = answer.split("\n").filter((line) => !/guarded|answers/.test(line));
    const printed = await paste(`npm run smoke -- https://edge-prefix.example`);
    expect(shown).toHaveLength(3);
    expect(shown.filter((line) => !printed.includes(line))).toEqual([]);
  });
});

describe("docs/http.md's problem", () => {
  it("is answered as shown, but for the id of the request", async () => {
    const page = readFileSync(join(PACKAGE, "docs/http.md"), "utf8");
    const shown = JSON.parse(/```json\n(\{\n {2}"type"[^]*?)```/.exec(page)![1]!) as {
      readonly instance: string;
      readonly status: number;
    };
    const response = await fetch(`http://127.0.0.1:${port}${shown.instance}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs: "a text" }),
    });
    expect(response.status).toBe(shown.status);
    expect(await response.json()).toEqual({ ...shown, request_id: expect.any(String) });
  });
});

describe("docs/benchmarks.md's bundle", () => {
  it("has the size that a dry run of the deployment prints", async () => {
    const printed = await paste("npx wrangler deploy");
    const kib = Number(/Total Upload: ([\d.]+) KiB/.exec(printed)?.[1]);
    const page = readFileSync(join(PACKAGE, "docs/benchmarks.md"), "utf8");
    const shown = Number(/^\| `simd` +\| total +\| ([\d,]+) kB/m.exec(page)?.[1]);
    // Kilobytes; comments and the order of modules may move some hundred bytes.
    expect(Math.abs((kib * 1024) / 1000 - shown)).toBeLessThan(25);
  });
});

function has(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args.length > 0 ? args : ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
