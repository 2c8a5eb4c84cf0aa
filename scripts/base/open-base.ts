/**
 * Bases from folders or from memory, in the very shape that the Worker gets from its bucket, so that
 * the command line answers through the same code.
 */
import type { Base } from "../../src/encoder/base.ts";
import { load, withEncoder } from "../../src/encoder/loaded-base.ts";
import type { Encoder, LoadedBase } from "../../src/engine/engine.ts";
import { readBaseFolder } from "./base-folder.ts";
import { namedRuntime } from "./runtimes.ts";
import type { Runtime } from "./runtimes.ts";

/** Opens a base folder on a runtime. Every file is checked against its manifest. */
export async function openBaseFolder(dir: string, runtime: Runtime): Promise<LoadedBase> {
  return openBase(await readBaseFolder(dir), runtime);
}

/** Opens a base that is already in memory. */
export async function openBase(base: Base, runtime: Runtime): Promise<LoadedBase> {
  return withEncoder(base, await loadEncoder(base, runtime));
}

/** Loads a base in memory on a runtime, which is itself loaded only now: a verb needs but one of them. */
export async function loadEncoder(base: Base, runtime: Runtime): Promise<Encoder> {
  const named = namedRuntime(runtime, base.manifest);
  switch (named) {
    case "web":
      return load((await import("../node/runtime-web.ts")).webEngine, base);
    case "node":
      return load((await import("../node/runtime-node.ts")).nodeEngine(), base);
    case "simd":
      return load((await import("../node/runtime-simd.ts")).simdNodeEngine, base);
    default:
      return named satisfies never;
  }
}
