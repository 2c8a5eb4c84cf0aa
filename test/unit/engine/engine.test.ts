/** The engines of the command line: the runtime that serves, and the native one. */
import { nodeEngine } from "../../../scripts/node/runtime-node.ts";
import { webEngine } from "../../../scripts/node/runtime-web.ts";
import { engineCases } from "../../cases/engine.cases.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

for (const [runtime, engine, knowsMemory] of [
  ["onnxruntime-web in Node", webEngine, true],
  ["onnxruntime-node", nodeEngine(), false],
] as const) {
  for (const dtype of ["fp32", "int8"] as const) {
    const made = makeTinyBase({ dtype, seed: 1 });
    engineCases(`${runtime}, ${dtype}`, {
      engine,
      async base() {
        const { manifest, files } = await made;
        return { manifest, file: (name) => files.get(name)! };
      },
      // Attention columns are padded, so that even a quantized row rounds the same in a batch.
      tolerance: 1e-4,
      knowsMemory,
    });
  }
}
