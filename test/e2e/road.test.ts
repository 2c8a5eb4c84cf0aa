/**
 * The whole road in real processes: train, push, `npm start`'s script, answers over HTTP, a new version
 * while it runs, a rollback, a push that is killed, and a stop that leaves nothing behind. Storage
 * is a folder of its own, so that a developer's is never touched.
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../scripts/node/hash.ts";
import { freePort } from "../../scripts/dev/readiness.ts";
import { readBaseManifest } from "../../src/core/format/manifest.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import {
  eventually,
  isListening,
  runCli,
  runScript,
  runningInGroup,
  startScript,
} from "../support/child.ts";
import type { Child } from "../support/child.ts";
import { temporaryFolder, writeTaskFolder } from "../support/folders.ts";
import { writeTinyBase } from "../support/tiny-base.ts";

/** Starting compiles the Worker; a machine busy with other tests needs its time. */
const START_MS = 1_500_000;

const folder = temporaryFolder("e2e");
const inFolder = (...path: string[]): string => join(folder.path, ...path);
const env = { EDGE_PREFIX_PERSIST_TO: inFolder("state") };
let base: BaseManifest;
let port: number;
let server: Child;

const start = (): Child =>
  startScript("scripts/dev/start.ts", ["--port", String(port), "--base", inFolder("base")], {
    env,
  });
const runStart = (...args: string[]) => runScript("scripts/dev/start.ts", args, { env });
const cli = (...args: string[]) => runCli(args, { env });
const url = (path: string): string => `http://127.0.0.1:${port}${path}`;

/** A data file that a tiny base can learn from: what is good is high, what is bad is low. */
function writeData(path: string, nouns: readonly string[]): void {
  const words = { high: ["good", "fine", "best", "great"], low: ["bad", "awful", "worst", "dull"] };
  const rows = nouns.flatMap((noun) =>
    Object.entries(words).flatMap(([label, all]) =>
      all.map((word) => `the ${noun} was ${word},${label}`),
    ),
  );
  writeFileSync(path, ["text,label", ...rows, ""].join("\n"));
}

/** Trains the task "mood" by the command line; another seed is another version. */
async function train(seed: number): Promise<{ folder: string; version: string }> {
  const out = inFolder(`trained-${seed}`);
  const files = ["--base", inFolder("base"), "--eval", inFolder("eval.csv"), "--out", out];
  const size = ["--epochs", "6", "--num-virtual-tokens", "4", "--lr", "0.03"];
  const name = ["--name", "mood", "--seed", String(seed), "--json"];
  const { code, stdout, stderr } = await cli(
    "train",
    inFolder("train.csv"),
    ...files,
    ...size,
    ...name,
  );
  expect(code, stderr).toBe(0);
  return { folder: out, version: (JSON.parse(stdout) as { version: string }).version };
}

function predict(inputs: unknown, accept = "application/json"): Promise<Response> {
  return fetch(url("/v1/tasks/mood/predict"), {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify({ inputs }),
    signal: AbortSignal.timeout(30_000),
  });
}

async function servedVersion(): Promise<string | null> {
  const response = await predict("good");
  await response.text();
  return response.headers.get("x-task-version");
}

beforeAll(async () => {
  await writeTinyBase(inFolder("base"), { dtype: "int8", seed: 1 });
  base = await readBaseManifest(readFileSync(inFolder("base", "manifest.json")), sha256);
  writeData(inFolder("train.csv"), ["film", "movie", "plot", "story"]);
  writeData(inFolder("eval.csv"), ["music", "acting"]);
  port = await freePort();
}, START_MS);

afterAll(() => {
  if (server && runningInGroup(server.pid).length > 0) server.signal("SIGKILL", "group");
  folder.remove();
});

