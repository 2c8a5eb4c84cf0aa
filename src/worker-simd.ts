/** Worker entry with our own kernels: `export { default } from "edge-prefix/worker/simd"`. */
import { openSimd } from "./engine/simd/workerd.ts";
import { workerOf } from "./worker.ts";

export default workerOf(openSimd);
