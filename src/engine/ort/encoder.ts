/** An encoder over a base's serving graph, and the engines that load that graph. */
import type { BaseConfiguration } from "../../core/format/configuration.ts";
import { buildFile, ortBuild } from "../../core/format/manifest.ts";
import type { BaseManifest } from "../../core/format/manifest.ts";
import type { States } from "../../core/model/rows.ts";
import { LAST_HIDDEN_STATE, LORA_A } from "../../core/model/shapes.ts";
import { toFloat32 } from "../../core/model/tensor.ts";
import { architectureOf } from "../../encoder/families/families.ts";
import { lowRankLinears } from "../../encoder/forms/low-rank.ts";
import type { BaseSource, Encoder, Engine } from "../engine.ts";
import type { GraphFiles, Session } from "../session.ts";
import { collate } from "./feeds.ts";
import type { ChangedLinear } from "./low-rank.ts";
import { checkStates } from "./images/check.ts";

/** The encoder of a loaded serving graph. */
export function graphEncoder(
  session: Session,
  configuration: BaseConfiguration,
  loadedFrom = "graph",
): Encoder {
  const shape = { ...configuration, linears: linearsOf(session, configuration) };
  return {
    loadedFrom,
    memoryBytes: () => session.heapBytes(),
    release: () => session.release(),
    async encode(rows, queries) {
      const outputs = await session.run(collate(rows, shape, queries), [LAST_HIDDEN_STATE]);
      const states = outputs[LAST_HIDDEN_STATE]!;
      return { dims: states.dims as States["dims"], values: toFloat32(states) };
    },
  };
}

/** The linears whose low-rank changes the graph takes; null for one that was made without them. */
function linearsOf(session: Session, configuration: BaseConfiguration): ChangedLinear[] | null {
  if (!session.inputs.includes(LORA_A)) return null;
  return lowRankLinears(architectureOf(configuration).readConfig(configuration));
}

/** An engine that creates a session from the base's graph. */
export function graphEngine(createSession: (files: GraphFiles) => Promise<Session>): Engine {
  return {
    async prepare(base) {
      const manifest = await base.manifest;
      const files = await readGraph(base, manifest);
      return async () => graphEncoder(await createSession(files), manifest.configuration);
    },
  };
}

/** How a host restores a session from an image of the runtime's memory (images/start.ts). */
export interface SessionImages {
  /** Whether a session can be restored here and now from an image made on runtime image `runtime`. */
  fits(runtime: string): boolean;
  /**
   * Restores the session of the base whose manifest has this hash, and says what its states are to
   * be (images/check.ts). Throws FormatError `image-invalid`, or UnavailableError `runtime-failed`.
   */
  restore(
    image: Uint8Array,
    manifestSha256: string,
  ): Promise<{ readonly session: Session; readonly states: number }>;
  /** Ends a restore: the session is kept, or what was written is taken back and one can be created. */
  endRestore(isKept: boolean): void;
}

/**
 * An engine that restores the base from its image where that can be done, and else loads its graph.
 * A restored session is used only if it computes what the image says.
 */
export function imageEngine(
  createSession: (files: GraphFiles) => Promise<Session>,
  images: SessionImages,
): Engine {
  return {
    async prepare(base) {
      // The image is the largest file of all, so it does not wait for the manifest.
      const isUsable = base.image !== null && images.fits(base.image.runtime);
      const reading = isUsable ? base.image!.read().catch(() => null) : null;
      const manifest = await base.manifest;
      const { configuration } = manifest;
      const image = await reading;
      const files = image === null ? await readGraph(base, manifest) : null;
      return async () => {
        const { manifestSha256 = "" } = base.image ?? {};
        const restored = image && (await restore(image, manifestSha256, configuration));
        if (restored) return restored;
        const session = await createSession(files ?? (await readGraph(base, manifest)));
        return graphEncoder(session, configuration);
      };
    },
  };

  /** The encoder, or null where the image cannot be used: then the graph itself is loaded. */
  async function restore(
    image: Uint8Array,
    manifestSha256: string,
    configuration: BaseConfiguration,
  ): Promise<Encoder | null> {
    let encoder: Encoder | null = null;
    try {
      const { session, states } = await images.restore(image, manifestSha256);
      const restored = graphEncoder(session, configuration, "image");
      if ((await checkStates(restored, configuration)) === states) encoder = restored;
    } catch {
      // A damaged image fails in many ways; none of them is the base's own.
    }
    images.endRestore(encoder !== null);
    return encoder;
  }
}

/** Reads graph and weights, all at once. */
async function readGraph(base: BaseSource, manifest: BaseManifest): Promise<GraphFiles> {
  const { weights } = manifest;
  const graph = buildFile(manifest, ortBuild(manifest.dtype));
  const [bytes, ...shards] = await Promise.all([graph, ...weights].map((name) => base.file(name)));
  return { graph: bytes!, weights: new Map(weights.map((name, i) => [name, shards[i]!])) };
}
