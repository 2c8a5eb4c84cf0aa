/**
 * onnxruntime-web in a Worker, unpatched.
 *
 * A Worker may not compile wasm, so the module is imported statically and handed over in the one
 * place where ONNX Runtime would compile it: while the first session is created,
 * `WebAssembly.instantiate` instantiates the imported module. The runtime initialises once per
 * isolate and its heap never shrinks; if the first initialisation fails, it refuses for the life of
 * the isolate, so the failure is kept and reported.
 */
import wasmModule from "onnxruntime-web/ort-wasm-simd-threaded.wasm";
import { UnavailableError } from "../core/errors.ts";
import { WASM_SESSION, wrapSession } from "./ort-session.ts";
import type { GraphFiles, Session } from "./session.ts";

type WasmImports = Record<string, Record<string, unknown>>;
type Ort = typeof import("onnxruntime-web/wasm");

/** Set once by the first load; the heap is shared by every session of the isolate. */
let memory: WebAssembly.Memory | undefined;
let runtime: Promise<Ort> | undefined;
let initialisation: "untried" | "done" | "failed" = "untried";

/** Size of the wasm heap, 0 before the first session. */
export const heapBytes = (): number => memory?.buffer.byteLength ?? 0;

/** Loads a graph with its external data. Throws UnavailableError `runtime-failed`. */
export async function createWorkerdSession(files: GraphFiles): Promise<Session> {
  if (initialisation === "failed") {
    throw new UnavailableError(
      "runtime-failed",
      "ONNX Runtime: failed to initialise in this isolate, and cannot be tried again in it",
    );
  }
  const isFirst = initialisation === "untried";
  const restore = isFirst ? useImportedModule() : () => {};
  try {
    const ort = await (runtime ??= loadRuntime());
    const session = await ort.InferenceSession.create(files.graph, {
      ...WASM_SESSION,
      externalData: [...files.weights].map(([path, data]) => ({ path, data })),
    });
    initialisation = "done";
    return wrapSession(session, { Tensor: ort.Tensor, heapBytes });
  } catch (cause) {
    // Only a runtime that never came up is lost for good; a bad graph leaves it usable.
    if (isFirst && memory === undefined) initialisation = "failed";
    else initialisation = "done";
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnavailableError(
      "runtime-failed",
      `ONNX Runtime: cannot load the graph (${reason})`,
      {
        cause,
      },
    );
  } finally {
    restore();
  }
}

async function loadRuntime(): Promise<Ort> {
  // Where Node's compatibility layer is on (the test pool forces it), this keeps ONNX Runtime's
  // loader from taking its Node branch, which Workers cannot run.
  const host = globalThis as { process?: { type?: string } };
  if (host.process) host.process.type = "renderer";
  const ort = await import("onnxruntime-web/wasm");
  ort.env.wasm.numThreads = 1;
  // Any bytes will do: the loader passes them to WebAssembly.instantiate, which is replaced.
  ort.env.wasm.wasmBinary = new ArrayBuffer(8);
  ort.env.logLevel = "error";
  return ort;
}

function useImportedModule(): () => void {
  const original = WebAssembly.instantiate;
  const replacement = async (_source: unknown, imports: WasmImports) => {
    const instance = await original(wasmModule, imports as WebAssembly.Imports);
    // Noted only now: whoever finds the memory set may rely on a runtime that came up.
    memory = Object.values(imports)
      .flatMap((group) => Object.values(group))
      .find((item) => item instanceof WebAssembly.Memory);
    return { instance, module: wasmModule };
  };
  WebAssembly.instantiate = replacement as unknown as typeof WebAssembly.instantiate;
  return () => {
    WebAssembly.instantiate = original;
  };
}
