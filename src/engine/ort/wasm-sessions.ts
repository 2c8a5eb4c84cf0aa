/**
 * Sessions of onnxruntime-web's wasm build where the host may compile it: in Node and in a page. A
 * Worker, which may not, has web.ts.
 */
import ort from "onnxruntime-web/wasm";
import { FormatError } from "../../core/errors.ts";
import type { GraphFiles, Session } from "../session.ts";
import type { WasmMemory } from "./images/memory-image.ts";
import { whileStarting } from "./instantiate.ts";
import type { ChangeExports } from "./instantiate.ts";
import { configure, sessionOptions, wrapSession } from "./session.ts";

/** The wasm memory that all sessions of this process or thread share; it never shrinks. */
let memory: WasmMemory | undefined;

/** ONNX Runtime refuses to be initialised twice at once: sessions are created one by one. */
let previous: Promise<unknown> = Promise.resolve();

/** Options that replace those with which bases are served. */
export type WasmSessionOptions = Pick<
  ort.InferenceSession.SessionOptions,
  "graphOptimizationLevel"
>;

/** Says where a page reads the wasm file of the runtime from; to be called before the first session. */
export function readRuntimeFrom(url: string): void {
  ort.env.wasm.wasmPaths = { wasm: url };
}

/** Loads a graph with its external data. Throws FormatError `graph-invalid`. */
export function createWasmSession(
  files: GraphFiles,
  options: WasmSessionOptions = {},
): Promise<Session> {
  const session = previous.then(() => create(files, options));
  previous = session.catch(() => {});
  return session;
}

async function create(files: GraphFiles, options: WasmSessionOptions): Promise<Session> {
  configure(ort.env);
  const load = (): Promise<ort.InferenceSession> =>
    ort.InferenceSession.create(files.graph, { ...sessionOptions(files.weights), ...options });
  try {
    const session = await (memory ? load() : whileStarting(null, noteMemory, load));
    return wrapSession(session, {
      Tensor: ort.Tensor,
      heapBytes: () => memory?.buffer.byteLength ?? 0,
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError("graph-invalid", `graph: ONNX Runtime cannot load it (${reason})`, {
      cause,
    });
  }
}

const noteMemory: ChangeExports = (exports, found) => {
  memory = found;
  return exports;
};
