/** Routes, methods, headers, shapes of answers and content negotiation, over a predictor that computes nothing. */
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { lineSchema, problemSchema, taskDetailsSchema } from "../../../src/http/schemas/schema.ts";
import { fakeApp } from "../../support/fake-app.ts";
import { BASE_IDENTITY } from "../../support/manifests.ts";

const JSON_TYPE = "application/json";
const label = (text: string) => [{ label: text, score: 1 }];

describe("an answer in JSON", () => {
  // Shapes: those that Hugging Face's inference API gives and its clients parse.
  it.each([
    ["one text", "sentiment", "a", [label("a")]],
    ["a list of one", "sentiment", ["a"], [label("a")]],
    ["a list", "sentiment", ["a", "b"], [label("a"), label("b")]],
    ["an object", "sentiment", { text: "a" }, [label("a")]],
    ["an object with a pair", "sentiment", { text: "a", text_pair: "b" }, [label("a")]],
    ["mixed items", "sentiment", ["a", { text: "b" }, ["c", "d"]], ["a", "b", "c"].map(label)],
    ["one text of a token task", "entities", "a", label("a")],
    ["a list for a token task", "entities", ["a"], [label("a")]],
  ])("has Hugging Face's shape for %s", async (_, task, inputs, expected) => {
    const response = await fakeApp().predict({ inputs }, { task });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(expected);
  });

  it("hands text pairs to the predictor, however they were written", async () => {
    const app = fakeApp();
    await app.predict({
      inputs: [["a", "b"], { text: "a", text_pair: "b" }, { text: "c", text_pair: null }],
    });
    const pair = { text: "a", text_pair: "b" };
    expect(app.seen).toEqual([pair, pair, { text: "c" }]);
  });

  it("names request, version and base in its headers and is not to be cached", async () => {
    const { headers } = await fakeApp().predict({ inputs: "a" });
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": JSON_TYPE,
      "cache-control": "no-store",
      "x-request-id": "generated-id",
      "x-task-version": "0123456789ab",
      "x-model-identity": `tiny@${BASE_IDENTITY.slice(0, 12)}`,
      "server-timing": "tokenize;dur=0.0, queue;dur=0.0, run;dur=0.0, decode;dur=0.0",
    });
    expect(headers.has("x-task-stale")).toBe(false);
  });

  it("says when it comes from a version that the bucket no longer confirms", async () => {
    const { headers } = await fakeApp().predict({ inputs: "a" }, { task: "stale" });
    expect(headers.get("x-task-stale")).toBe("true");
  });

  it.each([
    { parameters: {} },
    { parameters: null },
    { parameters: { top_k: null } },
    { options: { use_cache: false, wait_for_model: true } },
  ])("takes %j as a client of Hugging Face sends it", async (more) => {
    expect((await fakeApp().predict({ inputs: "a", ...more })).status).toBe(200);
  });

  it("takes JSON with a charset, a vendor type and a byte order mark", async () => {
    for (const type of ["application/json; charset=utf-8", "application/vnd.api+json"]) {
      const response = await fakeApp().predict(
        { inputs: "a" },
        { headers: { "content-type": type } },
      );
      expect(response.status).toBe(200);
    }
    expect((await fakeApp().predict('\uFEFF{"inputs": "a"}')).status).toBe(200);
  });
});

describe("the Accept header", () => {
  const typeFor = async (accept: string): Promise<string | null> =>
    (await fakeApp().predict({ inputs: ["a"] }, { headers: { accept } })).headers.get(
      "content-type",
    );

  it.each([
    ["*/*", JSON_TYPE],
    ["application/*", JSON_TYPE],
    ["application/json", JSON_TYPE],
    ["application/x-ndjson", "application/x-ndjson"],
    ["Application/X-NDJSON", "application/x-ndjson"],
    ["text/event-stream", "text/event-stream; charset=utf-8"],
    ["text/*", "text/event-stream; charset=utf-8"],
    ["application/json;q=0.5, application/x-ndjson", "application/x-ndjson"],
    ["application/x-ndjson;q=0.5, application/json", JSON_TYPE],
    ["application/x-ndjson, application/json", "application/x-ndjson"],
    ["application/x-ndjson, */*;q=0.1", "application/x-ndjson"],
    ["application/json;q=0, */*", "application/x-ndjson"],
    ["text/html, */*;q=0.8", JSON_TYPE],
  ])("%s is answered in %s", async (accept, expected) => {
    expect(await typeFor(accept)).toBe(expected);
  });

  it.each(["text/html", "application/xml;q=0.9", "image/*", "application/json;q=0"])(
    "%s cannot be answered: 406 with the list of what can",
    async (accept) => {
      const response = await fakeApp().predict({ inputs: "a" }, { headers: { accept } });
      expect(response.status).toBe(406);
      expect(await response.json()).toMatchObject({
        code: "not-acceptable",
        detail: expect.stringContaining("application/x-ndjson"),
      });
    },
  );
});

