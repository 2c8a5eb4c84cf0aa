/** The request path in workerd, for both kinds of bases and both engines. */
import { predictorCases } from "../cases/predictor.cases.ts";
import { clock, loadedBase, sha256 } from "./support.ts";

for (const [base, engine, tolerance] of [
  ["pocket", "web", 1e-5],
  ["pocket-fp32", "web", 1e-5],
  ["pocket", "simd", 0],
] as const) {
  predictorCases(`workerd, ${engine}, ${base}`, {
    base: () => loadedBase(base, engine),
    clock,
    sha256,
    tolerance,
  });
}
