/**
 * `push --remote` over S3, against the endpoint of wrangler's own local R2: real signatures, payload
 * hashes and conditional writes, and the Worker beside it that serves what was pushed. The way
 * through wrangler's login ends at the login, which needs an account.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256, sha256Hex } from "../../scripts/node/hash.ts";
import { openLocalBucket } from "../../scripts/publish/local-bucket.ts";
import type { LocalBucket } from "../../scripts/publish/local-bucket.ts";
import { rollbackTask } from "../../scripts/publish/move-task.ts";
import { publishBase } from "../../scripts/publish/publish-base.ts";
import { publishTask } from "../../scripts/publish/publish-task.ts";
import { readTaskFolder } from "../../scripts/task/task-folder.ts";
import { s3Bucket } from "../../scripts/publish/s3-bucket.ts";
import type { S3Options } from "../../scripts/publish/s3-bucket.ts";
import { fetchTaskPointer } from "../../scripts/publish/task-pointer.ts";
import { s3Uploads } from "../../src/serve/bucket/s3-uploads.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { blobKey, taskKey } from "../../src/core/format/keys.ts";
import { readBaseManifest, shortIdentity } from "../../src/core/format/manifest.ts";
import type { BaseManifest } from "../../src/core/format/manifest.ts";
import { publishBucketCases } from "../cases/publish-bucket.cases.ts";
import { runCli } from "../support/child.ts";
import { temporaryFolder, writeTaskFolder } from "../support/folders.ts";
import { S3_BUCKET, S3_CREDENTIALS, startS3Server } from "../support/s3-server.ts";
import type { S3Server } from "../support/s3-server.ts";
import { writeTinyBase } from "../support/tiny-base.ts";

const wait = (): Promise<void> => Promise.resolve();
const folder = temporaryFolder("remote");
const inFolder = (...path: string[]): string => join(folder.path, ...path);
let server: S3Server;
let base: BaseManifest;

beforeAll(async () => {
  await writeTinyBase(inFolder("base"), { dtype: "int8", seed: 1 });
  base = await readBaseManifest(readFileSync(inFolder("base", "manifest.json")), sha256);
  server = await startS3Server(inFolder("state"));
});
afterAll(async () => {
  await server?.stop();
  folder.remove();
});

const s3 = (changes: Partial<S3Options> = {}): ReturnType<typeof s3Bucket> =>
  s3Bucket({ endpoint: server.endpoint, bucket: S3_BUCKET, ...S3_CREDENTIALS, wait, ...changes });

function taskFolder(seed: number, task = "mood"): string {
  const path = inFolder(`${task}-${seed}`);
  writeTaskFolder(path, base, { seed, task });
  return path;
}

/** The command line with credentials as a person would set them. */
function cli(args: readonly string[], env: Record<string, string> = {}) {
  const remote = ["--remote", "--bucket", S3_BUCKET, "--endpoint", server.endpoint];
  const credentials = { R2_ACCESS_KEY_ID: "test-key", R2_SECRET_ACCESS_KEY: "test-secret" };
  return runCli([...args, ...remote], { env: { ...credentials, ...env } });
}

publishBucketCases("S3", () => s3());

