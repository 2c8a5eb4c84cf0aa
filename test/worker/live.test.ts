/**
 * Pushes, canaries and lists in workerd: over R2, and with requests that end or are cancelled while
 * others depend on what they began (every request has a context of its own, see entry.ts).
 */
import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { blobKey, taskKey } from "../../src/core/format/keys.ts";
import { readTaskPointer } from "../../src/core/format/pointer.ts";
import type { TaskPointer } from "../../src/core/format/pointer.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { r2Bucket } from "../../src/serve/bucket/r2.ts";
import type { Bucket } from "../../src/serve/bucket/bucket.ts";
import { createTaskStore } from "../../src/serve/task-store.ts";
import type { TinyTask } from "../support/tiny-task.ts";
import { predictRequest, testApp } from "./app-support.ts";
import { register } from "./entry.ts";
import {
  baseManifest,
  clock,
  makeTask,
  putTask,
  putVersion,
  r2,
  seedBases,
  sha256,
} from "./support.ts";

const self = (exports as unknown as { default: Fetcher }).default;

beforeAll(seedBases);

const versionOf = (response: Response): string | null => response.headers.get("x-task-version");

/** Makes the first version current, and another one its canary. */
async function putCanary(current: TinyTask, other: TinyTask, percent: number): Promise<void> {
  const { task } = current.manifest;
  const pointer: TaskPointer = {
    task,
    current: current.version,
    versions: [await putVersion(current), await putVersion(other)],
    canary: { version: other.version, percent },
  };
  await r2.put(taskKey(task), encodeUtf8(JSON.stringify(pointer)));
}

describe("looks at the bucket that outlive their request", () => {
  /** A store that requests share, over R2 whose blobs or pointers can be held back; time can be moved. */
  function sharedStore(task: string) {
    const state = { isHeld: "", waiting: 0, offsetMs: 0 };
    const real = r2Bucket(r2);
    const bucket: Bucket = {
      ...real,
      async get(key, ...more) {
        if (state.isHeld !== "" && key.startsWith(state.isHeld)) {
          state.waiting++;
          while (state.isHeld !== "") await clock.wait(1);
        }
        return real.get(key, ...more);
      },
    };
    const store = createTaskStore({
      bucket,
      clock: { ...clock, now: () => clock.now() + state.offsetMs },
      sha256,
      cacheBytes: 1_000_000,
      freshMs: 60_000,
      maxLagMs: 120_000,
      maxStaleMs: 600_000,
    });
    const fetch = register(self, async (_, ctx) => {
      const hold = (promise: Promise<unknown>): void => ctx.waitUntil(promise);
      const { task: opened, isStale } = await store.get(task, baseManifest(), { hold });
      return new Response(`${opened.version}${isStale ? " stale" : ""}`);
    });
    const ask = async (): Promise<string> => (await fetch("/")).text();
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await clock.wait(1);
    };
    const untilAnswer = async (wanted: string): Promise<void> => {
      while ((await ask()) !== wanted) await clock.wait(1);
    };
    return { state, fetch, ask, until, untilAnswer };
  }

  it("finish after its answer, and make the push live for the others", async () => {
    const [first, second] = [
      await makeTask({ task: "looked", seed: 1 }),
      await makeTask({ task: "looked", seed: 2 }),
    ];
    const { state, ask, until, untilAnswer } = sharedStore("looked");
    await putTask(first);
    expect(await ask()).toBe(first.version);
    await putTask(second, first);
    state.offsetMs = 60_000;
    state.isHeld = blobKey("");
    expect(await ask()).toBe(first.version); // answered, while its look goes on
    await until(() => state.waiting > 0);
    expect(await ask()).toBe(first.version);
    state.isHeld = "";
    await untilAnswer(second.version);
  });

  it("finish when the request that waits for them is cancelled, for the others that wait", async () => {
    const [first, second] = [
      await makeTask({ task: "waited", seed: 1 }),
      await makeTask({ task: "waited", seed: 2 }),
    ];
    const { state, ask, fetch, until } = sharedStore("waited");
    await putTask(first);
    expect(await ask()).toBe(first.version);
    await putTask(second, first);
    state.offsetMs = 120_000;
    state.isHeld = taskKey("waited");
    const abort = new AbortController();
    const leaving = fetch("/", { signal: abort.signal });
    await until(() => state.waiting === 1);
    const others = [ask(), ask(), ask()];
    abort.abort();
    await expect(leaving).rejects.toThrow(/abort/i);
    state.isHeld = "";
    expect(await Promise.all(others)).toEqual(Array.from({ length: 3 }, () => second.version));
    expect(state.waiting).toBe(1); // looked once
  });
});

