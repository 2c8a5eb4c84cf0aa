/** What runs of training need of this machine, whatever computes them. */
import type { Runtimes } from "../../../src/learn/task/runtimes.ts";
import { servingBuild } from "../../../src/engine/simd/serving-engine.ts";
import { sha256 } from "../../node/hash.ts";

export const NODE_HOST: Pick<Runtimes, "servingBuild" | "sha256"> = { servingBuild, sha256 };
