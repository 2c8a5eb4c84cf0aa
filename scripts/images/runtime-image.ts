/**
 * `npm run runtime-image`: writes the image of the installed ONNX Runtime into src/runtime. To be run
 * after every update of onnxruntime-web; a test compares the file with what this makes.
 */
import { rename, writeFile } from "node:fs/promises";
import { RUNTIME_IMAGE, makeInThread } from "./make-in-thread.ts";

const TEMPORARY = new URL(`${RUNTIME_IMAGE.href}.tmp`);

const image = await makeInThread(null);
await writeFile(TEMPORARY, image);
await rename(TEMPORARY, RUNTIME_IMAGE);
process.stdout.write(`${image.length} bytes\n`);
