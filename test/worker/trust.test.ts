/**
 * Signed tasks and bases in workerd over R2: what a writer of the bucket can do without the key is
 * refused, and the last good version answers meanwhile.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { baseKey, blobKey, taskKey } from "../../src/core/format/keys.ts";
import { hashOf, readBasePointer } from "../../src/core/format/pointer.ts";
import type { TaskPointer } from "../../src/core/format/pointer.ts";
import { encodeUtf8, parseJson } from "../../src/core/text.ts";
import type { BaseSource, Engine } from "../../src/engine/engine.ts";
import { r2Bucket } from "../../src/serve/bucket/r2.ts";
import { createModelStore } from "../../src/serve/model-store.ts";
import { createTrust } from "../../src/serve/trust.ts";
import { bundleBy, makeTestKey, sealedBy } from "../support/signing-keys.ts";
import type { TestKey } from "../support/signing-keys.ts";
import type { TinyTask } from "../support/tiny-task.ts";
import { testApp } from "./app-support.ts";
import type { TestApp } from "./app-support.ts";
import {
  baseManifest,
  clock,
  fixture,
  hold,
  makeTask,
  putVersion,
  r2,
  seedBases,
  sha256,
  startSha256,
} from "./support.ts";

const [owner, stranger] = [await makeTestKey(sha256), await makeTestKey(sha256)];
const [JANUARY, JUNE] = [Date.parse("2026-01-01"), Date.parse("2026-06-01")];

/** Puts a bundle over the files into the bucket, and says how a pointer names it. */
async function putBundle(by: TestKey, files: ReadonlyMap<string, string>): Promise<string> {
  const bytes = await bundleBy(by, files, sha256);
  const hash = await sha256(bytes);
  await r2.put(blobKey(hash), bytes);
  return `sha256:${hash}`;
}

const filesOf = ({ manifest, manifestSha256 }: TinyTask): Map<string, string> =>
  new Map([
    ["manifest.json", manifestSha256],
    ["prefix.safetensors", manifest.prefix.sha256],
  ]);

/** A version in the bucket, signed by a key. */
const signedVersion = async (key: TestKey, made: TinyTask) => ({
  ...(await putVersion(made)),
  signature: await putBundle(key, filesOf(made)),
});

const put = (task: string, pointer: object): Promise<unknown> =>
  r2.put(taskKey(task), encodeUtf8(JSON.stringify(pointer)));

const ask = async (app: TestApp, task: string) => {
  const response = await app.predict(task, { inputs: "film" });
  const header = (name: string): string | null => response.headers.get(name);
  return {
    status: response.status,
    version: header("x-task-version"),
    stale: header("x-task-stale"),
    code: header("x-task-stale-code"),
  };
};

beforeAll(seedBases);