/** A task's pointer as it is, and a way to make another of its versions current. */
async function pointerOf(task: string) {
  const pointer = readTaskPointer(
    new Uint8Array(await (await r2.get(taskKey(task)))!.arrayBuffer()),
    task,
  );
  const move = (current: string): Promise<unknown> =>
    r2.put(taskKey(task), encodeUtf8(JSON.stringify({ ...pointer, current })));
  return { pointer, move };
}

describe("a push under traffic", () => {
  it("fails no request and mixes no two versions", async () => {
    const versions = await Promise.all(
      Array.from({ length: 4 }, (_, seed) => makeTask({ task: "busy", seed: seed + 1 })),
    );
    const app = await testApp({ TASK_FRESH_MS: 5, TASK_MAX_LAG_MS: 20 });
    // What each version answers, asked by its name.
    const expected = new Map<string, string>();
    await putTask(versions[0]!, ...versions.slice(1));
    const { pointer, move } = await pointerOf("busy");
    for (const { version } of versions) {
      const pinned = await app.predict("busy", { inputs: "film", parameters: { version } });
      expect(versionOf(pinned)).toBe(version);
      expected.set(version, await pinned.text());
    }
    expect(new Set(expected.values()).size).toBe(versions.length);
    const seen: string[] = [];
    const traffic = { isOver: false };
    const client = async (): Promise<void> => {
      while (!traffic.isOver) {
        const response = await app.predict("busy", { inputs: "film" });
        expect(response.status).toBe(200);
        const version = versionOf(response)!;
        expect(await response.text()).toBe(expected.get(version));
        seen.push(version);
      }
    };
    const clients = Array.from({ length: 3 }, client);
    for (const { version } of pointer.versions) {
      await move(version);
      while (seen.at(-1) !== version) await clock.wait(1);
    }
    traffic.isOver = true;
    await Promise.all(clients);
    expect(new Set(seen)).toEqual(new Set(expected.keys()));
  });
});

describe("a task that is taken down", () => {
  it("is a 404 once its pointer is looked at, in all routes, while other tasks go on", async () => {
    const [leaving, staying] = [
      await makeTask({ task: "leaving" }),
      await makeTask({ task: "staying" }),
    ];
    await putTask(leaving);
    await putTask(staying);
    const app = await testApp({ TASK_FRESH_MS: 5, TASK_MAX_LAG_MS: 20 });
    const statusOf = async (task: string): Promise<number> => {
      const response = await app.predict(task, { inputs: "film" });
      await response.body?.cancel();
      return response.status;
    };
    expect(await statusOf("leaving")).toBe(200);
    await r2.delete(taskKey("leaving"));
    while ((await statusOf("leaving")) === 200) await clock.wait(1);

    const gone = await app.predict("leaving", { inputs: "film" });
    expect(gone.status).toBe(404);
    expect(await gone.json()).toMatchObject({ code: "task-not-found" });
    // A version that is in memory is no way around it.
    const pinned = { inputs: "film", parameters: { version: leaving.version } };
    expect((await app.predict("leaving", pinned)).status).toBe(404);
    const described = await app.fetch(new Request("https://worker/v1/tasks/leaving"));
    expect(described.status).toBe(404);
    const listed = await app.fetch(new Request("https://worker/v1/tasks?limit=100"));
    const { tasks } = (await listed.json()) as { tasks: { task: string }[] };
    expect(tasks.map(({ task }) => task)).not.toContain("leaving");
    expect(await statusOf("staying")).toBe(200);

    await putTask(leaving);
    while ((await statusOf("leaving")) === 404) await clock.wait(1);
    expect(await statusOf("leaving")).toBe(200);
  });
});

