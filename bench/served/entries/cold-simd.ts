/** A first answer by the Worker's own app with our own kernels. */
import { openSimd } from "../../../src/engine/simd/workerd.ts";
import { answerByApp, coldWorker } from "./cold.ts";

export default coldWorker(answerByApp(openSimd));
