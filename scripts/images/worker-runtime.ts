/**
 * ONNX Runtime in Node, loaded as a Worker loads it (src/runtime/workerd.ts): with exports that
 * somebody has changed. Once a process or thread: it changes globals, and the runtime starts once.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type ort from "onnxruntime-web/wasm";
import type { WasmMemory } from "../../src/engine/ort/images/memory-image.ts";
import { configure, sessionOptions } from "../../src/engine/ort/session.ts";
import type { GraphFiles } from "../../src/engine/session.ts";
import type { WasmExports } from "../../src/engine/ort/images/start.ts";

type Imports = Record<string, WasmExports>;

// Node's type settings have no WebAssembly; this is the part that is used here.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (...args: never[]) => WasmMemory;
  instantiate(module: object, imports: Imports): Promise<{ readonly exports: WasmExports }>;
};

/** What a caller makes of the exports, before anybody has called them. */
export type ChangeExports = (exports: WasmExports, memory: WasmMemory) => WasmExports;

export interface WorkerRuntime {
  readonly ort: typeof ort;
  /** Creates a session as bases are served; the first one starts the runtime. */
  open(files: GraphFiles): Promise<ort.InferenceSession>;
}

export async function loadWorkerRuntime(change: ChangeExports): Promise<WorkerRuntime> {
  const require = createRequire(import.meta.url);
  const wasm = await readFile(require.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  const module = new WebAssembly.Module(wasm);
  // As in a Worker: not the loader's branch for Node, and no language of whoever runs this.
  Object.assign(process, { type: "renderer" });
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  const { default: runtime } = await import("onnxruntime-web/wasm");
  configure(runtime.env);
  // Any bytes will do: the loader passes them to WebAssembly.instantiate, which is replaced.
  runtime.env.wasm.wasmBinary = new ArrayBuffer(8);

  const original = WebAssembly.instantiate;
  WebAssembly.instantiate = (async (_: object, imports: Imports) => {
    WebAssembly.instantiate = original;
    const { exports } = await original(module, imports);
    return { instance: { exports: change(exports, memoryOf(imports)) }, module };
  }) as unknown as typeof WebAssembly.instantiate;
  return {
    ort: runtime,
    open: ({ graph, weights }) => runtime.InferenceSession.create(graph, sessionOptions(weights)),
  };
}

function memoryOf(imports: Imports): WasmMemory {
  const all = Object.values(imports).flatMap((group) => Object.values(group));
  return all.find((item) => item instanceof WebAssembly.Memory) as WasmMemory;
}
