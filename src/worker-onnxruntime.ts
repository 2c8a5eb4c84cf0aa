/** Worker entry with onnxruntime-web: `export { default } from "edge-prefix/worker/onnxruntime"`. */
import { openOnnxruntime } from "./engine/ort/workerd.ts";
import { workerOf } from "./worker.ts";

export default workerOf(openOnnxruntime);
