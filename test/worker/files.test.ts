/** The route /files in workerd over R2: which files a caller may read, and their ETags, ranges and caching. */
import { beforeAll, describe, expect, it } from "vitest";
import { baseKey, blobKey, taskKey } from "../../src/core/format/keys.ts";
import { hashOf, readBasePointer } from "../../src/core/format/pointer.ts";
import type { TaskPointer } from "../../src/core/format/pointer.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { httpBucket } from "../../src/serve/bucket/http.ts";
import type { TinyTask } from "../support/tiny-task.ts";
import { testApp, verdictOf } from "./app-support.ts";
import type { TestApp } from "./app-support.ts";
import {
  baseManifest,
  fixture,
  makeTask,
  putTask,
  putVersion,
  r2,
  seedBases,
  sha256,
} from "./support.ts";

/** mood: a current version, a canary and an older one; other: one version. */
let mood: readonly [TinyTask, TinyTask, TinyTask];
let other: TinyTask;
const base = baseManifest();

beforeAll(async () => {
  await seedBases();
  mood = [
    await makeTask({ task: "mood", seed: 1 }),
    await makeTask({ task: "mood", seed: 2 }),
    await makeTask({ task: "mood", seed: 3 }),
  ];
  other = await makeTask({ task: "other", seed: 4 });
  const pointer: TaskPointer = {
    task: "mood",
    current: mood[0].version,
    versions: await Promise.all(mood.map(putVersion)),
    canary: { version: mood[1].version, percent: 5 },
  };
  await r2.put(taskKey("mood"), encodeUtf8(JSON.stringify(pointer)));
  await putTask(other);
});

