/** The app inside of a Worker of one's own, through the package's name and exports. */
import { createExecutionContext, env } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import worker from "./mounted-worker.ts";
import { makeTask, putTask, seedBases } from "./support.ts";

// Before the imports: the Worker says that keys are off as soon as it is loaded.
vi.hoisted(() => vi.spyOn(console, "log").mockImplementation(() => undefined));

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "sentiment" }));
});
afterAll(() => vi.restoreAllMocks());

const ask = async (path: string, init?: RequestInit): Promise<Response> => {
  const request = new Request(`https://worker${path}`, init);
  return worker.fetch(request, env, createExecutionContext());
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
    const predicted = await post("/nlp/v1/tasks/sentiment/predict", { inputs: "a great film" });
    expect(predicted.status).toBe(200);
    expect(predicted.headers.get("x-task-version")).toMatch(/^[0-9a-f]{12}$/);
    const many = await post("/nlp/v1/predict", { items: [{ task: "sentiment", inputs: "a" }] });
    expect(await many.json()).toMatchObject({ results: [{ task: "sentiment" }] });
    expect((await post("/nlp/v1/embed", { inputs: "a" })).status).toBe(200);
    expect(await (await ask("/nlp/v1/tasks")).json()).toMatchObject({
      tasks: expect.arrayContaining([expect.objectContaining({ task: "sentiment" })]),
    });
    expect((await ask("/nlp/livez")).status).toBe(200);
    expect((await ask("/nlp/readyz")).status).toBe(200);
  });

  it("describes what goes wrong as it does by itself", async () => {
    const unknown = await post("/nlp/v1/tasks/none/predict", { inputs: "a" });
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: "task-not-found" }]);
    const route = await ask("/nlp/v1/nowhere");
    expect([route.status, await route.json()]).toMatchObject([404, { code: "route-not-found" }]);
    const method = await ask("/nlp/v1/tasks/sentiment/predict");
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
      await post("/nlp/v1/tasks/sentiment/predict", { inputs: "dull" })
    ).json()) as [[unknown]];
    expect(best).toEqual(same);
  });
});
