/** A thread that makes one session image and posts it: see session-image.ts. */
import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { readBaseFolder } from "../import/base-folder.ts";
import { makeSessionImage } from "./make.ts";

const { folder, runtimeImage } = workerData as { folder: string; runtimeImage: string };
const base = await readBaseFolder(folder);
const image = await makeSessionImage(base, new Uint8Array(await readFile(new URL(runtimeImage))));
parentPort!.postMessage(image, [image.buffer as ArrayBuffer]);
