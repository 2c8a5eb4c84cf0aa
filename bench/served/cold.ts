/**
 * One first answer of an empty isolate, with the time of its steps: by the Worker's own app and its
 * base, or by a plain ONNX file with its weights inside, read from the same bucket.
 *
 *   POST /bench/cold   ColdRequest -> ColdReply
 */
import { createApp } from "../../src/app.ts";
import { outside } from "../../src/compose.ts";
import { readConfig } from "../../src/http/config.ts";
import type { Env } from "../../src/http/config.ts";
import { pool } from "../../src/core/model/head.ts";
import { LAST_HIDDEN_STATE } from "../../src/core/model/shapes.ts";
import { int64 } from "../../src/core/model/tensor.ts";
import { parseJson } from "../../src/core/text.ts";
import { createTokenizer } from "../../src/core/tokenizer/tokenizer.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { workerdEngine } from "../../src/engine/ort/workerd.ts";
import { r2Bucket } from "../../src/serve/bucket/r2.ts";
import { createServing } from "../../src/serve/serving.ts";
import { sha256, startSha256 } from "../../src/serve/sha256.ts";
import { createPlainSession } from "./plain-session.ts";
import type { ColdReply, ColdRequest } from "./protocol.ts";

let isEmpty = true;

export default {
  async fetch(request, env, ctx) {
    if (!isEmpty) throw new Error("isolate: has answered before");
    isEmpty = false;
    const asked: ColdRequest = await request.json();
    const start = performance.now();
    const created = { from: 0, to: 0 };
    const timed = async <T>(load: () => Promise<T>): Promise<T> => {
      created.from = performance.now();
      const loaded = await load();
      created.to = performance.now();
      return loaded;
    };
    const engine: Engine = {
      async prepare(base) {
        const load = await workerdEngine.prepare(base);
        return () => timed(load);
      },
    };
    if ("task" in asked) await answer(asked, engine, env, ctx);
    else await answerPlainly(asked, timed, env);
    const reply: ColdReply = {
      fetch: created.from - start,
      create: created.to - created.from,
      run: performance.now() - created.to,
    };
    return Response.json(reply);
  },
} satisfies ExportedHandler<Env>;

async function answer(
  { task, text }: Extract<ColdRequest, { task: string }>,
  engine: Engine,
  env: Env,
  ctx: ExecutionContext,
): Promise<void> {
  const config = readConfig(env);
  const host = { clock: outside, sha256, startSha256, engine, bucket: r2Bucket(env.BUCKET) };
  const app = createApp({ config, ...createServing(config, host), ...outside });
  const request = new Request(`http://bench/v1/tasks/${task}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: text }),
  });
  const response = await app.fetch(request, env, ctx);
  const body = await response.text();
  if (!response.ok) throw new Error(`task ${task}: was answered with ${body}`);
}

/** The least that anybody does: read both files at once, load, tokenize, run, pool. */
async function answerPlainly(
  { graph, tokenizer: key, text }: Extract<ColdRequest, { graph: string }>,
  timed: <T>(load: () => Promise<T>) => Promise<T>,
  env: Env,
): Promise<void> {
  const read = async (name: string): Promise<Uint8Array> => {
    const object = await env.BUCKET.get(name);
    if (object === null || !("body" in object)) throw new Error(`${name}: is not in the bucket`);
    return new Uint8Array(await object.arrayBuffer());
  };
  const [graphBytes, tokenizerBytes] = await Promise.all([read(graph), read(key)]);
  const tokenizer = createTokenizer(parseJson(tokenizerBytes, "tokenizer.json"));
  const session = await timed(() => createPlainSession(graphBytes));
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