describe("a signed task", () => {
  it("is answered by its last good version, marked, whatever is put over it under load", async () => {
    const task = "signed";
    const [first, second] = [await makeTask({ task, seed: 1 }), await makeTask({ task, seed: 2 })];
    const [good, other] = [await signedVersion(owner, first), await signedVersion(owner, second)];
    const bySomeone = await signedVersion(stranger, second);
    const { signature: _, ...unsigned } = other;
    const pointer = (version: TaskPointer["versions"][number]): TaskPointer => ({
      task,
      current: version.version,
      versions: [version],
      canary: null,
    });
    const now = await sealedBy(owner, pointer(good), JUNE);
    const app = await testApp({ TRUSTED_KEYS: owner.setting });
    await put(task, now);
    expect(await ask(app, task)).toMatchObject({ status: 200, stale: null });

    const attacks: [string, object][] = [
      ["signature-missing", pointer(other)],
      ["signature-key-unknown", await sealedBy(stranger, pointer(other), JUNE + 1)],
      ["signature-invalid", { ...now, current: other.version, versions: [other, good] }],
      ["pointer-replayed", await sealedBy(owner, pointer(other), JANUARY)],
      ["pointer-expired", await sealedBy(owner, pointer(other), JUNE + 1, "2026-06-02T00:00:00Z")],
      // The owner's, for a task that only has another name.
      ["pointer-invalid", await sealedBy(owner, { ...pointer(other), task: "twin" }, JUNE + 1)],
      // From here on pointers of the owner, to versions that are not: each has a higher serial.
      ["signature-missing", await sealedBy(owner, pointer(unsigned), JUNE + 2)],
      ["signature-key-unknown", await sealedBy(owner, pointer(bySomeone), JUNE + 3)],
      [
        "signature-mismatch",
        await sealedBy(owner, pointer({ ...other, signature: good.signature }), JUNE + 4),
      ],
    ];
    for (const [code, forged] of attacks) {
      await put(task, forged);
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(app, task)));
      const wanted = { status: 200, version: first.version, stale: "true", code };
      expect(answers, code).toEqual(answers.map(() => wanted));
    }
    // What the owner writes next is believed again.
    await put(task, await sealedBy(owner, pointer(other), JUNE + 5));
    expect(await ask(app, task)).toEqual({
      status: 200,
      version: second.version,
      stale: null,
      code: null,
    });
  });

  it("is told of in lists and in /readyz while it is refused", async () => {
    const made = await makeTask({ task: "told", seed: 1 });
    const version = await signedVersion(owner, made);
    const pointer = { task: "told", current: made.version, versions: [version], canary: null };
    const app = await testApp({ TRUSTED_KEYS: owner.setting });
    await put("told", await sealedBy(owner, pointer, JUNE));
    await ask(app, "told");
    await put("told", pointer);
    await ask(app, "told");
    const get = async (path: string): Promise<unknown> =>
      (await app.fetch(new Request(`https://worker${path}`))).json();
    expect(await get("/v1/tasks/told")).toMatchObject({
      is_stale: true,
      stale_code: "signature-missing",
    });
    expect(await get("/readyz")).toMatchObject({
      signatures: "on",
      refused: { "tasks/told.json": "signature-missing" },
    });
  });

  it("is not believed by a new isolate before TRUSTED_SINCE", async () => {
    const made = await makeTask({ task: "since", seed: 1 });
    const version = await signedVersion(owner, made);
    const pointer = { task: "since", current: made.version, versions: [version], canary: null };
    await put("since", await sealedBy(owner, pointer, JANUARY));
    const keys = { TRUSTED_KEYS: `${stranger.setting},${owner.setting}` }; // an overlap of two keys
    expect(await ask(await testApp(keys), "since")).toMatchObject({ status: 200 });
    const late = await testApp({ ...keys, TRUSTED_SINCE: "2026-02-01" });
    const refused = await late.predict("since", { inputs: "film" });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "pointer-replayed" });
  });

  it("does not answer by a revoked version, not even where that is in memory", async () => {
    const task = "revoked";
    const [first, second] = [await makeTask({ task, seed: 1 }), await makeTask({ task, seed: 2 })];
    const versions = [await signedVersion(owner, first), await signedVersion(owner, second)];
    const pointer = { task, current: first.version, versions, canary: null };
    const app = await testApp({ TRUSTED_KEYS: owner.setting });
    await put(task, await sealedBy(owner, pointer, JUNE));
    const pinned = () =>
      app.predict(task, { inputs: "film", parameters: { version: second.version } });
    expect((await pinned()).status).toBe(200);
    const revoked = [second.version];
    await put(task, await sealedBy(owner, { ...pointer, revoked }, JUNE + 1));
    expect(await (await pinned()).json()).toMatchObject({ code: "version-revoked" });
    expect(await ask(app, task)).toMatchObject({ version: first.version, stale: null });
  });

  it("does not answer by a revoked version where the current one is damaged", async () => {
    const task = "damaged";
    const [first, second] = [await makeTask({ task, seed: 1 }), await makeTask({ task, seed: 2 })];
    const [old, now] = [await signedVersion(owner, first), await signedVersion(owner, second)];
    const pointer = { task, current: first.version, versions: [old], canary: null };
    const app = await testApp({ TRUSTED_KEYS: owner.setting });
    await put(task, await sealedBy(owner, pointer, JUNE));
    expect(await ask(app, task)).toMatchObject({ version: first.version });
    // A writer of the bucket can do this: the old version is still in memory.
    await r2.delete(blobKey(second.manifest.prefix.sha256));
    const next = { task, current: second.version, versions: [now], canary: null };
    await put(task, await sealedBy(owner, { ...next, revoked: [first.version] }, JUNE + 1));
    expect(await ask(app, task)).toMatchObject({ status: 503, version: null });
    await putVersion(second);
    expect(await ask(app, task)).toMatchObject({ version: second.version, stale: null });
  });
});

