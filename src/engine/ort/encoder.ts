/** An encoder over a base's serving graph, and the engines that load that graph. */
import { buildFile, ortBuild } from "../../core/format/manifest.ts";
import type { BaseManifest } from "../../core/format/manifest.ts";
import type { States } from "../../core/model/rows.ts";
import { LAST_HIDDEN_STATE } from "../../core/model/shapes.ts";
import { toFloat32 } from "../../core/model/tensor.ts";
import type { BaseSource, Encoder, Engine } from "../engine.ts";
import type { GraphFiles, Session } from "../session.ts";
import { collate } from "./feeds.ts";
import type { FeedShape } from "./feeds.ts";

/** The encoder of a loaded serving graph. */
export function graphEncoder(session: Session, shape: FeedShape, loadedFrom = "graph"): Encoder {
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
   * Restores the session of the base whose manifest has this hash. Throws FormatError `image-invalid`, or
   * UnavailableError `runtime-failed`; a session can then still be created.
   */
  restore(image: Uint8Array, manifestSha256: string): Promise<Session>;
}

/** An engine that restores the base from its image where that can be done, and else loads its graph. */
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
      const image = await reading;
      const files = image === null ? await readGraph(base, manifest) : null;
      return async () => {
        const restored = image && (await restore(image, base.image!.manifestSha256));
        if (restored) return graphEncoder(restored, manifest.configuration, "image");
        const session = await createSession(files ?? (await readGraph(base, manifest)));
        return graphEncoder(session, manifest.configuration);
      };
    },
  };

  /** The session, or null where the image cannot be used: then the graph itself is loaded. */
  async function restore(image: Uint8Array, manifestSha256: string): Promise<Session | null> {
    try {
      return await images.restore(image, manifestSha256);
    } catch {
      return null;
    }
  }
}

/** Reads graph and weights, all at once. */
async function readGraph(base: BaseSource, manifest: BaseManifest): Promise<GraphFiles> {
  const { weights } = manifest;
  const graph = buildFile(manifest, ortBuild(manifest.dtype));
  const [bytes, ...shards] = await Promise.all([graph, ...weights].map((name) => base.file(name)));
  return { graph: bytes!, weights: new Map(weights.map((name, i) => [name, shards[i]!])) };
}
