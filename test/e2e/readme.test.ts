/** README.md's requests, pasted as they stand into a shell beside `npm start`. */
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE } from "../../scripts/node/project.ts";
import { freePort } from "../../scripts/dev/readiness.ts";
import { runningInGroup, startScript } from "../support/child.ts";
import type { Child } from "../support/child.ts";
import { temporaryFolder } from "../support/folders.ts";

const START_MS = 150_000;
const USUAL_PORT = "localhost:8787";
/** As README.md shows scores. */
const DIGITS = 3;

const readme = readFileSync(join(PACKAGE, "README.md"), "utf8");
const block = readme.split("<!-- tasks:start -->")[1]!.split("<!-- tasks:end -->")[0]!;
const lines = block.split("\n");
const requests = lines.flatMap((line, i) =>
  line.startsWith("$ ") ? [{ command: line.slice(2), answer: lines[i + 1]! }] : [],
);

let port: number;
let server: Child;
const folder = temporaryFolder("readme");

beforeAll(async () => {
  port = (await freePort(0)) ?? 0;
  const args = ["--port", String(port), "--persist-to", folder.path];
  server = startScript("scripts/dev/start.ts", args);
  await server.waitFor(/^try: /m, START_MS);
}, START_MS);

afterAll(async () => {
  server.signal("SIGTERM", "process");
  await server.ended;
  if (runningInGroup(server.pid).length > 0) server.signal("SIGKILL", "group");
  folder.remove();
});

/** What a shell prints for a line of README.md, with this server's port. */
async function paste(command: string): Promise<string> {
  const here = command.replaceAll(USUAL_PORT, `127.0.0.1:${port}`);
  return (await promisify(execFile)("sh", ["-c", here])).stdout;
}

describe.skipIf(!hasCurl())("README.md's request", () => {
  it.each(requests)("is answered as shown: $command", async ({ command, answer }) => {
    expect(rounded(JSON.parse(await paste(command)))).toEqual(JSON.parse(answer));
  });

  it("at its very beginning works, too", async () => {
    const first = /^\$ (curl [^\n]*\\\n.*)$/m.exec(readme)![1]!;
    expect(first).toContain("/v1/tasks/sentiment/predict");
    expect(JSON.parse(await paste(first))).toMatchObject([[{ label: "positive" }, {}]]);
  });

  it("of npm start's own example works, too", async () => {
    const [, example] = await server.waitFor(/^try: +(curl .*)$/m, START_MS);
    expect(JSON.parse(await paste(example!))).toBeInstanceOf(Array);
  });
});

function hasCurl(): boolean {
  try {
    execFileSync("curl", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, item: unknown) =>
    typeof item === "number" ? Number(item.toFixed(DIGITS)) : item,
  );
