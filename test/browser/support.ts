/** The tiny int8 base of the tests in workerd, for the tests in Chromium. */
import { inject } from "vitest";
import { wasmEngine } from "../../src/browser/worker/engines.ts";
import { clock, hold, sha256, startSha256 } from "../../src/browser/worker/host.ts";
import type { LoadedBase } from "../../src/engine/engine.ts";
import { createModelStore } from "../../src/serve/model-store.ts";
import { createMemoryStore } from "../support/memory-store.ts";
import { fromBase64 } from "../worker/fixtures.ts";

const { objects } = inject("fixtures");

/** Bytes of a fixture object. */
export const fixture = (key: string): Uint8Array => fromBase64(objects[key]!);

let loaded: Promise<LoadedBase> | undefined;

/** The base, loaded once by the engine of a page out of a bucket in memory. */
export function loadedBase(): Promise<LoadedBase> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<LoadedBase> {
  const bucket = createMemoryStore();
  for (const key of Object.keys(objects)) bucket.put(key, fixture(key));
  const engine = await wasmEngine();
  return createModelStore({ base: "pocket", bucket, clock, sha256, startSha256, engine }).get(hold);
}
