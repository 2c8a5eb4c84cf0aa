/** The request path in Chromium: the cases of Node and workerd. */
import { clock, sha256 } from "../../src/browser/worker/host.ts";
import { predictorCases } from "../cases/predictor.cases.ts";
import { loadedBase } from "./support.ts";

predictorCases("Chromium, our own kernels", { base: loadedBase, clock, sha256, tolerance: 0 });
