/**
 * `npm run runtime-image`: writes the image of the installed ONNX Runtime into src/runtime. To be run
 * after every update of onnxruntime-web; a test compares the file with what this makes.
 */
import { rename, writeFile } from "node:fs/promises";
import { makeRuntimeImage } from "./make.ts";

const IMAGE = new URL("../../src/runtime/runtime-image.bin", import.meta.url);
const TEMPORARY = new URL(`${IMAGE.href}.tmp`);

const image = await makeRuntimeImage();
await writeFile(TEMPORARY, image);
await rename(TEMPORARY, IMAGE);
process.stdout.write(`${image.length} bytes\n`);
