/** A first answer by the Worker's own app with onnxruntime-web. */
import { openOnnxruntime } from "../../../src/engine/ort/workerd.ts";
import { answerByApp, coldWorker } from "./cold.ts";

export default coldWorker(answerByApp(openOnnxruntime));
