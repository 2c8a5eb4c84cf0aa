/**
 * The kernels of the engine, in AssemblyScript: what ../kernels.ts declares and describes. Built to
 * ../kernels.wasm by `npm run kernels`, which first writes out loops over names that begin with $
 * (scripts/dev/kernels/unroll.ts).
 */
export { activate, gate } from "./activation";
export { attention } from "./attention";
export { lookUp } from "./look-up";
export { addByRank, reduceRank } from "./low-rank";
export { multiply, pack } from "./multiply";
export { norm } from "./norm";
export { quantizeRows } from "./quantize";
export { rotate } from "./rotary";
export { add, addScaled } from "./sums";

/** The first byte behind what the kernels keep in memory. */
export const heapBase: usize = __heap_base;
