/** The engines of the command line: those that serve, and the native runtime. */
import { createNodeSession, nodeEngine } from "../../../scripts/node/runtime-node.ts";
import { webEngine } from "../../../scripts/node/runtime-web.ts";
import { simdNodeEngine } from "../../../scripts/node/runtime-simd.ts";
import { gpuEngine } from "../../../src/engine/ort/webgpu/engine.ts";
import { engineCases } from "../../cases/engine.cases.ts";
import { makeTinyBase } from "../../support/tiny-base.ts";

/** No width is a multiple of 8: our own kernels keep those with zeros behind them. */
const ODD = { hidden_size: 36, intermediate_size: 70 };

for (const [runtime, engine, knowsMemory, bases] of [
  ["onnxruntime-web in Node", webEngine, true, [["fp32"], ["int8"]]],
  ["onnxruntime-node", nodeEngine(), false, [["fp32"], ["int8"]]],
  ["simd in Node", simdNodeEngine, true, [["int8"], ["int8", ODD]]],
  [
    "the GPU's graph on onnxruntime-node",
    gpuEngine(createNodeSession),
    false,
    [["fp32"], ["int8"]],
  ],
] as const) {
  for (const [dtype, config] of bases) {
    const made = makeTinyBase({ dtype, seed: 1, config: config ?? {} });
    engineCases(`${runtime}, ${dtype}${config ? ", heads of 9 numbers" : ""}`, {
      engine,
      async base() {
        const { manifest, files } = await made;
        return { manifest, file: (name) => files.get(name)! };
      },
      // Attention columns are padded, so that even a quantized row rounds the same in a batch. Our
      // own kernels compute no padding, and give the same bits.
      tolerance: engine === simdNodeEngine ? 0 : 1e-4,
      knowsMemory,
      takesLowRank: !runtime.startsWith("the GPU's graph"),
    });
  }
}
