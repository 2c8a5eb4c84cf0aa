/** The engine that runs a base's weights on a GPU, by any ONNX Runtime that creates the session. */
import type { BaseSource, Engine } from "../../engine.ts";
import type { GraphFiles, Session } from "../../session.ts";
import { gpuEncoder } from "./encoder.ts";
import { gpuGraph } from "./graph.ts";

/**
 * The graph is built when the base is loaded, from the same files that the wasm engine reads. Loading
 * throws FormatError `engine-unsupported` or `weights-invalid`, and what `createSession` throws.
 */
export function gpuEngine(createSession: (files: GraphFiles) => Promise<Session>): Engine {
  return {
    async prepare(base) {
      const manifest = await base.manifest;
      const shards = await readShards(base, manifest.weights);
      return async () =>
        gpuEncoder(await createSession(gpuGraph(manifest, shards)), manifest.configuration);
    },
  };
}

/** Reads the weight files, all at once. */
async function readShards(
  base: BaseSource,
  names: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = await Promise.all(names.map((name) => base.file(name)));
  return new Map(names.map((name, i) => [name, files[i]!]));
}