describe("an upload past the Worker", () => {
  const key = "bulk/data/file-1";
  /** R2 wants 5 MiB of each part but the last. */
  const PARTS = [new Uint8Array(5 * 2 ** 20).fill(97), encodeUtf8("end")];
  const uploads = (secretAccessKey = S3_CREDENTIALS.secretAccessKey) =>
    s3Uploads({ endpoint: server.endpoint, bucket: S3_BUCKET, ...S3_CREDENTIALS, secretAccessKey });

  it("takes parts by URLs that are signed, each again as often as need be, and none by another or of another length", async () => {
    const upload = await uploads().begin(key);
    const put = async (
      number: number,
      { by = uploads(), announced = PARTS[number - 1]!.length } = {},
    ): Promise<Response> => {
      const url = await by.urlOf(key, upload, number, announced);
      return fetch(url, { method: "PUT", body: PARTS[number - 1]! });
    };
    expect((await put(2, { by: uploads("wrong") })).status).toBe(403);
    for (const announced of [2, 4]) expect((await put(2, { announced })).status).toBe(403);
    const answers = [await put(2), await put(1), await put(2)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const [, first, second] = answers.map(({ headers }) => headers.get("etag")!);
    const missing = uploads().complete(key, upload, [first!, '"no such part"']);
    await expect(missing).rejects.toMatchObject({ code: "upload-incomplete" });
    await uploads().complete(key, upload, [first!, second!]);
    expect((await s3().stat(key))?.bytes).toBe(5 * 2 ** 20 + 3);
    await uploads().abort(key, await uploads().begin(key));
    const refused = uploads("wrong").begin(key);
    await expect(refused).rejects.toMatchObject({ code: "bucket-unavailable" });
  });
});

describe("local storage", () => {
  let bucket: LocalBucket;
  beforeAll(async () => {
    bucket = await openLocalBucket(inFolder("local-state"));
  });
  afterAll(() => bucket.close());

  publishBucketCases("local R2", () => bucket);
});

describe("push --remote", () => {
  it("changes nothing on a dry run, and says what it would do", async () => {
    const args = ["push", "--base", inFolder("base"), taskFolder(1), "--dry-run"];
    const { code, stdout, stderr } = await cli(args);
    expect({ code, stdout }, stderr).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /would be published, \d+ new files\nmood \w+: would be published/,
      ),
    });
    expect(await s3().list("tasks/")).toEqual([]);
    expect(await s3().list("bases/")).toEqual([]);
  });

  it("publishes base and task, and the Worker beside it answers", async () => {
    const args = ["push", "--base", inFolder("base"), taskFolder(1), "--json"];
    const { code, stdout, stderr } = await cli(args);
    expect(code, stderr).toBe(0);
    const [, pushed] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(pushed).toMatchObject({ task: "mood", previous: null, uploaded: 2, changed: true });
    const response = await fetch(`${server.url}/v1/tasks/mood/predict`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs: "a great film" }),
    });
    expect(response.status, await response.clone().text()).toBe(200);
    expect(response.headers.get("x-task-version")).toBe(pushed?.version);
  });

  it("sends nothing that is there already", async () => {
    const again = await publishBase(s3(), inFolder("base"), { wait });
    expect(again).toMatchObject({ uploaded: 0, isChanged: false });
    expect(await publishTask(s3(), taskFolder(1), { wait })).toMatchObject({
      uploaded: 0,
      isChanged: false,
    });
  });

  it("lists, verifies, sets a canary and rolls back", async () => {
    const [first, second] = [taskFolder(1), taskFolder(2)];
    const [{ version: one }, { version: two }] = [
      await readTaskFolder(first),
      await readTaskFolder(second),
    ];
    expect((await cli(["push", second])).code).toBe(0);
    expect((await cli(["canary", "mood", "--version", one, "--percent", "20"])).stdout).toBe(
      `mood: 20 % to ${one}, the rest to ${two}\n`,
    );
    expect((await cli(["list"])).stdout).toMatch(
      new RegExp(`\\* ${two} .*\n {4}${one} .* canary 20 %\n`),
    );
    const verified = await cli(["verify", "mood", "--base", inFolder("base")]);
    expect(verified.stdout).toBe(
      `mood ${two}: ok\nmood ${one}: ok\nbase ${shortIdentity(base)}: ok, no session image\n`,
    );
    expect((await cli(["rollback", "mood"])).code).toBe(0);
    expect(await fetchTaskPointer(s3(), "mood")).toMatchObject({ current: one, canary: null });
  });

  it.each([
    ["a wrong secret", { R2_SECRET_ACCESS_KEY: "wrong" }, "bucket-access-denied"],
    ["an unknown key", { R2_ACCESS_KEY_ID: "nobody" }, "bucket-access-denied"],
    ["half of the credentials", { R2_SECRET_ACCESS_KEY: "" }, "remote-config-incomplete"],
  ])("is refused with %s, in one line", async (_, env, errorCode) => {
    const { code, stdout, stderr } = await cli(["push", taskFolder(3)], env);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^error \\[${errorCode}\\]: .*\n$`));
  });

  it("says that a bucket is not there", async () => {
    await expect(
      publishTask(s3({ bucket: "other" }), taskFolder(1), { wait }),
    ).rejects.toMatchObject({ code: "bucket-not-found" });
  });

  it("loses no version of four pushes at once", async () => {
    const folders = [11, 12, 13, 14].map((seed) => taskFolder(seed, "busy"));
    await Promise.all(folders.map((path) => publishTask(s3({ wait: undefined }), path)));
    const { versions } = await fetchTaskPointer(s3(), "busy");
    const expected = await Promise.all(
      folders.map(async (path) => (await readTaskFolder(path)).version),
    );
    expect(versions.map(({ version }) => version).sort()).toEqual(expected.sort());
  });

  it("leaves the old version when it is interrupted, and goes on where it was", async () => {
    const next = taskFolder(4);
    const before = await fetchTaskPointer(s3(), "mood");
    const abort = new AbortController();
    const stopping = s3({ signal: abort.signal });
    let blobs = 0;
    const interrupted = publishTask(
      {
        ...stopping,
        async putBlob(...args) {
          await stopping.putBlob(...args);
          if (++blobs === 1) abort.abort();
        },
      },
      next,
      { wait, signal: abort.signal },
    );
    await expect(interrupted).rejects.toThrow(/abort/i);
    expect(await fetchTaskPointer(s3(), "mood")).toEqual(before);
    expect(await publishTask(s3(), next, { wait })).toMatchObject({ uploaded: 1, isChanged: true });
    await rollbackTask(s3(), "mood", before.current, wait);
  });
});

describe("an S3 host that misbehaves", () => {
  /** A host that answers with these statuses, one after the other, then passes on to the real one. */
  async function flaky(statuses: number[]) {
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.writeHead(statuses.shift() ?? 404).end("<Error><Code>Slow</Code></Error>");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    const bucket = s3({ endpoint: `http://127.0.0.1:${port}` });
    return { bucket, seen, stop: () => proxy.close() };
  }

  it("is read again after 429 and 5xx, a bounded number of times", async () => {
    const { bucket, seen, stop } = await flaky([503, 429, 500]);
    expect(await bucket.get("tasks/mood.json")).toBeNull();
    expect(seen).toHaveLength(4);
    stop();
    const down = await flaky(Array.from({ length: 20 }, () => 503));
    await expect(down.bucket.get("tasks/mood.json")).rejects.toMatchObject({
      code: "bucket-unavailable",
      message: expect.stringContaining("503 Slow"),
    });
    down.stop();
  });

  it.each([412, 404, 409])(
    "has a conflict when it answers %d to a conditional write",
    async (status) => {
      const { bucket, stop } = await flaky([status]);
      expect(await bucket.putIf(taskKey("mood"), new Uint8Array(3), '"etag"')).toBe(false);
      stop();
    },
  );

  it("cannot be reached", async () => {
    await expect(s3({ endpoint: "http://127.0.0.1:9" }).get("a")).rejects.toMatchObject({
      code: "bucket-unavailable",
    });
  });
});

