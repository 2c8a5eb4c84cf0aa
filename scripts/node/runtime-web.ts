/**
 * onnxruntime-web in Node: the same wasm, one thread, that a Worker runs, so evaluation and prediction
 * on the command line answer as the Worker will.
 */
import type { Engine } from "../../src/engine/engine.ts";
import { graphEngine } from "../../src/engine/ort/encoder.ts";
import { createWasmSession } from "../../src/engine/ort/wasm-sessions.ts";

/** onnxruntime-web as an engine: what evaluation and prediction answer by. */
export const webEngine: Engine = graphEngine((files) => createWasmSession(files));
