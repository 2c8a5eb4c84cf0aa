/** onnxruntime-web in a Worker: the module and the image of the started runtime are bundled. */
import wasmModule from "onnxruntime-web/ort-wasm-simd-threaded.wasm";
import type { Engine } from "../engine.ts";
import { imageEngine } from "./encoder.ts";
import imageFile from "./images/runtime-image.bin";
import { readRuntimeImage } from "./images/start.ts";
import type { RuntimeImage } from "./images/start.ts";
import { webRuntime } from "./web.ts";

let read: RuntimeImage | undefined;

/** The runtime of this isolate. */
const runtime = webRuntime({
  module: wasmModule,
  image: () => (read ??= readRuntimeImage(new Uint8Array(imageFile))),
});

/** Loads a graph with its external data. Throws UnavailableError `runtime-failed`. */
export const createWorkerdSession = runtime.createSession;

/** onnxruntime-web in this isolate. */
export const workerdEngine: Engine = imageEngine(runtime.createSession, runtime.images);

/** The same for a Worker. How much memory there is, the runtime finds out itself. */
export const openOnnxruntime = (): Engine => workerdEngine;
