/** `npm run kernels`: compiles the kernels of the engine to the file that the repository keeps. */
import { writeFileSync } from "node:fs";
import { KERNELS_WASM, compileKernels } from "./kernels/compile.ts";

const wasm = await compileKernels();
writeFileSync(KERNELS_WASM, wasm);
console.log(`${KERNELS_WASM}: ${wasm.byteLength} bytes`);
