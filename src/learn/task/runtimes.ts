/** What a run of training needs of the world: two runtimes, and hashes. */
import type { BaseManifest, BuildName, Sha256 } from "../../core/format/manifest.ts";
import type { Base } from "../../encoder/base.ts";
import type { LoadedBase } from "../../engine/engine.ts";
import type { GraphFiles, Session } from "../../engine/session.ts";

export interface Runtimes {
  /** For the training graph; natively where that can be. */
  readonly createSession: (files: GraphFiles) => Promise<Session>;
  /** The base as it answers: quickly ("node") between epochs, by what serves at the end. */
  readonly openBase: (base: Base, runtime: "serving" | "node") => Promise<LoadedBase>;
  /** What serves a base, and so measures its tasks. */
  readonly servingBuild: (base: BaseManifest) => BuildName;
  readonly sha256: Sha256;
}
