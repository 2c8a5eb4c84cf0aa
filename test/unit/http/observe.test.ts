/** What a Worker tells of itself: /metrics, log lines, data points, and a start that failed. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createBrokenApp } from "../../../src/app.ts";
import { readConfig } from "../../../src/http/settings/config.ts";
import { fakeApp } from "../../support/fake-app.ts";
import type { FakeApp } from "../../support/fake-app.ts";
import { readMetrics } from "../../support/metrics-text.ts";

const metricsOf = async (app: FakeApp): Promise<ReadonlyMap<string, number>> =>
  readMetrics(await (await app.request("/metrics")).text());

describe("/metrics", () => {
  it("is the text format that Prometheus reads", async () => {
    const response = await fakeApp().request("/metrics");
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(readMetrics(await response.text()).get("edge_prefix_base_ready")).toBe(1);
  });

  it("counts requests by the route's pattern and status, never by path", async () => {
    const app = fakeApp();
    await app.predict({ inputs: "a" });
    await app.predict({ inputs: ["a", "b"] });
    await app.predict({ inputs: "a" }, { task: "unknown" });
    await app.predict({ inputs: "" });
    for (const path of ["/a", "/b", "/c/d"]) await app.request(path);
    const metrics = await metricsOf(app);
    const count = (route: string, status: number) =>
      metrics.get(`edge_prefix_requests_total{route="${route}",status="${status}"}`);
    expect(count("/v1/tasks/:task/predict", 200)).toBe(2);
    expect(count("/v1/tasks/:task/predict", 404)).toBe(1);
    expect(count("/v1/tasks/:task/predict", 422)).toBe(1);
    expect(count("none", 404)).toBe(3);
    expect([...metrics.keys()].filter((name) => name.includes("/c/d"))).toEqual([]);
  });

  it("counts a task's requests and inputs, alone and in a mixed call", async () => {
    const app = fakeApp();
    await app.predict({ inputs: ["a", "b"] });
    const items = [
      { task: "sentiment", inputs: ["c", "d", "e"] },
      { task: "entities", inputs: "f" },
      { task: "unknown", inputs: "g" },
    ];
    await app.request("/v1/predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ items }),
    });
    const metrics = await metricsOf(app);
    expect(metrics.get('edge_prefix_task_inputs_total{task="sentiment"}')).toBe(5);
    expect(metrics.get('edge_prefix_task_inputs_total{task="entities"}')).toBe(1);
    expect(metrics.get('edge_prefix_task_requests_total{task="sentiment",status="200"}')).toBe(2);
    // A name that a caller made up is no series.
    expect([...metrics.keys()].filter((name) => name.includes("unknown"))).toEqual([]);
  });

  it("names so many tasks and no more", async () => {
    const app = fakeApp({ METRICS_MAX_TASKS: 2 });
    for (const task of ["a", "b", "c", "d", "a"]) await app.predict({ inputs: "x" }, { task });
    const metrics = await metricsOf(app);
    const inputs = [...metrics].filter(([name]) =>
      name.startsWith("edge_prefix_task_inputs_total"),
    );
    expect(inputs).toEqual([
      ['edge_prefix_task_inputs_total{task="a"}', 2],
      ['edge_prefix_task_inputs_total{task="b"}', 1],
      ['edge_prefix_task_inputs_total{task="(other)"}', 2],
    ]);
  });

  it("has cumulative latencies that end in the number of requests", async () => {
    const times = [0, 7, 0, 700, 0, 60_000]; // start and end of three requests
    const app = fakeApp({}, { now: () => times.shift() ?? 0 });
    for (let i = 0; i < 3; i++) await app.request("/livez");
    const metrics = await metricsOf(app);
    const bucket = (le: string) =>
      metrics.get(`edge_prefix_request_duration_seconds_bucket{route="/livez",le="${le}"}`);
    expect(["0.005", "0.01", "0.5", "1", "30", "+Inf"].map(bucket)).toEqual([0, 1, 1, 2, 2, 3]);
    const route = '{route="/livez"}';
    expect(metrics.get(`edge_prefix_request_duration_seconds_sum${route}`)).toBeCloseTo(60.707);
    expect(metrics.get(`edge_prefix_request_duration_seconds_count${route}`)).toBe(3);
  });

  it("needs an admin's key where keys are on", async () => {
    const sha256 = (key: string) => createHash("sha256").update(key).digest("hex");
    const app = fakeApp({
      API_KEYS: [
        { name: "ops", sha256: sha256("ep_ops"), scopes: ["admin"] },
        { name: "shop", sha256: sha256("ep_shop") },
      ],
    });
    const statusFor = async (key: string): Promise<number> =>
      (await app.request("/metrics", { headers: { authorization: `Bearer ${key}` } })).status;
    expect(await statusFor("ep_ops")).toBe(200);
    expect(await statusFor("ep_shop")).toBe(403);
    expect((await app.request("/metrics")).status).toBe(401);
  });
});

describe("the log", () => {
  it("has one line a request, with its id and what it was, and none of its text", async () => {
    const app = fakeApp();
    await app.predict({ inputs: ["very private", "also private"] });
    await app.predict({ inputs: "private !window-limit" });
    await app.predict({ inputs: { text: "private", unknown: "private" } });
    await app.predict('{"inputs": "private');
    expect(app.logged).toHaveLength(4);
    expect(app.logged[0]).toMatchObject({
      level: "info",
      request_id: "generated-id",
      method: "POST",
      path: "/v1/tasks/sentiment/predict",
      route: "/v1/tasks/:task/predict",
      status: 200,
      task: "sentiment",
      version: "0123456789ab",
      inputs: 2,
    });
    expect(app.logged[3]).toMatchObject({ status: 400, code: "json-invalid" });
    expect(JSON.stringify(app.logged)).not.toContain("private");
  });

  it("waits for the end of a stream", async () => {
    const app = fakeApp();
    const headers = { accept: "application/x-ndjson" };
    const response = await app.predict({ inputs: ["a"] }, { headers });
    expect(app.logged).toHaveLength(0);
    await response.text();
    expect(app.logged).toHaveLength(1);
  });

  it("calls what is our fault an error", async () => {
    const app = fakeApp();
    await app.predict({ inputs: "!bug" });
    expect(app.logged.at(-1)).toMatchObject({ level: "error", status: 500, code: "internal" });
  });
});

describe("data points", () => {
  it("are written once a request, in columns that keep their order", async () => {
    const points: unknown[] = [];
    const app = fakeApp({}, { analytics: { writeDataPoint: (point) => void points.push(point) } });
    await app.predict({ inputs: ["a", "b"] });
    await app.request("/nowhere");
    const route = "/v1/tasks/:task/predict";
    expect(points).toEqual([
      {
        indexes: ["sentiment"],
        blobs: [route, "sentiment", "0123456789ab", "", ""],
        doubles: [200, 0, 2, 0],
      },
      {
        indexes: ["none"],
        blobs: ["none", "", "", "route-not-found", ""],
        doubles: [404, 0, 0, 0],
      },
    ]);
  });
});

describe("data points that cannot be written", () => {
  it("fail no request, and the log says why they are missing", async () => {
    const writeDataPoint = (): void => {
      throw new Error("too many points");
    };
    const app = fakeApp({}, { analytics: { writeDataPoint } });
    expect((await app.predict({ inputs: "a" })).status).toBe(200);
    expect(app.logged.at(-1)).toMatchObject({
      level: "warn",
      event: "analytics-failed",
      error: "Error: too many points",
    });
  });
});

describe("a Worker whose settings are wrong", () => {
  it("is alive, and says everywhere else what is wrong", async () => {
    const logged: Record<string, unknown>[] = [];
    const app = (() => {
      try {
        readConfig({ BASE: "pocket", MAX_INPUTS: "many" });
      } catch (error) {
        return createBrokenApp(error, {
          requestId: () => "an-id",
          log: (line) => logged.push(line),
        });
      }
      return expect.fail("the settings should have been refused");
    })();
    expect((await app.request("/livez")).status).toBe(200);
    for (const path of ["/readyz", "/v1/tasks", "/"]) {
      const response = await app.request(path);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({
        code: "config-invalid",
        detail: expect.stringContaining('MAX_INPUTS is "many"'),
        request_id: "an-id",
      });
    }
    expect(logged).toEqual([expect.objectContaining({ level: "error", event: "not-started" })]);
  });
});
