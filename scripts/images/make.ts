/**
 * Makes the images that a Worker starts from (src/engine/ort/images). Each is made in a thread of its
 * own: the runtime starts once a thread, changes globals while it does, and gives its memory back
 * only with the thread.
 *
 * `npm run runtime-image` runs this file and writes the image of the installed ONNX Runtime. To be run
 * after every update of onnxruntime-web; a test compares the file with what this makes.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { FormatError } from "../../src/core/errors.ts";
import { MAX_IMAGE_BYTES } from "../../src/core/format/pointer.ts";
import { readRuntimeImage, readSessionImage } from "../../src/engine/ort/images/start.ts";
import { writeWhole } from "../node/files.ts";
import type { ImageMaker } from "../publish/publish-base.ts";

/** Part of the Worker. */
export const RUNTIME_IMAGE = new URL(
  "../../src/engine/ort/images/runtime-image.bin",
  import.meta.url,
);

/** The thread's file has this file's extension, built or not. */
const THREAD = new URL(
  import.meta.url.endsWith(".ts") ? "thread.ts" : "thread.js",
  import.meta.url,
);

/** Makes session images for this project's Worker. */
export async function sessionImages(): Promise<ImageMaker> {
  const { id } = readRuntimeImage(new Uint8Array(await readFile(RUNTIME_IMAGE)));
  return { runtime: id, make: makeImageOf };
}

/** The maker for a Worker by this engine; the default engine reads weights, and needs no images. */
export const imagesFor = async (engine: string | undefined): Promise<ImageMaker | undefined> =>
  engine === "onnxruntime" ? sessionImages() : undefined;

/**
 * Loads the base as the Worker does and returns what the runtime then has in memory; null when that
 * is more than an isolate holds. Throws FormatError `graph-invalid` when the base cannot be loaded.
 */
async function makeImageOf(folder: string): Promise<Uint8Array | null> {
  let bytes: Uint8Array;
  try {
    bytes = await makeInThread(folder);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError("graph-invalid", `base ${folder}: cannot be loaded (${reason})`, {
      cause,
    });
  }
  if (bytes.byteLength > MAX_IMAGE_BYTES) return null;
  return readSessionImage(bytes).memory.memoryBytes > MAX_IMAGE_BYTES ? null : bytes;
}

/**
 * The image of the base in `folder`, on top of RUNTIME_IMAGE (about a second), or, for null, of the
 * installed runtime alone. Throws whatever was thrown in the thread.
 */
export async function makeInThread(folder: string | null): Promise<Uint8Array> {
  const thread = new Worker(THREAD, { workerData: folder });
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      thread.once("message", resolve);
      thread.once("error", reject);
      thread.once("exit", (code) => reject(new Error(`the thread ended with ${code}`)));
    });
  } finally {
    await thread.terminate();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const image = await makeInThread(null);
  await writeWhole(fileURLToPath(RUNTIME_IMAGE), image);
  process.stdout.write(`${image.length} bytes\n`);
}