describe("files for clients that compute by themselves", () => {
  const keys = { TRUSTED_KEYS: owner.setting };
  const statusOf = async (app: TestApp, path: string): Promise<number> => {
    const response = await app.fetch(new Request(`https://worker/files/${path}`));
    await response.arrayBuffer();
    return response.status;
  };

  it("are given out where a trusted key has sealed the pointer, and not otherwise", async () => {
    const task = "shared";
    const made = await makeTask({ task, seed: 1 });
    const version = await signedVersion(owner, made);
    const pointer = { task, current: made.version, versions: [version], canary: null };
    const [file, blob] = [`tasks/${task}.json`, blobKey(made.manifestSha256)];
    await put(task, await sealedBy(owner, pointer, JUNE));
    const app = await testApp(keys);
    expect([await statusOf(app, file), await statusOf(app, blob)]).toEqual([200, 200]);
    for (const forged of [pointer, await sealedBy(stranger, pointer, JUNE + 1)]) {
      await put(task, forged);
      const late = await testApp(keys);
      expect([await statusOf(late, file), await statusOf(late, blob)]).toEqual([503, 404]);
      expect([await statusOf(await testApp(), file)]).toEqual([200]);
    }
  });

  it("have no base whose pointer is not sealed", async () => {
    const blob = blobKey(hashOf(readBasePointer(fixture(baseKey("pocket")), "pocket").manifest));
    const app = await testApp(keys);
    expect([await statusOf(app, "bases/pocket.json"), await statusOf(app, blob)]).toEqual([
      503, 404,
    ]);
  });
});

describe("a signed base", () => {
  const bucket = r2Bucket(r2);
  const pointer = readBasePointer(fixture(baseKey("pocket")), "pocket");

  /** What an engine is given of the base in the bucket, with and without trusted keys. */
  async function sourceOf(isTrusted: boolean): Promise<BaseSource> {
    let found: BaseSource | undefined;
    const engine: Engine = {
      prepare: async (source) => {
        found = source;
        await source.manifest;
        throw new Error("seen");
      },
    } as Partial<Engine> as Engine;
    const host = { bucket, clock, sha256, startSha256, engine };
    const trust = createTrust({ ...host, keys: owner.setting, since: null });
    const more = isTrusted ? { trust } : {};
    const store = createModelStore({ base: "pocket", ...host, ...more });
    await store.get(hold).catch((error: Error) => {
      if (error.message !== "seen") throw error;
    });
    return found!;
  }

  const putBase = async (files: Map<string, string>, change: object = {}): Promise<void> => {
    const signature = await putBundle(owner, files);
    const signed = await sealedBy(owner, { ...pointer, signature, ...change }, JUNE);
    await r2.put(baseKey("pocket"), encodeUtf8(JSON.stringify(signed)));
  };

  const files = new Map([
    ["manifest.json", hashOf(pointer.manifest)],
    ...Object.entries(baseManifest().files).map(([name, ref]) => [name, ref.sha256] as const),
  ]);

  it("reaches the engine where all of its files are signed", async () => {
    await putBase(files);
    const source = await sourceOf(true);
    expect((await source.manifest).identity).toBe(baseManifest().identity);
  });

  it("gives the engine no image: swapped bytes under a hash of their own would run unnoticed", async () => {
    const bytes = encodeUtf8("not the base");
    const sha = await sha256(bytes);
    await r2.put(blobKey(sha), bytes);
    const session_image = { runtime: "0".repeat(16), sha256: sha, bytes: bytes.length };
    await putBase(files, { session_image });
    expect((await sourceOf(false)).image).not.toBeNull();
    expect((await sourceOf(true)).image).toBeNull();
  });

  it("is refused where one of its files is not signed, or its pointer is not", async () => {
    const [name] = Object.keys(baseManifest().files);
    await putBase(new Map([...files].filter(([file]) => file !== name)));
    await expect(sourceOf(true)).rejects.toMatchObject({ code: "signature-mismatch" });
    await r2.put(baseKey("pocket"), fixture(baseKey("pocket")));
    await expect(sourceOf(true)).rejects.toMatchObject({ code: "signature-missing" });
    expect(parseJson(fixture(baseKey("pocket")), "x")).not.toHaveProperty("seal");
  });
});
