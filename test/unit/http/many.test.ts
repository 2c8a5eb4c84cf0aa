/** POST /v1/predict and /v1/embed as HTTP, over a predictor that computes nothing. */
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import {
  embedLineSchema,
  manyLineSchema,
  predictManyAnswerSchema,
  progressSchema,
} from "../../../src/http/schemas/schema.ts";
import { withHeartbeat } from "../../../src/http/answers/respond.ts";
import { fakeApp } from "../../support/fake-app.ts";
import type { FakeApp } from "../../support/fake-app.ts";
import { BASE_IDENTITY } from "../../support/manifests.ts";

const NDJSON = "application/x-ndjson";
const SSE = "text/event-stream";
const label = (text: string) => [{ label: text, score: 1 }];
const version = "0123456789ab";

const post = (app: FakeApp, path: string, body: unknown, accept = "application/json") =>
  app.request(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify(body),
  });
const many = (items: unknown, accept?: string, app = fakeApp()) =>
  post(app, "/v1/predict", { items }, accept);
const linesOf = async (response: Response): Promise<unknown[]> =>
  (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

describe("many tasks in one call", () => {
  it("answer each item as its task's own route does", async () => {
    const app = fakeApp();
    const items = [
      { task: "sentiment", inputs: "a" },
      { task: "entities", inputs: "b" },
      { task: "sentiment", inputs: ["c", { text: "d", text_pair: "e" }] },
      { task: "entities", inputs: ["f"], parameters: { aggregation_strategy: "first" } },
    ];
    const response = await many(items, undefined, app);
    expect(response.status).toBe(200);
    const own = items.map(async ({ task, ...body }) => ({
      task,
      version,
      result: await (await app.predict(body, { task })).json(),
    }));
    expect(await response.json()).toEqual({ results: await Promise.all(own) });
    expect(response.headers.get("x-model-identity")).toBe(`tiny@${BASE_IDENTITY.slice(0, 12)}`);
    expect(response.headers.get("server-timing")).toMatch(/^tokenize;dur=/);
  });

  it("keep failures to the item that has them, in its place, with status and path", async () => {
    const response = await many([
      { task: "unknown", inputs: "a" },
      { task: "sentiment", inputs: "b" },
      { task: "foreign", inputs: "c" },
      { task: "corrupt", inputs: ["d"] },
      { task: "sentiment", inputs: ["ok", " "] },
      { task: "sentiment", inputs: [] },
      { task: "sentiment", inputs: ["ok", "!window-limit"] },
      { task: "entities", inputs: "last" },
    ]);
    expect(response.status).toBe(200);
    const answer = (await response.json()) as { results: unknown[] };
    expect(answer.results).toMatchObject([
      { task: "unknown", error: { code: "task-not-found", status: 404 } },
      { task: "sentiment", version, result: [label("b")] },
      { task: "foreign", error: { code: "prefix-base-mismatch", status: 409 } },
      { task: "corrupt", error: { code: "task-corrupt", status: 503 } },
      { error: { code: "text-empty", status: 422, errors: [{ path: "/inputs/1" }] } },
      { error: { code: "inputs-empty", status: 422 } },
      { error: { code: "too-many-windows", status: 413, errors: [{ path: "/inputs/1" }] } },
      { task: "entities", version, result: label("last") },
    ]);
    expect(v.safeParse(predictManyAnswerSchema, answer).issues).toBeUndefined();
  });

  it("run nothing of an item that cannot be answered", async () => {
    const app = fakeApp();
    await many(
      [
        { task: "unknown", inputs: "a" },
        { task: "sentiment", inputs: ["b", ""] },
      ],
      undefined,
      app,
    );
    expect(app.seen).toEqual([]);
  });

  it("say which versions are stale and how many inputs were cut", async () => {
    const parameters = { truncation: true };
    const response = await many([
      { task: "stale", inputs: "a" },
      { task: "sentiment", inputs: ["b", "c"], parameters },
    ]);
    expect(response.headers.get("x-truncated")).toBe("2");
    expect(await response.json()).toMatchObject({
      results: [{ task: "stale", is_stale: true }, { task: "sentiment" }],
    });
  });

  it.each([
    ["a body that is a list", [], "request-invalid", "an object with items"],
    ["no items", { items: [] }, "inputs-empty", "items"],
    ["an item without a task", { items: [{ inputs: "a" }] }, "request-invalid", "/items/0/task"],
    [
      "an unknown field",
      { items: [{ task: "a", inputs: "a", x: 1 }] },
      "request-invalid",
      "/items/0/x",
    ],
    [
      "an unknown parameter value",
      {
        items: [
          { task: "a", inputs: "a" },
          { task: "a", inputs: "a", parameters: { top_k: 0 } },
        ],
      },
      "parameter-invalid",
      "/items/1/parameters/top_k",
    ],
    [
      "parameters in a list",
      { items: [{ task: "a", inputs: "a", parameters: [] }] },
      "request-invalid",
      "/items/0/parameters",
    ],
  ])("are refused as a whole for %s", async (_, body, code, place) => {
    const response = await post(fakeApp(), "/v1/predict", body);
    expect(response.status).toBe(code === "inputs-empty" ? 422 : 400);
    expect(await response.json()).toMatchObject({ code, detail: expect.stringContaining(place) });
  });

  it("count their inputs together, and their tasks", async () => {
    const items = Array.from({ length: 3 }, () => ({ task: "sentiment", inputs: ["a", "b"] }));
    const tight = await many(items, undefined, fakeApp({ MAX_INPUTS: 5 }));
    expect([tight.status, await tight.json()]).toMatchObject([413, { code: "too-many-inputs" }]);
    // Items without inputs count, too: each would be answered with a problem of its own.
    const none = Array.from({ length: 257 }, () => ({ task: "sentiment", inputs: [] }));
    expect(await (await many(none)).json()).toMatchObject({ code: "too-many-inputs", status: 413 });
    const tasks = Array.from({ length: 33 }, (_, i) => ({ task: `t${i}`, inputs: "a" }));
    expect(await (await many(tasks)).json()).toMatchObject({ code: "too-many-tasks" });
    expect((await many(tasks.slice(0, 32))).status).toBe(200);
  });

  it("fail as a whole when the queue is full or the deadline passes", async () => {
    for (const text of ["!overloaded", "!deadline"]) {
      const response = await many([
        { task: "sentiment", inputs: "a" },
        { task: "entities", inputs: text },
      ]);
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    }
  });

  it("stream a line an item, with its failures, its progress and the counts", async () => {
    const items = [
      { task: "sentiment", inputs: ["a", "long"] },
      { task: "unknown", inputs: "b" },
      { task: "entities", inputs: "c" },
    ];
    const lines = await linesOf(await many(items, NDJSON));
    expect(lines).toMatchObject([
      { index: 0, task: "sentiment", version, result: [label("a"), label("long")] },
      { index: 1, task: "unknown", error: { code: "task-not-found" } },
      { index: 2, task: "entities", version, result: label("c") },
      { done: true, count: 3, failed: 1 },
    ]);
    for (const line of lines) {
      expect(v.safeParse(manyLineSchema, line).issues).toBeUndefined();
    }
    expect(await (await many(items, SSE)).text()).toContain(
      'event: progress\ndata: {"index":0,"progress":{"done":1,"total":2}}\n\n',
    );
  });
});

describe("an embedding", () => {
  const embed = (body: unknown, accept?: string) => post(fakeApp(), "/v1/embed", body, accept);

  it.each([
    ["one text", "a", 1],
    ["a list", ["a", "b"], 2],
  ])("of %s is a list of vectors, in as few digits as float32 needs", async (_, inputs, count) => {
    const response = await embed({ inputs, normalize: false, pooling: "cls", truncate: null });
    expect(await response.json()).toEqual(Array.from({ length: count }, () => [0.100000001, 1]));
    expect(response.headers.get("x-model-identity")).toBe(`tiny@${BASE_IDENTITY.slice(0, 12)}`);
  });

  it.each([
    ["no inputs", {}, 400, "request-invalid"],
    ["an empty list", { inputs: [] }, 422, "inputs-empty"],
    ["an empty text", { inputs: ["a", ""] }, 422, "text-empty"],
    ["a pair", { inputs: [["a", "b"]] }, 400, "request-invalid"],
    ["another pooling", { inputs: "a", pooling: "max" }, 400, "request-invalid"],
    ["an unknown field", { inputs: "a", dimensions: 8 }, 400, "request-invalid"],
  ])("is refused for %s", async (_, body, status, code) => {
    const response = await embed(body);
    expect([response.status, await response.json()]).toMatchObject([status, { code }]);
  });

  it("can be streamed", async () => {
    const lines = await linesOf(await embed({ inputs: ["a", ""] }, NDJSON));
    expect(lines).toMatchObject([
      { index: 0, result: [0.100000001, 1] },
      { index: 1, error: { code: "text-empty" } },
      { done: true, count: 2, failed: 1 },
    ]);
    for (const line of lines) {
      expect(v.safeParse(embedLineSchema, line).issues).toBeUndefined();
    }
  });
});

describe("server-sent events", () => {
  it("tell the progress of a long text, without an id", async () => {
    const headers = { accept: SSE };
    const text = await (await fakeApp().predict({ inputs: ["a", "long"] }, { headers })).text();
    const [, data = ""] = /event: progress\ndata: (.*)\n\n/.exec(text) ?? [];
    expect(v.parse(progressSchema, JSON.parse(data))).toEqual({
      index: 1,
      progress: { done: 1, total: 2 },
    });
  });

  it("are kept from going silent by a comment while the next one takes long", async () => {
    const timers: (() => void)[] = [];
    const wait = () => new Promise<void>((resolve) => timers.push(resolve));
    let release: (chunk: string) => void = () => undefined;
    const slow = new Promise<string>((resolve) => (release = resolve));
    async function* source() {
      yield "first";
      yield await slow;
    }
    const chunks = withHeartbeat(source(), wait);
    expect((await chunks.next()).value).toBe("first");
    for (let beats = 0; beats < 3; beats++) {
      const next = chunks.next();
      timers.at(-1)!();
      expect((await next).value).toBe(": waiting\n\n");
    }
    release("second");
    expect((await chunks.next()).value).toBe("second");
    expect((await chunks.next()).done).toBe(true);
    // One timer at a time, not one an event.
    expect(timers).toHaveLength(4);
  });

  it("end their source when their reader leaves", async () => {
    const state = { isEnded: false };
    async function* source() {
      try {
        yield "first";
        yield "second";
      } finally {
        state.isEnded = true;
      }
    }
    for await (const chunk of withHeartbeat(source(), () => new Promise(() => {}))) {
      expect(chunk).toBe("first");
      break;
    }
    expect(state.isEnded).toBe(true);
  });
});

describe("an answer of cut texts", () => {
  it.each([
    ["application/json", "1"],
    [NDJSON, "1"],
    [SSE, "1"],
  ])("says so in its headers: %s", async (accept, expected) => {
    const body = { inputs: ["a"], parameters: { truncation: true } };
    const { headers } = await fakeApp().predict(body, { headers: { accept } });
    expect(headers.get("x-truncated")).toBe(expected);
    const whole = await fakeApp().predict({ inputs: ["a"] }, { headers: { accept } });
    expect(whole.headers.has("x-truncated")).toBe(false);
  });
});