describe("taking a task down", () => {
  it("leaves its blobs to prune, which deletes what no pointer needs", async () => {
    const path = taskFolder(21, "leaving");
    expect((await cli(["push", path])).code).toBe(0);
    const { version } = await readTaskFolder(path);
    expect((await cli(["unpublish", "leaving"])).stdout).toMatch(
      new RegExp(`^leaving: taken down, was ${version}; `),
    );
    expect((await cli(["unpublish", "leaving"])).stderr).toMatch(/^error \[task-not-found\]: /);
    const keys = ["manifest.json", "prefix.safetensors"].map((file) =>
      blobKey(sha256Hex(readFileSync(join(path, file)))),
    );
    const young = JSON.parse((await cli(["prune", "--json"])).stdout) as Record<string, unknown>;
    expect(young).toMatchObject({ deleted: [], young: 2, dry_run: false });
    const dry = await cli(["prune", "--grace", "0", "--dry-run", "--json"]);
    expect((JSON.parse(dry.stdout) as { deleted: string[] }).deleted.sort()).toEqual(keys.sort());
    expect(await s3().get(keys[0]!)).not.toBeNull();
    const { stdout } = await cli(["prune", "--grace", "0"]);
    expect(stdout).toMatch(/\n2 files deleted, .* are needed, 0 are younger than 0 h\n$/);
    for (const key of keys) expect(await s3().get(key)).toBeNull();
    expect((await cli(["verify", "mood", "--base", inFolder("base")])).code).toBe(0);
  });
});

describe("through wrangler's login", () => {
  it("is chosen when there are no credentials, and says what to do without a login", async () => {
    const none = { R2_ACCESS_KEY_ID: "", R2_SECRET_ACCESS_KEY: "", CLOUDFLARE_API_TOKEN: "" };
    const args = ["list", "--remote", "--bucket", S3_BUCKET];
    const { code, stdout, stderr } = await runCli(args, { env: none });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^note: .*wrangler's login\n/);
    expect(stderr).toMatch(/error \[bucket-unavailable\]: .*wrangler says: .*wrangler login.*\n$/);
  });
});
