/** The Worker by our own kernels, whole: settings, R2, tokenizer, engine, head, HTTP. */
import { createExecutionContext } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import worker from "../../src/worker-simd.ts";
import { makeTask, putTask, r2, seedBases } from "./support.ts";

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
});

const env = { BUCKET: r2, BASE: "pocket" };

const ask = (path: string, init?: RequestInit): Promise<Response> =>
  Promise.resolve(
    worker.fetch(new Request(`https://worker${path}`, init), env, createExecutionContext()),
  );

const predict = (inputs: unknown): Promise<Response> =>
  ask("/v1/tasks/mood/predict", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs }),
  });

describe("a Worker by our own kernels", () => {
  it("answers a text alike alone and among others", async () => {
    const response = await predict("a great film");
    const text = await response.text();
    expect(response.status, text).toBe(200);
    const [alone] = JSON.parse(text) as unknown[];
    const both: unknown = await (await predict(["x", "a great film", "long and dull"])).json();
    expect((both as unknown[])[1]).toEqual(alone);
  });

  it("is ready, from the weights alone", async () => {
    const response = await ask("/readyz");
    expect(await response.json()).toMatchObject({ status: "ready", loaded_from: "weights" });
  });

  it("says what is wrong with a base that it cannot compute", async () => {
    const { workerOf } = await import("../../src/worker.ts");
    const { openSimd } = await import("../../src/engine/simd/workerd.ts");
    const other = workerOf(openSimd);
    const request = new Request("https://worker/v1/tasks/mood/predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs: "a" }),
    });
    const floats = { BUCKET: r2, BASE: "pocket-fp32" };
    const response = await other.fetch(request, floats, createExecutionContext());
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "engine-unsupported" });
  });
});
