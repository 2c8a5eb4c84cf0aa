/**
 * A first answer by a plain ONNX file with its weights inside, as onnxruntime-web loads it: the least
 * that anybody does, without an app.
 */
import wasmModule from "onnxruntime-web/ort-wasm-simd-threaded.wasm";
import type { Env } from "../../../src/http/settings/config.ts";
import { pool } from "../../../src/core/model/head.ts";
import { LAST_HIDDEN_STATE } from "../../../src/core/model/shapes.ts";
import { int64 } from "../../../src/core/model/tensor.ts";
import { createTokenizer } from "../../../src/core/tokenizer/tokenizer.ts";
import { webRuntime } from "../../../src/engine/ort/web.ts";
import type { ColdGraph } from "../protocol.ts";
import { coldWorker } from "./cold.ts";
import type { Timed } from "./cold.ts";

const runtime = webRuntime({ module: wasmModule, image: () => null });

export default coldWorker(answer);

/** Reads both files at once, loads, tokenizes, runs, pools. */
async function answer(
  { graph, tokenizer: key, text }: ColdGraph,
  timed: Timed,
  env: Env,
): Promise<void> {
  const read = async (name: string): Promise<Uint8Array> => {
    const object = await env.BUCKET.get(name);
    if (object === null || !("body" in object)) throw new Error(`${name}: is not in the bucket`);
    return new Uint8Array(await object.arrayBuffer());
  };
  const [graphBytes, tokenizerBytes] = await Promise.all([read(graph), read(key)]);
  const tokenizer = createTokenizer(tokenizerBytes);
  const files = { graph: graphBytes, weights: new Map<string, Uint8Array>() };
  const session = await timed(() => runtime.createSession(files));
  const { ids, typeIds } = tokenizer.encode(text);
  const dims = [1, ids.length];
  const feeds = {
    input_ids: int64(dims, ids),
    attention_mask: int64(dims, new Int32Array(ids.length).fill(1)),
    token_type_ids: int64(dims, typeIds),
  };
  const hidden = (await session.run(feeds, [LAST_HIDDEN_STATE]))[LAST_HIDDEN_STATE]!;
  pool(hidden.data as Float32Array, ids.length, hidden.dims[2]!, "mean", null);
}
