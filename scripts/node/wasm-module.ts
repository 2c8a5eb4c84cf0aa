/** The wasm module of the installed onnxruntime-web, for a thread that runs it as a Worker does. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

// Node's type settings have no WebAssembly; this is the part that is used here.
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => object };

/** Compiles the module. It also hides the user's language from the runtime, which would keep it. */
export async function compileWebModule(): Promise<object> {
  const require = createRequire(import.meta.url);
  const wasm = await readFile(require.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  return new WebAssembly.Module(wasm);
}
