/** Worker entry with the default engine: `export { default } from "edge-prefix/worker"`. */
import { openDefaultEngine } from "./default-engine.ts";
import { workerOf } from "./worker.ts";

export default workerOf(openDefaultEngine);
