/**
 * What a deployment is: a bundle below its limit, a Worker with keys that serves the bundled tasks,
 * the documentation's examples answered to the digit, and the check that a user runs against it.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortened } from "../../scripts/dev/examples.ts";
import { freePort } from "../../scripts/dev/readiness.ts";
import { EXAMPLES } from "../../src/http/openapi/examples.ts";
import { runCli, runScript, runningInGroup, startScript } from "../support/child.ts";
import type { Child } from "../support/child.ts";
import { bundledTasks } from "../support/bundled-tasks.ts";
import { temporaryFolder } from "../support/folders.ts";

const START_MS = 1_500_000;
const KEY = "ep_end-to-end";
const API_KEYS = JSON.stringify([
  {
    name: "test",
    sha256: createHash("sha256").update(KEY).digest("hex"),
    scopes: ["predict", "admin"],
  },
]);

const folder = temporaryFolder("deploy");
let port: number;
let server: Child;
const url = (path = ""): string => `http://127.0.0.1:${port}${path}`;

beforeAll(async () => {
  port = await freePort();
  const args = ["--port", String(port), "--persist-to", folder.path, `--var=API_KEYS:${API_KEYS}`];
  server = startScript("scripts/dev/start.ts", args);
  await server.waitFor(/^try: /m, START_MS);
}, START_MS);

afterAll(async () => {
  server.signal("SIGTERM", "process");
  await server.ended;
  if (runningInGroup(server.pid).length > 0) server.signal("SIGKILL", "group");
  folder.remove();
});

describe("the bundle", () => {
  it("is smaller than 140 kB compressed", async () => {
    const { code, stdout, stderr } = await runCli(
      ["bench", "bundle", "--engine", "simd", "--json"],
      { withinMs: START_MS },
    );
    expect(code, stderr).toBe(0);
    const { engine, modules, gzip_bytes } = JSON.parse(stdout) as {
      engine: string;
      modules: { module: string }[];
      gzip_bytes: number;
    };
    expect(engine).toBe("simd");
    expect(modules.map(({ module }) => module)).toEqual(["kernels.wasm", "worker-simd.js"]);
    expect(gzip_bytes).toBeLessThan(140_000);
  });
});

describe("a Worker with keys", () => {
  it("says at its start that it has some", () => {
    expect(server.stdout()).toContain("keys: on");
  });

  it("passes the smoke test with a key, and fails it without", async () => {
    const well = await runScript("scripts/dev/smoke.ts", [url(), "--key", KEY]);
    expect(well.stdout).not.toContain("FAILED");
    expect(well).toMatchObject({ code: 0, stderr: "" });
    expect(well.stdout).toContain("ok      guarded: keys are on");
    expect(well.stdout).toContain(`ok      answers: ${bundledTasks().join(", ")}`);

    const stranger = await runScript("scripts/dev/smoke.ts", [url()]);
    expect(stranger.code).toBe(1);
    expect(stranger.stdout).toContain("FAILED  guarded: keys are on: give one");
    expect((await runScript("scripts/dev/smoke.ts", ["nowhere"])).code).toBe(2);
    const help = await runScript("scripts/dev/smoke.ts", ["--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toContain("Usage: npm run smoke -- URL");
  });

  const examples = Object.values(EXAMPLES).flatMap((item) => Object.values(item));
  it.each(examples)("answers as documented: $summary", async ({ path, body, answer }) => {
    const response = await fetch(url(path), {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    // CPUs differ in the last digits of a float; vectors are documented by their beginnings.
    const shown = shortened(path, await response.json());
    expect(rounded(shown)).toEqual(rounded(answer));
  });

  it("tells its metrics to an admin", async () => {
    const response = await fetch(url("/metrics"), { headers: { authorization: `Bearer ${KEY}` } });
    expect(await response.text()).toContain('task="sentiment"');
  });
});

const DIGITS = 4;
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, item: unknown) =>
    typeof item === "number" ? Number(item.toFixed(DIGITS)) : item,
  );
