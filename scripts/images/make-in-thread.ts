/**
 * Images are made in a thread of their own: the runtime starts once a thread, changes globals while it
 * does, and gives its memory back only with the thread.
 */
import { Worker } from "node:worker_threads";

/** Part of the Worker; `npm run runtime-image` writes it. */
export const RUNTIME_IMAGE = new URL(
  "../../src/engine/ort/images/runtime-image.bin",
  import.meta.url,
);

/** The thread's file has this file's extension, built or not. */
const THREAD = new URL(
  import.meta.url.endsWith(".ts") ? "thread.ts" : "thread.js",
  import.meta.url,
);

/**
 * The image of the base in `folder`, on top of RUNTIME_IMAGE (about a second), or, for null, of the
 * installed runtime alone. Throws whatever was thrown there.
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