const get = (app: TestApp, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  app.fetch(new Request(`https://worker/files/${path}`, { headers }));

/** The status, and the code of a problem. */
async function statusOf(response: Response): Promise<string> {
  const isProblem = response.headers.get("content-type") === "application/problem+json";
  if (isProblem) return verdictOf(response);
  await response.body?.cancel();
  return String(response.status);
}

const bytesOf = async (response: Response): Promise<Uint8Array> =>
  new Uint8Array(await response.arrayBuffer());

const blobOf = ({ manifest }: TinyTask): string => blobKey(manifest.prefix.sha256);
const weights = blobKey(base.files[base.weights[0]!]!.sha256);

describe("the files of a Worker", () => {
  it("are listed with the base and the tasks", async () => {
    const response = await get(await testApp(), "index.json");
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({ base: "pocket", tasks: ["mood", "other"] });
  });

  it("are read by the bucket over HTTP, as from R2", async () => {
    const app = await testApp();
    const bucket = httpBucket({
      from: "https://worker",
      fetch: (url, { headers }) => app.fetch(new Request(url, { headers })),
      sha256,
    });
    expect(await bucket.get(baseKey("pocket"), 10_000)).toMatchObject({
      bytes: fixture(baseKey("pocket")),
    });
    expect(await bucket.get(blobOf(other), 10_000_000)).toMatchObject({ bytes: other.prefixBytes });
    expect(await bucket.get(taskKey("nosuch"), 10_000)).toBeNull();
    const keys = (await bucket.list("tasks/")).map(({ key }) => key);
    expect(keys).toEqual([taskKey("mood"), taskKey("other")]);
  });

  it("are the base's manifest and files, and those of every version of a task", async () => {
    const app = await testApp();
    const pointer = readBasePointer(fixture(baseKey("pocket")), "pocket");
    const ofBase = [
      hashOf(pointer.manifest),
      ...Object.values(base.files).map((file) => file.sha256),
    ];
    for (const hash of ofBase) expect(await statusOf(await get(app, blobKey(hash)))).toBe("200");
    for (const made of [...mood, other]) {
      expect(await bytesOf(await get(app, blobOf(made)))).toEqual(made.prefixBytes);
      const manifest = await get(app, blobKey(made.manifestSha256));
      expect(await bytesOf(manifest)).toEqual(made.manifestBytes);
    }
  });

  it("are nothing else that lies in the bucket", async () => {
    const stray = encodeUtf8("of no task");
    await r2.put(blobKey(await sha256(stray)), stray);
    await r2.put("secret.json", "{}");
    const app = await testApp();
    const image = readBasePointer(fixture(baseKey("pocket")), "pocket").session_image!;
    const others = [
      blobKey(await sha256(stray)),
      blobKey(image.sha256),
      baseKey("pocket-fp32"),
      taskKey("nosuch"),
      "tasks/mood",
      "blobs/sha256/abc",
      "blobs/sha256/..%2f..%2fsecret.json",
    ];
    for (const key of others) {
      expect(await statusOf(await get(app, key)), key).toBe("404 file-not-found");
    }
    for (const key of ["secret.json", "..%2fsecret.json", "blobs/md5/abc"]) {
      expect(await statusOf(await get(app, key)), key).toBe("404 route-not-found");
    }
  });

  it("leave with a task that is taken out of the bucket", async () => {
    const gone = await makeTask({ task: "gone", seed: 5 });
    await putTask(gone);
    const app = await testApp();
    expect(await statusOf(await get(app, blobOf(gone)))).toBe("200");
    await r2.delete(taskKey("gone"));
    expect(await statusOf(await get(app, blobOf(gone)))).toBe("404 file-not-found");
  });

  it("are not given out where that is turned off", async () => {
    const app = await testApp({ SERVE_FILES: "off" });
    for (const path of ["index.json", baseKey("pocket"), weights]) {
      expect(await statusOf(await get(app, path))).toBe("404 files-off");
    }
    const index = (await (await app.fetch(new Request("https://worker/"))).json()) as {
      routes: string[];
    };
    expect(index.routes.join()).not.toContain("/files");
  });

  it("are logged by route, like everything else", async () => {
    const app = await testApp();
    await statusOf(await get(app, weights));
    expect(app.logged.at(-1)).toMatchObject({
      route: "/files/blobs/sha256/:hash",
      status: 200,
      bytes: base.files[base.weights[0]!]!.bytes,
    });
  });
});

describe("a key", () => {
  async function lockedApp(): Promise<(path: string, key?: string) => Promise<string>> {
    const digest = (key: string): Promise<string> => sha256(encodeUtf8(key));
    const API_KEYS = [
      { name: "mood", sha256: await digest("ep_mood"), tasks: ["mood"] },
      { name: "all", sha256: await digest("ep_all") },
      { name: "ops", sha256: await digest("ep_ops"), scopes: ["admin"] },
    ];
    const app = await testApp({ API_KEYS: JSON.stringify(API_KEYS) });
    return async (path, key) =>
      statusOf(await get(app, path, key === undefined ? {} : { authorization: `Bearer ${key}` }));
  }

  it("is needed for files as for predictions", async () => {
    const ask = await lockedApp();
    for (const path of ["index.json", baseKey("pocket"), taskKey("mood"), weights]) {
      expect(await ask(path)).toBe("401 key-missing");
      expect(await ask(path, "ep_wrong")).toBe("401 key-unknown");
      expect(await ask(path, "ep_ops")).toBe("403 not-allowed");
      expect(await ask(path, "ep_all")).toBe("200");
    }
  });

  it("that is bound to tasks reads the base and those, and learns nothing of others", async () => {
    const ask = await lockedApp();
    for (const path of [baseKey("pocket"), weights, taskKey("mood"), ...mood.map(blobOf)]) {
      expect(await ask(path, "ep_mood"), path).toBe("200");
    }
    expect(await ask(taskKey("other"), "ep_mood")).toBe("403 not-allowed");
    expect(await ask(taskKey("nosuch"), "ep_mood")).toBe("403 not-allowed");
    // Another key has read the blob before: that it is known now must not show.
    expect(await ask(blobOf(other), "ep_all")).toBe("200");
    for (const hash of [other.manifest.prefix.sha256, other.manifestSha256, "0".repeat(64)]) {
      expect(await ask(blobKey(hash), "ep_mood")).toBe("404 file-not-found");
    }
  });

  it("sees its own tasks in the index, which no shared cache may keep", async () => {
    const API_KEYS = [
      { name: "mood", sha256: await sha256(encodeUtf8("ep")), tasks: ["mood", "no"] },
    ];
    const app = await testApp({ API_KEYS: JSON.stringify(API_KEYS) });
    const headers = { authorization: "Bearer ep" };
    const index = await get(app, "index.json", headers);
    expect(await index.json()).toEqual({ base: "pocket", tasks: ["mood"] });
    expect(index.headers.get("cache-control")).toBe("private, no-cache");
    const blob = await get(app, weights, { ...headers, range: "bytes=0-0" });
    expect(blob.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
    await blob.arrayBuffer();
  });
});

describe("a file that the client has", () => {
  it.each([
    ["index.json", "public, no-cache"],
    [baseKey("pocket"), "public, no-cache"],
    [taskKey("mood"), "public, no-cache"],
    [weights, "public, max-age=31536000, immutable"],
  ])("is answered with 304: %s", async (path, caching) => {
    const app = await testApp();
    const first = await get(app, path);
    await first.arrayBuffer();
    const etag = first.headers.get("etag")!;
    expect(etag).toMatch(/^"[0-9a-f]+"$/);
    expect(first.headers.get("cache-control")).toBe(caching);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await get(app, path, { "if-none-match": known });
      expect([again.status, again.headers.get("etag"), again.body]).toEqual([304, etag, null]);
      expect(again.headers.get("cache-control")).toBe(caching);
    }
    expect(await statusOf(await get(app, path, { "if-none-match": '"other"' }))).toBe("200");
  });

  it("is given anew once a push has changed its pointer", async () => {
    const app = await testApp();
    await putTask(await makeTask({ task: "moved", seed: 6 }));
    const etag = (await get(app, taskKey("moved"))).headers.get("etag")!;
    await putTask(await makeTask({ task: "moved", seed: 7 }));
    const again = await get(app, taskKey("moved"), { "if-none-match": etag });
    expect(again.status).toBe(200);
    await r2.delete(taskKey("moved"));
  });
});

describe("a range of a blob", () => {
  const whole = (): Uint8Array => fixture(weights);
  const length = fixture(weights).byteLength;

  it.each([
    ["bytes=0-9", 0, 10],
    ["bytes=5-5", 5, 6],
    [`bytes=${length - 3}-`, length - 3, length],
    ["bytes=-4", length - 4, length],
    [`bytes=-${length + 1}`, 0, length],
    [`bytes=1-${length + 100}`, 1, length],
  ])("is given alone: %s", async (range, from, to) => {
    const response = await get(await testApp(), weights, { range });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${from}-${to - 1}/${length}`);
    expect(response.headers.get("content-length")).toBe(String(to - from));
    expect(await bytesOf(response)).toEqual(whole().subarray(from, to));
  });

  it.each([`bytes=${length}-`, "bytes=-0"])("is refused behind its end: %s", async (range) => {
    const response = await get(await testApp(), weights, { range });
    expect(response.headers.get("content-range")).toBe(`bytes */${length}`);
    expect(await statusOf(response)).toBe("416 range-not-satisfiable");
  });

  // RFC 9110, section 14.2: a server may ignore the header.
  it.each(["bytes=0-1,4-5", "lines=1-2", "bytes=9-3", "bytes=-"])(
    "is the whole file where it is no single range: %s",
    async (range) => {
      const response = await get(await testApp(), weights, { range });
      expect(response.status).toBe(200);
      expect(await bytesOf(response)).toEqual(whole());
    },
  );

  it("is given only of the file that the client means", async () => {
    const app = await testApp();
    const etag = `"${base.files[base.weights[0]!]!.sha256}"`;
    const same = await get(app, weights, { range: "bytes=0-1", "if-range": etag });
    expect(await statusOf(same)).toBe("206");
    const another = await get(app, weights, { range: "bytes=0-1", "if-range": '"other"' });
    expect(await statusOf(another)).toBe("200");
  });

  it("is announced by a HEAD, which has no body", async () => {
    const app = await testApp();
    for (const [path, bytes] of [
      [weights, length],
      [baseKey("pocket"), fixture(baseKey("pocket")).byteLength],
    ] as const) {
      const request = new Request(`https://worker/files/${path}`, { method: "HEAD" });
      const response = await app.fetch(request);
      expect([response.status, response.body]).toEqual([200, null]);
      expect(response.headers.get("content-length")).toBe(String(bytes));
      expect(response.headers.get("etag")).not.toBeNull();
    }
  });
});

describe("a page of another origin", () => {
  it("reads files and their headers where its origin is allowed", async () => {
    const app = await testApp({ CORS_ORIGINS: "https://page.example" });
    const response = await get(app, "index.json", { origin: "https://page.example" });
    expect(response.headers.get("access-control-allow-origin")).toBe("https://page.example");
    const exposed = response.headers.get("access-control-expose-headers")!.split(",");
    expect(exposed).toEqual(expect.arrayContaining(["etag", "content-range", "accept-ranges"]));
  });
});