describe("a stream", () => {
  const stream = async (accept: string, inputs: unknown): Promise<string> =>
    (await fakeApp().predict({ inputs }, { headers: { accept } })).text();
  const lines = async (inputs: unknown): Promise<unknown[]> =>
    (await stream("application/x-ndjson", inputs))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));

  it("has a line an input and one with the count", async () => {
    expect(await lines(["a", "b"])).toEqual([
      { index: 0, result: label("a") },
      { index: 1, result: label("b") },
      { done: true, count: 2 },
    ]);
  });

  it("gives a failed input its own line, wherever it failed, and goes on", async () => {
    expect(await lines(["", "b", "!window-limit", "d", "\ud800"])).toMatchObject([
      { index: 0, error: { code: "text-empty", status: 422, request_id: "generated-id" } },
      { index: 1, result: label("b") },
      { index: 2, error: { code: "too-many-windows", status: 413 } },
      { index: 3, result: label("d") },
      { index: 4, error: { code: "text-not-unicode", status: 422 } },
      { done: true, count: 5, failed: 3 },
    ]);
  });

  it("says in-band that the rest is missing when everything fails after the first line", async () => {
    expect(await lines(["a", "!deadline", "c"])).toMatchObject([
      { index: 0, result: label("a") },
      { error: { code: "deadline-exceeded", status: 503 } },
      { done: false, count: 1 },
    ]);
  });

  it("hides what an unforeseen error says, in-band too, and logs it", async () => {
    const app = fakeApp();
    const headers = { accept: "application/x-ndjson" };
    const text = await (await app.predict({ inputs: ["a", "!bug"] }, { headers })).text();
    expect(text).toContain('"code":"internal"');
    expect(text).not.toContain("secret");
    expect(app.logged).toContainEqual(
      expect.objectContaining({ error: expect.stringContaining("secret") }),
    );
  });

  it.each([
    ["an overload before the first line", ["!overloaded"], 503],
    ["a bad text when there is no other", "", 422],
    ["a limit that the predictor finds when there is no other text", "!window-limit", 413],
  ])("is refused by status for %s", async (_, inputs, status) => {
    const headers = { accept: "application/x-ndjson" };
    expect((await fakeApp().predict({ inputs }, { headers })).status).toBe(status);
  });

  it("can be server-sent events", async () => {
    expect(await stream("text/event-stream", ["a", "!window-limit"])).toBe(
      `event: result\nid: 0\ndata: {"index":0,"result":[{"label":"a","score":1}]}\n\n` +
        `event: error\nid: 1\ndata: {"index":1,"error":{"type":"urn:edge-prefix:problem:too-many-windows","title":"The request is larger than allowed","status":413,"detail":"text: needs 99 windows","instance":"/v1/tasks/sentiment/predict","code":"too-many-windows","request_id":"generated-id"}}\n\n` +
        `event: done\ndata: {"done":true,"count":2,"failed":1}\n\n`,
    );
  });
});

describe("the schemas of answers", () => {
  it("hold for lines, tasks and problems", async () => {
    const app = fakeApp();
    const headers = { accept: "application/x-ndjson" };
    for (const inputs of [
      ["a", "", "!window-limit"],
      ["a", "!deadline"],
    ]) {
      const text = await (await app.predict({ inputs }, { headers })).text();
      for (const line of text.trimEnd().split("\n")) {
        expect(v.safeParse(lineSchema, JSON.parse(line)).issues).toBeUndefined();
      }
    }
    const task: unknown = await (await app.request("/v1/tasks/stale")).json();
    expect(v.safeParse(taskDetailsSchema, task).issues).toBeUndefined();
    const problem: unknown = await (await app.predict({ inputs: [5] })).json();
    expect(v.safeParse(problemSchema, problem).issues).toBeUndefined();
  });
});

