/** Arranges a bucket and the serving parts around it, for tests that run in workerd. */
import { env } from "cloudflare:workers";
import { inject } from "vitest";
import { baseKey, blobKey, taskKey } from "../../src/core/format/keys.ts";
import { readBaseManifest } from "../../src/core/format/manifest.ts";
import type { BaseManifest, Sha256 } from "../../src/core/format/manifest.ts";
import { hashOf, readBasePointer } from "../../src/core/format/pointer.ts";
import type { TaskPointer } from "../../src/core/format/pointer.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { workerdEngine } from "../../src/engine/ort/workerd.ts";
import { openSimd } from "../../src/engine/simd/workerd.ts";
import { r2Bucket } from "../../src/serve/bucket/r2.ts";
import { startSha256 } from "../../src/serve/sha256.ts";
import type { Hold } from "../../src/serve/flight.ts";
import type { Clock } from "../../src/core/clock.ts";
import { createModelStore } from "../../src/serve/model-store.ts";
import type { LoadedBase } from "../../src/engine/engine.ts";
import { makeTinyTask } from "../support/tiny-task.ts";
import type { TinyTask, TinyTaskOptions } from "../support/tiny-task.ts";
import { fromBase64 } from "./fixtures.ts";

/** The real bucket of the Worker under test. */
export const r2 = (env as unknown as { BUCKET: R2Bucket }).BUCKET;

export const clock: Clock = { now: () => Date.now(), wait: (ms) => scheduler.wait(ms) };

/** A test outlives what it starts, so nothing needs holding. */
export const hold: Hold = () => {};

export const sha256: Sha256 = async (bytes) =>
  [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");

export { startSha256 };

const objects = inject("fixtures").objects;

/** Bytes of a fixture object. */
export const fixture = (key: string): Uint8Array => fromBase64(objects[key]!);

/** Puts the bases "pocket" and "pocket-fp32" into the bucket. */
export async function seedBases(): Promise<void> {
  await Promise.all(Object.keys(objects).map((key) => r2.put(key, fixture(key))));
}

const readManifest = (name: string): Promise<BaseManifest> => {
  const pointer = readBasePointer(fixture(baseKey(name)), baseKey(name));
  return readBaseManifest(fixture(blobKey(hashOf(pointer.manifest))), sha256);
};

const manifests = {
  pocket: await readManifest("pocket"),
  "pocket-fp32": await readManifest("pocket-fp32"),
};

/** The manifest of a fixture base. */
export const baseManifest = (name: keyof typeof manifests = "pocket"): BaseManifest =>
  manifests[name];

/** Fixture bases whose session was restored; an isolate can restore only one, its first. */
export const restoredBases: string[] = [];

const loaded = new Map<string, Promise<LoadedBase>>();

/** The engines under test. Our own kernels may have what an isolate has. */
export const ENGINES = { web: workerdEngine, simd: openSimd(128_000_000) };

/** A fixture base with a real encoder: one per isolate, since memory is not always given back. */
export function loadedBase(
  name = "pocket",
  engine: keyof typeof ENGINES = "web",
): Promise<LoadedBase> {
  const load = async (): Promise<LoadedBase> => {
    await seedBases();
    const models = createModelStore({
      base: name,
      bucket: r2Bucket(r2),
      clock,
      sha256,
      startSha256,
      engine: ENGINES[engine],
    });
    const base = await models.get(hold);
    if (base.encoder.loadedFrom === "image") restoredBases.push(name);
    return base;
  };
  const key = `${name}, ${engine}`;
  const base = loaded.get(key) ?? load();
  loaded.set(key, base);
  return base;
}

/** Makes a task for a fixture base. */
export const makeTask = (options: TinyTaskOptions, base = baseManifest()): Promise<TinyTask> =>
  makeTinyTask(base, options, sha256);

/** Puts the blobs of a version into the bucket, and says how the pointer names it. */
export async function putVersion(made: TinyTask): Promise<TaskPointer["versions"][number]> {
  await r2.put(blobKey(made.manifest.prefix.sha256), made.prefixBytes);
  await r2.put(blobKey(made.manifestSha256), made.manifestBytes);
  return {
    version: made.version,
    manifest: `sha256:${made.manifestSha256}`,
    created: made.manifest.created,
  };
}

/** Publishes versions of one task, the first of them current. */
export async function putTask(...made: readonly [TinyTask, ...TinyTask[]]): Promise<void> {
  const { task } = made[0].manifest;
  const pointer: TaskPointer = {
    task,
    current: made[0].version,
    versions: await Promise.all(made.map(putVersion)),
    canary: null,
  };
  await r2.put(taskKey(task), encodeUtf8(JSON.stringify(pointer)));
}
