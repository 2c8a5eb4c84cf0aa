/** A graph loaded by onnxruntime-web as it comes, with what a Worker needs for that and no more. */
import wasmModule from "onnxruntime-web/ort-wasm-simd-threaded.wasm";
import { WASM_SESSION, configure, wrapSession } from "../../src/engine/ort/session.ts";
import type { Session } from "../../src/engine/session.ts";

/** Once an isolate. */
export async function createPlainSession(graph: Uint8Array): Promise<Session> {
  const ort = await import("onnxruntime-web/wasm");
  configure(ort.env);
  ort.env.wasm.wasmBinary = new ArrayBuffer(8);
  const original = WebAssembly.instantiate;
  const replacement = async (_: unknown, imports: WebAssembly.Imports) => ({
    instance: await original(wasmModule, imports),
    module: wasmModule,
  });
  WebAssembly.instantiate = replacement as unknown as typeof WebAssembly.instantiate;
  try {
    const session = await ort.InferenceSession.create(graph, WASM_SESSION);
    return wrapSession(session, { Tensor: ort.Tensor, heapBytes: () => 0 });
  } finally {
    WebAssembly.instantiate = original;
  }
}
