/**
 * Times sessions inside workerd, so that no proxy and no HTTP is part of a figure. Local workerd's
 * clock runs on across computation (a deployed one stands still), so these times are real.
 *
 *   PUT  /files/<session>/<name>   bytes of a graph or of its weights
 *   POST /create/<session>         -> {"ms", "heapBytes"}
 *   POST /run                      RunRequest -> RunReply
 *   POST /mixed                    MixedRequest -> MixedReply
 */
import { collate } from "../../src/engine/ort/feeds.ts";
import { emptyPrefix } from "../../src/core/model/prefix.ts";
import { int64 } from "../../src/core/model/tensor.ts";
import type { Feeds, Session } from "../../src/engine/session.ts";
import { createWorkerdSession } from "../../src/engine/ort/workerd.ts";
import { timeMixed } from "./mixed.ts";
import type { MixedRequest, RunReply, RunRequest } from "./protocol.ts";

const files = new Map<string, Map<string, Uint8Array>>();
const sessions = new Map<string, Session>();

export default {
  async fetch(request: Request): Promise<Response> {
    const [, verb, session = "", name = ""] = new URL(request.url).pathname.split("/");
    switch (verb) {
      case "files": {
        const own = files.get(session) ?? new Map<string, Uint8Array>();
        files.set(session, own.set(name, new Uint8Array(await request.arrayBuffer())));
        return new Response("stored");
      }
      case "create": {
        const weights = files.get(session)!;
        const graph = weights.get("model.onnx")!;
        weights.delete("model.onnx");
        const start = performance.now();
        sessions.set(session, await createWorkerdSession({ graph, weights }));
        files.delete(session);
        return Response.json({
          ms: performance.now() - start,
          heapBytes: sessions.get(session)!.heapBytes(),
        });
      }
      case "run":
        return Response.json(await time((await request.json()) as RunRequest));
      case "mixed": {
        const mixed = (await request.json()) as MixedRequest;
        return Response.json({ times: await timeMixed(sessions.get(mixed.session)!, mixed) });
      }
      default:
        return new Response("not found", { status: 404 });
    }
  },
};

async function time({ cases, rounds, sessions: wanted }: RunRequest): Promise<RunReply> {
  const all: Record<string, number[]>[] = [];
  for (const { batch, tokens } of cases) {
    const feeds = Object.entries(wanted).map(
      ([name, options]) => [name, feedsFor(batch, tokens, options)] as const,
    );
    const times: Record<string, number[]> = {};
    // Interleaved, so that a drift of the machine's speed hits every session alike.
    for (let round = 0; round < rounds; round++) {
      for (const [name, feed] of feeds) {
        const start = performance.now();
        await sessions.get(name)!.run(feed);
        (times[name] ??= []).push(performance.now() - start);
      }
    }
    all.push(times);
  }
  return { times: all, heapBytes: sessions.values().next().value!.heapBytes() };
}

function feedsFor(
  batch: number,
  tokens: number,
  { shape, prefixLength = 0, queries = "all" }: RunRequest["sessions"][string],
): Feeds {
  const ids = Int32Array.from({ length: tokens }, (_, t) => 1000 + ((t * 7919) % 9000));
  if (!shape) {
    const dims = [batch, tokens];
    const repeat = (value: (t: number) => number) =>
      int64(
        dims,
        Int32Array.from({ length: batch * tokens }, (_, i) => value(i % tokens)),
      );
    return {
      input_ids: repeat((t) => ids[t]!),
      attention_mask: repeat(() => 1),
      token_type_ids: repeat(() => 0),
    };
  }
  const size = shape.num_key_value_heads * prefixLength * shape.head_dim;
  const side = () => Float32Array.from({ length: size }, (_, i) => Math.sin(i) / 4);
  const prefix =
    prefixLength === 0
      ? emptyPrefix(shape)
      : {
          numVirtualTokens: prefixLength,
          layers: Array.from({ length: shape.num_hidden_layers }, () => ({
            key: side(),
            value: side(),
          })),
          deltas: null,
        };
  const row = { ids, typeIds: new Int32Array(tokens), prefix, positionOffset: 0 };
  return collate(
    Array.from({ length: batch }, () => row),
    shape,
    queries,
  );
}
