/**
 * One first answer of an empty isolate, with the time of its steps.
 *
 *   POST /bench/cold   a request -> ColdReply
 */
import { createApp } from "../../../src/app.ts";
import { outside } from "../../../src/compose.ts";
import type { OpenEngine } from "../../../src/compose.ts";
import { readConfig } from "../../../src/http/settings/config.ts";
import type { Env } from "../../../src/http/settings/config.ts";
import { r2Bucket } from "../../../src/serve/bucket/r2.ts";
import { createServing } from "../../../src/serve/serving.ts";
import { sha256, startSha256 } from "../../../src/serve/sha256.ts";
import type { ColdReply, ColdTask } from "../protocol.ts";

/** Where a first answer says that its encoder is being made, of files that are there. */
export type Timed = <T>(create: () => Promise<T>) => Promise<T>;

/** Answers one request from nothing. */
export type FirstAnswer<R> = (
  request: R,
  timed: Timed,
  env: Env,
  ctx: ExecutionContext,
) => Promise<void>;

/** The Worker that answers once. */
export function coldWorker<R>(answer: FirstAnswer<R>) {
  let isEmpty = true;
  return {
    async fetch(request, env, ctx) {
      if (!isEmpty) throw new Error("isolate: has answered before");
      isEmpty = false;
      const asked: R = await request.json();
      const start = performance.now();
      const created = { from: 0, to: 0 };
      const timed: Timed = async (create) => {
        created.from = performance.now();
        const made = await create();
        created.to = performance.now();
        return made;
      };
      await answer(asked, timed, env, ctx);
      const reply: ColdReply = {
        fetch: created.from - start,
        create: created.to - created.from,
        run: performance.now() - created.to,
      };
      return Response.json(reply);
    },
  } satisfies ExportedHandler<Env>;
}

/** By the Worker's own app and its base; an engine that loads while it reads creates in no time. */
export const answerByApp =
  (openEngine: OpenEngine): FirstAnswer<ColdTask> =>
  async ({ task, text }, timed, env, ctx) => {
    const config = readConfig(env);
    const own = openEngine(config.admission.maxHeapBytes);
    const engine: typeof own = {
      async prepare(base) {
        const load = await own.prepare(base);
        return () => timed(load);
      },
    };
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
  };