describe("the road from a task folder to an answer", () => {
  const versions: string[] = [];

  it("trains a task, and puts it and its base into an empty bucket", async () => {
    const { folder: task, version } = await train(1);
    const { code, stdout, stderr } = await cli("push", "--base", inFolder("base"), task, "--json");
    expect(code, stderr).toBe(0);
    // The task has no examples, so there were no answers to compare: said once, on standard error.
    expect(stderr).toMatch(/^warning: task "mood" has no recorded examples.*\n$/);
    const [stored, pushed] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(stored).toMatchObject({ name: base.name, identity: base.identity, changed: true });
    const counts = { uploaded: 2, examples: 0 };
    expect(pushed).toEqual({ task: "mood", version, previous: null, ...counts, changed: true });
    versions.push(version);
  });

  it("refuses a task that was trained for another base, and says so in one line", async () => {
    const foreign = { ...base, identity: "0".repeat(64) };
    writeTaskFolder(inFolder("foreign"), foreign, { task: "foreign" });
    const { code, stdout, stderr } = await cli("push", inFolder("foreign"));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error \[prefix-base-mismatch\]: .*\n$/);
  });

  it(
    "starts, seeds nothing that is there, and prints a curl line that works as pasted",
    async () => {
      server = start();
      await server.waitFor(/serving .* at http:\/\/localhost:\d+/, START_MS);
      const [, line = ""] = await server.waitFor(/^try: {2}(curl .*)$/m, START_MS);
      expect(server.stdout()).not.toContain("storing base");
      expect(line).toContain(`http://localhost:${port}/v1/tasks`);
      const { stdout } = await promisify(execFile)("bash", ["-c", `${line} --max-time 30`]);
      expect(JSON.parse(stdout)).toBeDefined();
      const ready = (await (await fetch(url("/readyz"))).json()) as Record<string, unknown>;
      expect(ready).toMatchObject({ identity: base.identity, loaded_from: "weights" });
    },
    START_MS,
  );

  it("answers one text and many, as JSON", async () => {
    const one = await predict("good day");
    expect(one.status).toBe(200);
    expect(one.headers.get("x-task-version")).toBe(versions[0]);
    expect(one.headers.get("x-model-identity")).toContain(base.identity.slice(0, 12));
    const [labels] = (await one.json()) as { label: string; score: number }[][];
    expect(labels?.map((item) => item.label).sort()).toEqual(["high", "low"]);
    const many = await predict(["good day", "bad day", "day"]);
    const results = (await many.json()) as { label: string; score: number }[][];
    expect(results).toHaveLength(3);
    expect(results[0]?.[0]?.score).toBeCloseTo(labels?.[0]?.score ?? NaN, 2);
  });

  it("answers as NDJSON, a line an input and a last one that counts", async () => {
    const response = await predict(["good", "bad"], "application/x-ndjson");
    expect(response.headers.get("content-type")).toContain("application/x-ndjson");
    const lines = (await response.text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => line.index)).toEqual([0, 1, undefined]);
    expect(lines[2]).toMatchObject({ done: true, count: 2 });
  });

  it("answers as the command line does, but for the last bit of Math.exp", async () => {
    const texts = ["the film was good", "the plot was awful and so was the rest of it", "!"];
    writeFileSync(inFolder("texts.jsonl"), texts.map((text) => JSON.stringify(text)).join("\n"));
    const served = await (await predict(texts, "application/x-ndjson")).text();
    const { code, stdout } = await cli(
      "predict",
      inFolder("trained-1"),
      "--base",
      inFolder("base"),
      "--input",
      inFolder("texts.jsonl"),
    );
    expect(code).toBe(0);
    // The hidden states are equal bit for bit; ECMAScript leaves the last bit of Math.exp to the
    // engine, and workerd's is not Node's. Twelve digits say that nothing else differs.
    const lines = (text: string): unknown[] =>
      text
        .trim()
        .split("\n")
        .slice(0, 3)
        .map((line): unknown =>
          JSON.parse(line, (_, value: unknown) =>
            typeof value === "number" ? Number(value.toPrecision(12)) : value,
          ),
        );
    expect(lines(stdout)).toEqual(lines(served));
  });

  it("serves a new version after a push while it runs", async () => {
    const { folder: task, version } = await train(2);
    const { code, stdout, stderr } = await cli("push", task);
    expect({ code, stdout }, stderr).toEqual({
      code: 0,
      stdout: `mood ${version}: published, was ${versions[0]}\n`,
    });
    versions.push(version);
    expect(await eventually(async () => (await servedVersion()) === versions[1], 30_000)).toBe(
      true,
    );
  });

  it.each([
    ["before its first blob", "putBlob", 1, 4],
    ["between its blobs", "putBlob", 2, 7],
    ["before it moves the pointer", "putIf", 1, 12],
  ])("serves the old version after a push that is killed %s", async (_, operation, calls, seed) => {
    const task = inFolder(`mood-${seed}`);
    writeTaskFolder(task, base, { task: "mood", seed });
    const child = startScript(
      "test/support/dying-push.ts",
      [env.EDGE_PREFIX_PERSIST_TO, task, operation, String(calls)],
      { ipc: true },
    );
    expect(await child.waitForMessage(START_MS)).toEqual({ operation, calls });
    child.signal("SIGKILL", "group");
    expect(await child.ended).toBe("SIGKILL");
    expect(await servedVersion()).toBe(versions[1]);
    const { code, stdout, stderr } = await cli("verify", "mood", "--json");
    expect(code, stderr).toBe(0);
    // Both versions, and the base's session image.
    expect(stdout.trim().split("\n")).toHaveLength(3);
  });

  it("goes back to the version before with a rollback", async () => {
    const { code, stdout } = await cli("rollback", "mood", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ version: versions[0], previous: versions[1] });
    expect(await eventually(async () => (await servedVersion()) === versions[0], 30_000)).toBe(
      true,
    );
  });

  it("lists the task with both versions, newest first", async () => {
    const { stdout } = await cli("list", "--json");
    const { tasks } = JSON.parse(stdout) as {
      tasks: { task: string; current: string; versions: { version: string }[] }[];
    };
    expect(
      tasks.map(({ task, current, versions: all }) => [
        task,
        current,
        all.map((item) => item.version),
      ]),
    ).toEqual([["mood", versions[0], [versions[1], versions[0]]]]);
  });

  it("stops on Ctrl-C, having said nothing on standard error, and leaves nothing running", async () => {
    server.signal("SIGINT", "group");
    expect(await server.ended).toBe(130);
    expect(server.stderr()).toBe("");
    // The bundler's process sees its input closed and ends by itself, a moment later.
    expect(await eventually(async () => runningInGroup(server.pid).length === 0, 30_000)).toBe(
      true,
    );
    expect(await isListening(port)).toBe(false);
  }, 60_000);
});

