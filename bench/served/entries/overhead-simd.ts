/** What requests cost over their runs, with our own kernels. */
import { openSimd } from "../../../src/engine/simd/workerd.ts";
import { overheadWorker } from "./overhead.ts";

export default overheadWorker(openSimd);
