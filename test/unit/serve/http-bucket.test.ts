/** The reader over HTTP against the contract of every readable bucket, and against servers that misbehave. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Sha256 } from "../../../src/core/format/manifest.ts";
import { httpBucket } from "../../../src/serve/bucket/http.ts";
import type { FetchFile, HttpBucketOptions } from "../../../src/serve/bucket/http.ts";
import { bucketCases } from "../../cases/bucket.cases.ts";
import { serveFiles } from "../../support/file-server.ts";
import type { FileServer } from "../../support/file-server.ts";

const sha256: Sha256 = (bytes) => Promise.resolve(createHash("sha256").update(bytes).digest("hex"));

const files = new Map<string, Uint8Array>();
let server: FileServer;

const index = (): Uint8Array => {
  const keys = [...files.keys()].filter((key) => key.startsWith("tasks/"));
  const tasks = keys.map((key) => key.slice("tasks/".length, -".json".length));
  return new TextEncoder().encode(JSON.stringify({ base: "tiny", tasks }));
};

beforeAll(async () => {
  server = await serveFiles((path) => {
    const key = path.replace(/^\/files\//, "");
    return key === "index.json" ? index() : (files.get(key) ?? null);
  });
});
afterAll(() => server.close());
afterEach(() => void (server.answer = null));

const open = (options: Partial<HttpBucketOptions> = {}) =>
  httpBucket({ from: server.origin, fetch, sha256, ...options });

bucketCases("over HTTP", () => ({
  bucket: open(),
  put: (key, bytes) => void files.set(key, bytes),
}));

describe("a request for a file", () => {
  /** What the bucket asks of `fetch` for a key. */
  async function asked(key: string, options: Partial<HttpBucketOptions> = {}) {
    const requests: { url: string; cache: string; headers: Record<string, string> }[] = [];
    const recording: FetchFile = (url, init) => {
      requests.push({ url, cache: init.cache, headers: init.headers });
      return fetch(url, init);
    };
    await open({ ...options, fetch: recording }).get(key, 10);
    return requests[0]!;
  }

  it("lets the client's cache keep a blob, and ask again for a pointer", async () => {
    const blob = `blobs/sha256/${"0".repeat(64)}`;
    expect(await asked(blob)).toMatchObject({
      url: `${server.origin}/files/${blob}`,
      cache: "default",
    });
    expect(await asked("tasks/mood.json")).toMatchObject({ cache: "no-cache", headers: {} });
  });

  it("goes to the folder that it was given, with the caller's key", async () => {
    const { url, headers } = await asked("index.json", {
      from: `${server.origin}/deep/`,
      apiKey: "secret",
    });
    expect(url).toBe(`${server.origin}/deep/files/index.json`);
    expect(headers).toEqual({ authorization: "Bearer secret" });
  });
});

describe("a server that does not give the file", () => {
  const problem = (status: number, code: string, detail: string): void => {
    server.answer = (_, response) => {
      response.writeHead(status, { "content-type": "application/problem+json" });
      response.end(JSON.stringify({ code, detail, status }));
    };
  };

  it("is unavailable with the reason that it says itself", async () => {
    problem(401, "key-missing", "authorization: is missing");
    await expect(open().get("tasks/mood.json", 10)).rejects.toMatchObject({
      code: "bucket-unavailable",
      message: expect.stringContaining("HTTP 401, authorization: is missing") as string,
    });
  });

  it("has no such file where it says so, unless it gives out no files at all", async () => {
    problem(404, "file-not-found", "file: does not exist");
    expect(await open().get("tasks/mood.json", 10)).toBeNull();
    problem(404, "files-off", "files: SERVE_FILES is off");
    await expect(open().get("tasks/mood.json", 10)).rejects.toMatchObject({
      message: expect.stringContaining("SERVE_FILES is off") as string,
    });
  });

  it.each<[string, FileServer["answer"]]>([
    ["answers with an error", (_, response) => void response.writeHead(502).end("bad gateway")],
    ["closes the connection", (_, response) => void response.destroy()],
    ["says nothing", () => undefined],
    [
      "stops on its way",
      (_, response) => {
        response.writeHead(200, { "content-length": 100 });
        response.write(new Uint8Array(10));
      },
    ],
    [
      "breaks off on its way",
      (_, response) => {
        response.writeHead(200, { "content-length": 100 });
        response.write(new Uint8Array(10), () => response.destroy());
      },
    ],
  ])("is unavailable when it %s", async (_, answer) => {
    server.answer = answer;
    const bucket = open({ timeoutMs: 50 });
    await expect(bucket.get("any", 100)).rejects.toMatchObject({ code: "bucket-unavailable" });
    await expect(bucket.list("tasks/")).rejects.toMatchObject({ code: "bucket-unavailable" });
  });

  it("is unavailable when nothing listens there", async () => {
    const away = open({ from: "http://127.0.0.1:1" });
    await expect(away.stream("any", 10)).rejects.toMatchObject({ code: "bucket-unavailable" });
  });

  it("is not read beyond what the reader allows, though it tells no length", async () => {
    server.answer = (_, response) => {
      response.writeHead(200); // chunked
      response.write(new Uint8Array(80));
      response.end(new Uint8Array(80));
    };
    await expect(open().get("any", 100)).rejects.toMatchObject({ code: "object-too-large" });
  });

  it.each([
    ["is a web page", "<!doctype html>", "json-invalid"],
    ["names what is no task", `{"base":"tiny","tasks":["../etc"]}`, "files-index-invalid"],
    ["names no base", `{"tasks":[]}`, "files-index-invalid"],
  ])("cannot be listed when its index %s", async (_, text, code) => {
    server.answer = (_request, response) => void response.end(text);
    await expect(open().list("tasks/")).rejects.toMatchObject({ code });
  });

  it("can be listed by tasks alone", async () => {
    await expect(open().list("blobs/")).rejects.toMatchObject({ code: "bucket-unavailable" });
  });
});
