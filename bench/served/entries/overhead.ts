/**
 * The Worker as it is deployed, and beside it what its requests cost over the runs within them: they
 * are made in here, so that no proxy and no socket is part of the difference.
 *
 *   POST /bench/overhead   OverheadRequest -> OverheadReply
 */
import { createApp } from "../../../src/app.ts";
import { compose } from "../../../src/compose.ts";
import type { OpenEngine } from "../../../src/compose.ts";
import type { Env } from "../../../src/http/settings/config.ts";
import type { AppDeps } from "../../../src/http/context/context.ts";
import type { Encoder } from "../../../src/engine/engine.ts";
import type { OverheadReply, OverheadRequest } from "../protocol.ts";

/** The Worker by this engine, with a route that measures it. */
export function overheadWorker(openEngine: OpenEngine) {
  let served: { deps: AppDeps; app: ReturnType<typeof createApp> } | undefined;
  return {
    async fetch(request, env, ctx) {
      if (!served) {
        const deps = compose(env, openEngine);
        served = { deps, app: createApp(deps) };
      }
      const { deps, app } = served;
      if (new URL(request.url).pathname !== "/bench/overhead") return app.fetch(request, env, ctx);
      const asked: OverheadRequest = await request.json();
      const { encoder, tokenizer } = deps.models.ready!;
      const text = textOf(asked.tokens, (words) => tokenizer.encode(words).ids.length);
      const timings: string[] = [];
      const ask = async (): Promise<void> => {
        const answer = await app.fetch(predictRequest(asked.task, text), env, ctx);
        const body = await answer.text();
        if (!answer.ok) throw new Error(`task ${asked.task}: was answered with ${body}`);
        timings.push(answer.headers.get("server-timing")!);
      };
      const shape = await shapeOf(encoder, ask);
      timings.length = 0;
      const times = await timeBoth(encoder, ask, asked.rounds);
      const reply: OverheadReply = { shape, timings, ...times };
      return Response.json(reply);
    },
  } satisfies ExportedHandler<Env>;
}

const WORDS = "the film is as good as the book and it is not as long as that one".split(" ");

/** Common words, until the model reads exactly so many tokens. */
function textOf(tokens: number, count: (text: string) => number): string {
  const words: string[] = [];
  for (let found = count(""); found < tokens; found = count(words.join(" "))) {
    words.push(WORDS[words.length % WORDS.length]!);
  }
  const text = words.join(" ");
  if (count(text) === tokens) return text;
  throw new Error(`text: has ${count(text)} tokens instead of ${tokens}`);
}

const predictRequest = (task: string, inputs: string): Request =>
  new Request(`http://bench/v1/tasks/${task}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs }),
  });

/** Rows and tokens of the one run that a request makes. */
async function shapeOf(encoder: Encoder, ask: () => Promise<void>): Promise<number[]> {
  const { encode } = encoder;
  const seen: number[][] = [];
  encoder.encode = (rows, queries) => {
    seen.push([rows.length, Math.max(...rows.map(({ ids }) => ids.length))]);
    return encode(rows, queries);
  };
  try {
    await ask();
  } finally {
    encoder.encode = encode;
  }
  if (seen.length !== 1) throw new Error(`request: took ${seen.length} runs instead of one`);
  return seen[0]!;
}

/** workerd's clock shows whole milliseconds: a round takes several requests, for tenths. */
const REPEATS = 4;

/**
 * Milliseconds of one request and of the run within it, by round. Of the same request, because on a
 * machine with neighbours two runs differ by more than everything else that a request does.
 */
async function timeBoth(
  encoder: Encoder,
  ask: () => Promise<void>,
  rounds: number,
): Promise<Pick<OverheadReply, "request" | "run">> {
  const times = { request: [] as number[], run: [] as number[] };
  const { encode } = encoder;
  let running = 0;
  encoder.encode = async (rows, queries) => {
    const start = performance.now();
    const states = await encode(rows, queries);
    running += performance.now() - start;
    return states;
  };
  try {
    for (let round = 0; round < rounds; round++) {
      running = 0;
      const start = performance.now();
      for (let i = 0; i < REPEATS; i++) await ask();
      times.request.push((performance.now() - start) / REPEATS);
      times.run.push(running / REPEATS);
    }
  } finally {
    encoder.encode = encode;
  }
  return times;
}
