/** What /metrics says after real runs in workerd, and the Worker's own entry with wrong settings. */
import { createExecutionContext, env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { openDefaultEngine } from "../../src/default-engine.ts";
import type { Env } from "../../src/http/settings/config.ts";
import { workerOf } from "../../src/worker.ts";
import { readMetrics } from "../support/metrics-text.ts";
import { testApp } from "./app-support.ts";
import { makeTask, putTask, seedBases } from "./support.ts";

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
});

describe("/metrics of a Worker that has answered", () => {
  it("tells of runs, tokens, heap and cache", async () => {
    const app = await testApp();
    for (const inputs of ["one text", ["three", "more", "texts"]]) {
      await (await app.predict("mood", { inputs })).text();
    }
    const response = await app.fetch(new Request("https://worker/metrics"));
    const metrics = readMetrics(await response.text());
    const value = (name: string): number => metrics.get(`edge_prefix_${name}`) ?? NaN;
    expect(value("batch_rows_count")).toBe(app.runs);
    expect(value("batch_rows_sum")).toBe(4);
    expect(value('batch_rows_bucket{le="1"}')).toBeGreaterThanOrEqual(1);
    // Four texts with [CLS] and [SEP] each.
    expect(value("tokens_total")).toBeGreaterThanOrEqual(12);
    expect(value("padded_tokens_total")).toBeGreaterThanOrEqual(value("tokens_total"));
    expect(value("queue_tokens")).toBe(0);
    expect(value("token_seconds")).toBeGreaterThan(0);
    expect(value("heap_bytes")).toBeGreaterThan(1_000_000);
    expect(value("task_cache_versions")).toBe(1);
    expect(value("task_cache_bytes")).toBeGreaterThan(100);
    expect(app.logged.at(0)).toMatchObject({ usage: { windows: 1 } });
  });
});

describe("the Worker's entry", () => {
  it("with wrong settings is alive, and tells what is wrong with them", async () => {
    // As src/index.ts makes it; the entry itself keeps the settings that it was first asked with.
    const worker = workerOf(openDefaultEngine);
    const wrong = { ...(env as unknown as Env), DEADLINE_MS: "soon" };
    const ask = async (path: string): Promise<Response> => {
      const request = new Request(`https://worker${path}`) as Parameters<typeof worker.fetch>[0];
      return worker.fetch(request, wrong, createExecutionContext());
    };
    expect((await ask("/livez")).status).toBe(200);
    const ready = await ask("/readyz");
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ code: "config-invalid" });
  });
});
