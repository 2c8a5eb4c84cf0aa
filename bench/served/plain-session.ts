/** A graph loaded by onnxruntime-web as it comes, with what a Worker needs for that and no more. */
import wasmModule from "onnxruntime-web/ort-wasm-simd-threaded.wasm";
import { webRuntime } from "../../src/engine/ort/web.ts";
import type { Session } from "../../src/engine/session.ts";

/** Once an isolate. */
export const createPlainSession = (graph: Uint8Array): Promise<Session> =>
  webRuntime({ module: wasmModule, image: () => null }).createSession({
    graph,
    weights: new Map(),
  });