describe("a canary", () => {
  it("is sticky by x-canary-key, and drawn by request without one", async () => {
    const [current, other] = [
      await makeTask({ task: "drawn", seed: 1 }),
      await makeTask({ task: "drawn", seed: 2 }),
    ];
    await putCanary(current, other, 50);
    const app = await testApp();
    const ask = async (key?: string): Promise<string | null> => {
      const request = predictRequest("drawn", { inputs: "film" });
      if (key !== undefined) request.headers.set("x-canary-key", key);
      const response = await app.fetch(request);
      expect(response.status).toBe(200);
      return versionOf(response);
    };
    const both = new Set([current.version, other.version]);
    const keys = Array.from({ length: 16 }, (_, i) => `user ${i}`);
    const drawn = await Promise.all(keys.map(ask));
    expect(new Set(drawn)).toEqual(both);
    expect(await Promise.all(keys.map(ask))).toEqual(drawn);
    // 32 requests that all fall on one side of a fair coin are one case in two thousand million.
    expect(new Set(await Promise.all(Array.from({ length: 32 }, () => ask())))).toEqual(both);
  });

  it("is the same for a task's own route and for a mixed call, and yields to a pin", async () => {
    const [current, other] = [
      await makeTask({ task: "pinned", seed: 1 }),
      await makeTask({ task: "pinned", seed: 2 }),
    ];
    await putCanary(current, other, 100);
    const app = await testApp();
    expect(versionOf(await app.predict("pinned", { inputs: "film" }))).toBe(other.version);
    const mixed = await app.fetch(
      new Request("https://worker/v1/predict", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          items: [
            { task: "pinned", inputs: "film" },
            { task: "pinned", inputs: "film", parameters: { version: current.version } },
          ],
        }),
      }),
    );
    const { results } = (await mixed.json()) as { results: { version: string }[] };
    expect(results.map(({ version }) => version)).toEqual([other.version, current.version]);
    const url = `https://worker/v1/tasks/pinned/predict?version=${current.version}`;
    const request = new Request(url, predictRequest("pinned", { inputs: "film" }));
    expect(versionOf(await app.fetch(request))).toBe(current.version);
  });
});

describe("the list of tasks", () => {
  it("goes page by page, tells a canary, and opens no prefix", async () => {
    for (let i = 0; i < 7; i++) await putTask(await makeTask({ task: `zz-page-${i}`, seed: i }));
    await putCanary(
      await makeTask({ task: "zz-page-3", seed: 3 }),
      await makeTask({ task: "zz-page-3", seed: 33 }),
      5,
    );
    const app = await testApp();
    type Page = { tasks: { task: string; canary?: { percent: number } }[]; cursor?: string };
    const page = async (query: string): Promise<Page> =>
      (await app.fetch(new Request(`https://worker/v1/tasks?${query}`))).json();
    const seen: string[] = [];
    for (let cursor: string | undefined = "zz-a"; cursor !== undefined;) {
      const found: Page = await page(`limit=3&cursor=${cursor}`);
      expect(found.tasks.length).toBeLessThanOrEqual(3);
      seen.push(...found.tasks.map(({ task }) => task));
      ({ cursor } = found);
    }
    expect(seen).toEqual(Array.from({ length: 7 }, (_, i) => `zz-page-${i}`));
    const [third] = (await page("limit=1&cursor=zz-page-2")).tasks;
    expect(third).toMatchObject({ task: "zz-page-3", canary: { percent: 5 } });
  });

  it.each(["limit=0", "limit=1000", "limit=many", "cursor=../x"])("refuses %s", async (query) => {
    const app = await testApp();
    const response = await app.fetch(new Request(`https://worker/v1/tasks?${query}`));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "parameter-invalid" });
  });

  it("shows one task with its version in the header", async () => {
    const made = await makeTask({ task: "shown" });
    await putTask(made);
    const app = await testApp();
    const response = await app.fetch(new Request("https://worker/v1/tasks/shown"));
    expect(versionOf(response)).toBe(made.version);
    await response.body?.cancel();
  });
});
