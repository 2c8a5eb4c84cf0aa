/** The session images of base folders, as a push and a start publish them. */
import { readFile } from "node:fs/promises";
import { FormatError } from "../../src/core/errors.ts";
import { MAX_IMAGE_BYTES } from "../../src/core/format/pointer.ts";
import { readRuntimeImage } from "../../src/engine/ort/images/start.ts";
import type { ImageMaker } from "../publish/publish-base.ts";
import { RUNTIME_IMAGE, makeInThread } from "./make-in-thread.ts";

/** Makes session images for this project's Worker. */
export async function sessionImages(): Promise<ImageMaker> {
  const { id } = readRuntimeImage(new Uint8Array(await readFile(RUNTIME_IMAGE)));
  return { runtime: id, make: makeImageOf };
}

/**
 * Loads the base as the Worker does and returns what the runtime then has in memory; null when that
 * is more than an isolate holds. Throws FormatError `graph-invalid` when the base cannot be loaded.
 */
async function makeImageOf(folder: string): Promise<Uint8Array | null> {
  try {
    const bytes = await makeInThread(folder);
    return bytes.byteLength > MAX_IMAGE_BYTES ? null : bytes;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError("graph-invalid", `base ${folder}: cannot be loaded (${reason})`, {
      cause,
    });
  }
}
