/** The app inside of a Worker of one's own, through the package's name and exports. */
import { createExecutionContext, env } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Env } from "../../src/http/config.ts";
import { createWorker } from "./mounted-worker.ts";
import { makeTask, putTask, seedBases } from "./support.ts";

beforeAll(async () => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
});
afterAll(() => vi.restoreAllMocks());

let worker: ReturnType<typeof createWorker> | undefined;

const ask = async (path: string, init?: RequestInit): Promise<Response> => {
  worker ??= createWorker(env as unknown as Env);
  const request = new Request(`https://worker${path}`, init);
  return worker.fetch(request, env as unknown as Env, createExecutionContext());
};
const post = (path: string, body: unknown) =>
  ask(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

describe("mounted below /nlp", () => {
  it("answers on all its routes, and leaves the others alone", async () => {
    expect(await (await ask("/")).text()).toContain("also understands");
    const predicted = await post("/nlp/v1/tasks/mood/predict", { inputs: "a great film" });
    expect(predicted.status).toBe(200);
    expect(predicted.headers.get("x-task-version")).toMatch(/^[0-9a-f]{12}$/);
    const many = await post("/nlp/v1/predict", { items: [{ task: "mood", inputs: "a" }] });
    expect(await many.json()).toMatchObject({ results: [{ task: "mood" }] });
    expect((await post("/nlp/v1/embed", { inputs: "a" })).status).toBe(200);
    expect(await (await ask("/nlp/v1/tasks")).json()).toMatchObject({
      tasks: expect.arrayContaining([expect.objectContaining({ task: "mood" })]),
    });
    expect((await ask("/nlp/livez")).status).toBe(200);
    expect((await ask("/nlp/readyz")).status).toBe(200);
  });

  it("describes what goes wrong as it does by itself", async () => {
    const unknown = await post("/nlp/v1/tasks/none/predict", { inputs: "a" });
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: "task-not-found" }]);
    const route = await ask("/nlp/v1/nowhere");
    expect([route.status, await route.json()]).toMatchObject([404, { code: "route-not-found" }]);
    const method = await ask("/nlp/v1/tasks/mood/predict");
    expect([method.status, method.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
    expect(await method.json()).toMatchObject({ code: "method-not-allowed" });
  });

  it("has a first page whose example can be run", async () => {
    const index = (await (await ask("/nlp")).json()) as { try: string };
    expect(index.try).toMatch(/https:\/\/worker\/nlp\/v1\/tasks\/[\w-]+\/predict /);
  });

  it("predicts without HTTP as well", async () => {
    const [best] = (await (await ask("/mood/dull")).json()) as { label: string; score: number }[];
    const [[same]] = (await (
      await post("/nlp/v1/tasks/mood/predict", { inputs: "dull" })
    ).json()) as [[unknown]];
    expect(best).toEqual(same);
  });
});
