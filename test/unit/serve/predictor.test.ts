/** The request path in Node, by both engines that serve, for both kinds of bases. */
import { setImmediate } from "node:timers/promises";
import { openBase } from "../../../scripts/base/open-base.ts";
import { sha256 } from "../../../scripts/node/hash.ts";
import { predictorCases } from "../../cases/predictor.cases.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

for (const [dtype, runtime, tolerance] of [
  ["fp32", "web", 1e-5],
  // Attention columns are padded, so that even a quantized row rounds the same alone and in a batch.
  ["int8", "web", 1e-5],
  ["int8", "simd", 0],
] as const) {
  predictorCases(`${runtime} in Node, ${dtype}`, {
    base: async () => openBase(await makeTinyBase({ dtype, seed: 1 }), runtime),
    clock: { now: () => performance.now(), wait: () => setImmediate() },
    sha256,
    tolerance,
  });
}
