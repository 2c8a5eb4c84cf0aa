/**
 * onnxruntime-web in a Worker, unpatched.
 *
 * A Worker may not compile wasm, so the module is imported statically and handed over in the one
 * place where ONNX Runtime would compile it: while the first session is created,
 * `WebAssembly.instantiate` instantiates the imported module. The runtime initialises once per
 * isolate and its heap never shrinks; if the first initialisation fails, it refuses for the life of
 * the isolate, so the failure is kept and reported. The runtime, and a base where the bucket has an
 * image of it, are not initialised step by step but restored (start.ts).
 */
import wasmModule from "onnxruntime-web/ort-wasm-simd-threaded.wasm";
import { UnavailableError } from "../../core/errors.ts";
import { configure, sessionOptions, wrapSession } from "./session.ts";
import imageFile from "./images/runtime-image.bin";
import type { Engine } from "../engine.ts";
import type { GraphFiles, Session } from "../session.ts";
import { imageEngine } from "./encoder.ts";
import type { SessionImages } from "./encoder.ts";
import {
  checkSessionImage,
  readRuntimeImage,
  readSessionImage,
  startFromImages,
} from "./images/start.ts";
import type { RuntimeImage, SessionImage, WasmExports } from "./images/start.ts";

type WasmImports = Record<string, Record<string, unknown>>;
type Ort = typeof import("onnxruntime-web/wasm");

/** Set once by the first load; the heap is shared by every session of the isolate. */
let memory: WebAssembly.Memory | undefined;
let runtime: Promise<Ort> | undefined;
let initialisation: "untried" | "done" | "failed" = "untried";

/** Size of the wasm heap, 0 before the first session. */
const heapBytes = (): number => memory?.buffer.byteLength ?? 0;

/** Loads a graph with its external data. Throws UnavailableError `runtime-failed`. */
export const createWorkerdSession = (files: GraphFiles): Promise<Session> => open(files, null);

/** Sessions restored instead of created, in an isolate that has none yet. */
const images: SessionImages = {
  fits: (runtime) => initialisation === "untried" && runtime === runtimeImage().id,
  async restore(file, base) {
    const image = readSessionImage(file);
    checkSessionImage(image, runtimeImage().id, base);
    // What stands for the graph is read only if the image is not, and then refused.
    return open({ graph: new Uint8Array(1), weights: new Map() }, image);
  },
};

/** onnxruntime-web in this isolate. */
export const workerdEngine: Engine = imageEngine(createWorkerdSession, images);

let readOnce: RuntimeImage | undefined;
const runtimeImage = (): RuntimeImage => (readOnce ??= readRuntimeImage(new Uint8Array(imageFile)));

async function open({ graph, weights }: GraphFiles, image: SessionImage | null): Promise<Session> {
  if (initialisation === "failed") {
    throw new UnavailableError(
      "runtime-failed",
      "ONNX Runtime: failed to initialise in this isolate, and cannot be tried again in it",
    );
  }
  const isFirst = initialisation === "untried";
  const restore = isFirst ? useImportedModule(image) : () => {};
  try {
    const ort = await (runtime ??= loadRuntime());
    const session = await ort.InferenceSession.create(graph, sessionOptions(weights));
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
  configure(ort.env);
  // Any bytes will do: the loader passes them to WebAssembly.instantiate, which is replaced.
  ort.env.wasm.wasmBinary = new ArrayBuffer(8);
  return ort;
}

function useImportedModule(image: SessionImage | null): () => void {
  const original = WebAssembly.instantiate;
  const replacement = async (_source: unknown, imports: WasmImports) => {
    const instance = await original(wasmModule, imports as WebAssembly.Imports);
    // Noted only now: whoever finds the memory set may rely on a runtime that came up.
    memory = Object.values(imports)
      .flatMap((group) => Object.values(group))
      .find((item) => item instanceof WebAssembly.Memory);
    const exports = instance.exports as WasmExports;
    const started = memory ? startFromImages(exports, memory, runtimeImage(), image) : exports;
    return { instance: { exports: started }, module: wasmModule };
  };
  WebAssembly.instantiate = replacement as unknown as typeof WebAssembly.instantiate;
  return () => {
    WebAssembly.instantiate = original;
  };
}