describe("stopping", () => {
  it(
    "on a TERM to the start script alone, wrangler and workerd end too",
    async () => {
      server = start();
      await server.waitFor(/^try: /m, START_MS);
      server.signal("SIGTERM", "process");
      expect(await server.ended).toBe(130);
      // The bundler's process sees its input closed and ends by itself, a moment later.
      expect(await eventually(async () => runningInGroup(server.pid).length === 0, 30_000)).toBe(
        true,
      );
      expect(await isListening(port)).toBe(false);
    },
    START_MS,
  );
});

describe("stopping the moment it serves", () => {
  it(
    "ends as at any other time: without a word, and without anything left running",
    async () => {
      server = start();
      // The script asks its own server for more now, which is stopped with it.
      await server.waitFor(/serving/, START_MS);
      server.signal("SIGTERM", "group");
      expect(await server.ended).toBe(130);
      expect(server.stderr()).toBe("");
      expect(await eventually(async () => runningInGroup(server.pid).length === 0, 30_000)).toBe(
        true,
      );
    },
    START_MS,
  );
});

describe("starting", () => {
  it("refuses a port that is taken, and a base that is not there, before anything runs", async () => {
    const missing = await runStart("--base", inFolder("nowhere"));
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toMatch(/^error \[base-not-found\]: .*manifest\.json.*\n$/);
    const wrong = await runStart("--port", "many");
    expect(wrong.code).toBe(2);
  });
});
