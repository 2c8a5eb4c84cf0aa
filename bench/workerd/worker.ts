/**
 * Times runs inside workerd, so that no proxy and no HTTP is part of a figure. Local workerd's clock
 * runs on across computation (a deployed one stands still), so these times are real.
 *
 *   PUT  /files/<subject>/<name>   bytes of a file of a base, or of a graph
 *   POST /create/<subject>         CreateRequest -> CreateReply
 *   POST /run                      RunRequest -> RunReply
 */
import { createWorkerdSession, openOnnxruntime } from "../../src/engine/ort/workerd.ts";
import { openSimd } from "../../src/engine/simd/workerd.ts";
import type { CreateReply, CreateRequest, RunReply, RunRequest } from "./protocol.ts";
import { engineSubject, plainSubject } from "./subjects.ts";
import type { Subject } from "./subjects.ts";

/** More than any base of a benchmark needs. */
const MAX_BYTES = 1_000_000_000;
/** workerd's clock shows whole milliseconds: shorter batches are run several times, for tenths. */
const TOKENS_OF_A_SAMPLE = 256;

const files = new Map<string, Map<string, Uint8Array>>();
const subjects = new Map<string, Subject>();

export default {
  async fetch(request: Request): Promise<Response> {
    const [, verb, name = "", file = ""] = new URL(request.url).pathname.split("/");
    switch (verb) {
      case "files": {
        const own = files.get(name) ?? new Map<string, Uint8Array>();
        files.set(name, own.set(file, new Uint8Array(await request.arrayBuffer())));
        return new Response("stored");
      }
      case "create": {
        const { engine }: CreateRequest = await request.json();
        const start = performance.now();
        const subject = await create(engine, files.get(name)!);
        const reply: CreateReply = {
          ms: performance.now() - start,
          memoryBytes: subject.memoryBytes(),
        };
        subjects.set(name, subject);
        files.delete(name);
        return Response.json(reply);
      }
      case "run":
        return Response.json(await time(await request.json()));
      default:
        return new Response("not found", { status: 404 });
    }
  },
};

async function create(
  engine: CreateRequest["engine"],
  own: ReadonlyMap<string, Uint8Array>,
): Promise<Subject> {
  switch (engine) {
    case "simd":
      return engineSubject(openSimd(MAX_BYTES), own);
    case "onnxruntime":
      return engineSubject(openOnnxruntime(), own);
    case "plain": {
      const files = { graph: own.get("model.onnx")!, weights: new Map<string, Uint8Array>() };
      return plainSubject(await createWorkerdSession(files));
    }
    default:
      return engine satisfies never;
  }
}

/** Subjects and cases take turns, so that a drift of the machine's speed hits all alike. */
async function time({ subjects: names, cases, rounds }: RunRequest): Promise<RunReply> {
  const runs = cases.map((batch) => ({
    repeats: Math.max(1, Math.round(TOKENS_OF_A_SAMPLE / (batch.rows * batch.tokens))),
    of: names.map((name) => [name, subjects.get(name)!.prepare(batch)] as const),
  }));
  const times = cases.map(() => Object.fromEntries(names.map((name) => [name, [] as number[]])));
  for (let round = 0; round < rounds; round++) {
    for (const [c, { repeats, of }] of runs.entries()) {
      for (const [name, run] of of) {
        const start = performance.now();
        for (let i = 0; i < repeats; i++) await run();
        times[c]![name]!.push((performance.now() - start) / repeats);
      }
    }
  }
  const memory = names.map((name) => [name, subjects.get(name)!.memoryBytes()] as const);
  return { times, memoryBytes: Object.fromEntries(memory) };
}
