/** The thread that makes one image and posts it: see make-in-thread.ts. */
import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { readBaseFolder } from "../base/folder.ts";
import { RUNTIME_IMAGE } from "./make-in-thread.ts";
import { makeRuntimeImage, makeSessionImage } from "./make.ts";

const folder = workerData as string | null;
const image =
  folder === null
    ? await makeRuntimeImage()
    : await makeSessionImage(
        await readBaseFolder(folder),
        new Uint8Array(await readFile(RUNTIME_IMAGE)),
      );
parentPort!.postMessage(image, [image.buffer as ArrayBuffer]);
