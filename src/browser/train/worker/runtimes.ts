/**
 * What trains and measures in a page: onnxruntime-web's wasm build for the training graph, and for
 * answers what serves. Both give the page's Web Worker a turn after each run, in which it hears of a stop.
 */
import type { BaseManifest } from "../../../core/format/manifest.ts";
import { servingBuild, servingEngine } from "../../../engine/simd/serving-engine.ts";
import type { Base } from "../../../encoder/base.ts";
import { load, withEncoder } from "../../../encoder/loaded-base.ts";
import type { Encoder, Engine, LoadedBase } from "../../../engine/engine.ts";
import { graphEngine } from "../../../engine/ort/encoder.ts";
import type { GraphFiles, Session } from "../../../engine/session.ts";
import type { Runtimes } from "../../../learn/task/runtimes.ts";
import { wasmEngine } from "../../worker/engines.ts";
import { clock, sha256 } from "../../worker/host.ts";

export interface PageRuntimes extends Runtimes {
  /** The base as it answers: loaded once, for all runs of this page. */
  readonly answering: () => Promise<LoadedBase>;
}

/** The runtimes over a base; ONNX Runtime is loaded from `runtimeUrl` when the first graph is. */
export function pageRuntimes(base: Base, runtimeUrl: string): PageRuntimes {
  async function createSession(files: GraphFiles): Promise<Session> {
    const { createWasmSession, readRuntimeFrom } =
      await import("../../../engine/ort/wasm-sessions.ts");
    readRuntimeFrom(runtimeUrl);
    const session = await createWasmSession(files);
    return {
      ...session,
      async run(feeds, fetches) {
        const outputs = await session.run(feeds, fetches);
        await clock.wait(0);
        return outputs;
      },
    };
  }
  const engineFor = async (manifest: BaseManifest): Promise<Engine> =>
    servingEngine(manifest) === "simd" ? wasmEngine() : graphEngine(createSession);

  let loading: Promise<LoadedBase> | undefined;
  const answering = (): Promise<LoadedBase> =>
    (loading ??= engineFor(base.manifest)
      .then((engine) => load(engine, base))
      .then((encoder) => withEncoder(base, withTurns(encoder))));
  return {
    answering,
    createSession,
    openBase: answering,
    servingBuild,
    sha256,
  };
}

/** An encoder that outlives a run: it is released with the Web Worker. */
const withTurns = (encoder: Encoder): Encoder => ({
  loadedFrom: encoder.loadedFrom,
  memoryBytes: () => encoder.memoryBytes(),
  release: () => Promise.resolve(),
  async encode(rows, queries) {
    const states = await encoder.encode(rows, queries);
    await clock.wait(0);
    return states;
  },
});
