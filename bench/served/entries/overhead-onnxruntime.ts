/** What requests cost over their runs, with onnxruntime-web. */
import { openOnnxruntime } from "../../../src/engine/ort/workerd.ts";
import { overheadWorker } from "./overhead.ts";

export default overheadWorker(openOnnxruntime);
