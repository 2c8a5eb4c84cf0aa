/**
 * The one place that stands between onnxruntime-web's loader and WebAssembly. The package offers no
 * way to hand it a compiled module or to see its memory, so `WebAssembly.instantiate` is replaced
 * while the runtime starts.
 */
import type { WasmExports, WasmMemory } from "./images/memory-image.ts";

/** Returns what the loader is to see as the exports of the instance, before it calls any of them. */
export type ChangeExports = (exports: WasmExports, memory: WasmMemory) => WasmExports;

type Imports = Record<string, WasmExports>;
interface Instance {
  readonly exports: WasmExports;
}

// Not every host's type settings have WebAssembly; this is the part that is used here.
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Memory: new (...args: never[]) => WasmMemory;
    instantiate(source: unknown, imports: Imports): Promise<unknown>;
  };
};

/**
 * Runs `start`, which starts the runtime. Its module is instantiated from `module`, which a Worker
 * needs because it may not compile; null: from the bytes that the loader has read.
 */
export async function whileStarting<T>(
  module: object | null,
  change: ChangeExports,
  start: () => Promise<T>,
): Promise<T> {
  const original = WebAssembly.instantiate;
  WebAssembly.instantiate = async (source, imports) => {
    const found = await original(module ?? source, imports);
    // Of a module only the instance is returned, of bytes both.
    const made = module === null ? (found as { instance: Instance }) : { instance: found, module };
    const { exports } = made.instance as Instance;
    return { ...made, instance: { exports: change(exports, memoryOf(imports)) } };
  };
  try {
    return await start();
  } finally {
    WebAssembly.instantiate = original;
  }
}

/** The memory that the loader imports into its module. */
function memoryOf(imports: Imports): WasmMemory {
  const all = Object.values(imports).flatMap((group) => Object.values(group));
  const memory = all.find((item) => item instanceof WebAssembly.Memory);
  if (memory === undefined) throw new Error("onnxruntime-web: gives its module no memory");
  return memory;
}