describe("a request id", () => {
  it.each([
    ["abc-123_=", "abc-123_="],
    ["4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736"],
    ["with space", "generated-id"],
    ["x".repeat(129), "generated-id"],
  ])("%s comes back as %s", async (sent, expected) => {
    const response = await fakeApp().request("/livez", { headers: { "x-request-id": sent } });
    expect(response.headers.get("x-request-id")).toBe(expected);
  });

  it("is in the problem document and on its header", async () => {
    const response = await fakeApp().request("/nowhere", { headers: { "x-request-id": "mine" } });
    expect(response.headers.get("x-request-id")).toBe("mine");
    expect(await response.json()).toMatchObject({ request_id: "mine" });
  });
});

describe("health", () => {
  it("is alive whatever the base does", async () => {
    const response = await fakeApp({}, { isReady: false }).request("/livez");
    expect([response.status, await response.json()]).toEqual([200, { status: "alive" }]);
  });

  it("is ready with the base's name and identity", async () => {
    const response = await fakeApp().request("/readyz");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: "ready",
      base: "tiny",
      identity: BASE_IDENTITY,
      loaded_from: "graph",
      api_keys: "off",
      signatures: "off",
    });
  });

  it("says what is missing until then, and when to ask again", async () => {
    const response = await fakeApp({}, { isReady: false }).request("/readyz");
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({
      code: "base-not-ready",
      detail: "base: loading (reading model.onnx)",
    });
  });
});

describe("what is served", () => {
  it("is listed with the error of a task that cannot be opened", async () => {
    const response = await fakeApp().request("/v1/tasks");
    expect(await response.json()).toMatchObject({
      tasks: [
        {
          task: "sentiment",
          type: "sequence",
          labels: ["negative", "positive"],
          base: `tiny@${BASE_IDENTITY.slice(0, 12)}`,
          version: "0123456789ab",
          num_virtual_tokens: 3,
          metrics: { accuracy: 0.9 },
          created: "2026-01-02T03:04:05.678Z",
        },
        { task: "entities", type: "token" },
        { task: "corrupt", error: { code: "task-corrupt" } },
      ],
    });
  });

  it("can be asked one by one", async () => {
    const app = fakeApp();
    expect(await (await app.request("/v1/tasks/entities")).json()).toMatchObject({
      task: "entities",
    });
    expect((await app.request("/v1/tasks/unknown")).status).toBe(404);
    expect((await app.request("/v1/tasks/corrupt")).status).toBe(503);
  });

  it("has a first page with a curl line for a task that exists", async () => {
    const index = (await (await fakeApp().request("http://host:8899/")).json()) as { try: string };
    expect(index.try).toContain("http://host:8899/v1/tasks/sentiment/predict");
  });
});

describe("methods", () => {
  it.each([
    ["GET", "/v1/tasks/sentiment/predict", "POST, OPTIONS"],
    ["HEAD", "/v1/tasks/sentiment/predict", "POST, OPTIONS"],
    ["DELETE", "/v1/tasks/sentiment/predict", "POST, OPTIONS"],
    ["POST", "/v1/tasks", "GET, HEAD, OPTIONS"],
    ["PUT", "/v1/tasks/sentiment", "GET, HEAD, OPTIONS"],
    ["POST", "/livez", "GET, HEAD, OPTIONS"],
    ["PATCH", "/", "GET, HEAD, OPTIONS"],
  ])("%s %s is 405 with what is allowed: %s", async (method, path, allow) => {
    const response = await fakeApp().request(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    if (method !== "HEAD")
      expect(await response.json()).toMatchObject({ code: "method-not-allowed" });
  });

  it("OPTIONS says what a path allows", async () => {
    const response = await fakeApp().request("/v1/tasks/x/predict", { method: "OPTIONS" });
    expect([response.status, response.headers.get("allow")]).toEqual([204, "POST, OPTIONS"]);
    expect(response.headers.get("content-type")).toBeNull();
    expect(await response.text()).toBe("");
  });

  it("HEAD answers as GET without a body", async () => {
    const response = await fakeApp().request("/livez", { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  it.each(["/nowhere", "/v1", "/v1/tasks/a/b/c", "/v1/tasks/a/predict/b", "/%E0%A4%A"])(
    "%s is 404",
    async (path) => {
      const response = await fakeApp().request(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: "route-not-found" });
    },
  );

  it("a slash at the end changes nothing", async () => {
    expect((await fakeApp().request("/v1/tasks/")).status).toBe(200);
  });
});
