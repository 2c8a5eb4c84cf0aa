/**
 * Session over onnxruntime-web's wasm build in Node: the same wasm, one thread, that the Worker
 * runs, so evaluation and prediction on the command line answer as the Worker will.
 */
import ort from "onnxruntime-web/wasm";
import { FormatError } from "../../src/core/errors.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { graphEngine } from "../../src/engine/ort/encoder.ts";
import type { WasmMemory } from "../../src/engine/ort/images/memory-image.ts";
import { whileStarting } from "../../src/engine/ort/instantiate.ts";
import type { ChangeExports } from "../../src/engine/ort/instantiate.ts";
import { configure, sessionOptions, wrapSession } from "../../src/engine/ort/session.ts";
import type { GraphFiles, Session } from "../../src/engine/session.ts";

/** The wasm memory that all sessions of this process share; it never shrinks. */
let memory: WasmMemory | undefined;

/** ONNX Runtime refuses to be initialised twice at once: sessions are created one by one. */
let previous: Promise<unknown> = Promise.resolve();

/** Loads a graph with its external data; `options` replace those with which bases are served. */
export function createWebSession(
  files: GraphFiles,
  options: Pick<ort.InferenceSession.SessionOptions, "graphOptimizationLevel"> = {},
): Promise<Session> {
  const session = previous.then(() => create(files, options));
  previous = session.catch(() => {});
  return session;
}

/** onnxruntime-web as an engine: what evaluation and prediction answer by. */
export const webEngine: Engine = graphEngine((files) => createWebSession(files));

async function create(
  files: GraphFiles,
  options: ort.InferenceSession.SessionOptions,
): Promise<Session> {
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
