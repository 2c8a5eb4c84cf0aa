/** The request path in workerd, for both kinds of bases. */
import { predictorCases } from "../cases/predictor.cases.ts";
import { clock, loadedBase, sha256 } from "./support.ts";

for (const base of ["pocket", "pocket-fp32"]) {
  predictorCases(`workerd, ${base}`, {
    base: () => loadedBase(base),
    clock,
    sha256,
    tolerance: 1e-5,
  });
}
