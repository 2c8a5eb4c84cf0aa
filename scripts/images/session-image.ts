/**
 * The session image of a base folder, made in a thread of its own: the runtime starts once a thread,
 * changes globals while it does, and gives its memory back only with the thread.
 */
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { FormatError } from "../../src/core/errors.ts";
import { MAX_IMAGE_BYTES } from "../../src/core/pointer.ts";
import { readRuntimeImage } from "../../src/runtime/start.ts";
import type { ImageMaker } from "../publish/publish-base.ts";

/** Part of the Worker; `npm run runtime-image` writes it. */
const RUNTIME_IMAGE = new URL("../../src/runtime/runtime-image.bin", import.meta.url);

/** Makes session images for this project's Worker. */
export async function sessionImages(): Promise<ImageMaker> {
  const { id } = readRuntimeImage(new Uint8Array(await readFile(RUNTIME_IMAGE)));
  return { runtime: id, make: makeImageOf };
}

/**
 * Loads the base as the Worker does and returns what the runtime then has in memory (about a second);
 * null when that is more than an isolate holds. Throws FormatError `graph-invalid` when the base
 * cannot be loaded.
 */
async function makeImageOf(folder: string): Promise<Uint8Array | null> {
  const thread = new Worker(new URL("make-in-thread.ts", import.meta.url), {
    workerData: { folder, runtimeImage: RUNTIME_IMAGE.href },
  });
  try {
    const bytes = await new Promise<Uint8Array>((resolve, reject) => {
      thread.once("message", resolve);
      thread.once("error", reject);
    });
    return bytes.byteLength > MAX_IMAGE_BYTES ? null : bytes;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError("graph-invalid", `base ${folder}: cannot be loaded (${reason})`, {
      cause,
    });
  } finally {
    await thread.terminate();
  }
}
