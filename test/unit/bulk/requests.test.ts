/** Rows in OpenAI's form: one call of the predictor for all, and for each what its own route answers. */
import { describe, expect, it } from "vitest";
import { OverloadedError, UnavailableError } from "../../../src/core/errors.ts";
import { createRequestAnswers } from "../../../src/http/bulk/requests.ts";
import type { Answer } from "../../../src/serve/bulk/answered.ts";
import type { Job } from "../../../src/serve/bulk/job.ts";
import type { Predictor } from "../../../src/serve/predictor.ts";
import type { Row } from "../../../src/serve/bulk/rows.ts";
import { bulkOf, putJob } from "../../support/bulk-queue.ts";
import { fakeApp } from "../../support/fake-app.ts";
import type { FakeApp } from "../../support/fake-app.ts";

const rowsOf = (bodies: readonly unknown[]): Row[] =>
  bodies.map((body, i) => ({
    start: i,
    end: i + 1,
    line: i + 1,
    nextLine: i + 2,
    id: `row-${i}`,
    asked: { kind: "request", body },
  }));

const VERSION = "0123456789ab";

async function answersOf(
  { deps }: FakeApp,
  endpoint: string,
  bodies: readonly unknown[],
  more: Partial<Job> = {},
): Promise<readonly Answer[]> {
  const task = /tasks\/(.+)\/predict/.exec(endpoint)?.[1] ?? null;
  const pins = async (_: Job, name: string) => (name === "unknown" ? undefined : VERSION);
  const answer = createRequestAnswers({ deps, pins, hold: () => undefined });
  const rows = { kind: "requests" } as const;
  const job = await putJob(bulkOf(answer), "{}\n", { endpoint, task, rows, ...more });
  return answer(job, rowsOf(bodies), new AbortController().signal);
}

/** The app's own answer to a body, by the version that the batch has pinned. */
async function direct(app: FakeApp, endpoint: string, body: unknown): Promise<Answer> {
  const isPinned = /tasks/.test(endpoint) && !endpoint.includes("unknown");
  const response = await app.request(isPinned ? `${endpoint}?version=${VERSION}` : endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { status, headers } = response;
  return { status, requestId: headers.get("x-request-id")!, body: await response.json() };
}

const deep = (levels: number): unknown => (levels === 0 ? "a" : [deep(levels - 1)]);
const FIELDS = Object.fromEntries(Array.from({ length: 1_100 }, (_, i) => [`f${i}`, i]));
const LIMITS = { MAX_INPUTS: 3, MAX_CHARACTERS: 40, MAX_BODY_BYTES: 20_000 };

const BODIES: Readonly<Record<string, readonly unknown[]>> = {
  "/v1/tasks/sentiment/predict": [
    { inputs: "a good film" },
    { inputs: ["one", { text: "two", text_pair: "and more" }], parameters: { top_k: 1 } },
    { inputs: "" },
    { inputs: ["fine", "\ud800"] },
    { inputs: "!window-limit" },
    { inputs: "long" },
    { inputs: "x".repeat(41) },
    { inputs: ["a", "b", "c", "d"] },
    { inputs: [] },
    { inputs: "a", parameters: { version: "ffffffffffff" } },
    { inputs: "a", parameters: { top_k: 0 } },
    { words: "a film" },
    null,
    "text",
    { inputs: "a", parameters: deep(20) },
    { inputs: "a", options: FIELDS },
    { inputs: "x".repeat(30_000) },
  ],
  "/v1/tasks/entities/predict": [{ inputs: "one" }, { inputs: ["one"] }],
  "/v1/tasks/unknown/predict": [{ inputs: "one" }, { inputs: "" }],
  "/v1/tasks/foreign/predict": [{ inputs: "one" }],
  "/v1/predict": [
    {
      items: [
        { task: "sentiment", inputs: "a" },
        { task: "entities", inputs: "b" },
      ],
    },
    {
      items: [
        { task: "stale", inputs: ["a", "!window-limit"] },
        { task: "unknown", inputs: "a" },
      ],
    },
    { items: [{ task: "stale", inputs: [] }] },
    { items: [] },
    { inputs: "a" },
  ],
  "/v1/embeddings": [
    { model: "tiny", input: "four" },
    { model: "tiny", input: ["four", "and seven"], encoding_format: "base64" },
    { model: "other", input: "a" },
    { model: "tiny", input: "a", dimensions: 3 },
    { model: "tiny", input: ["a", " "] },
    { model: "tiny", input: [[1, 2]] },
    { input: "a" },
  ],
};

describe("rows in OpenAI's form", () => {
  it.each(Object.entries(BODIES))("get what %s answers to each alone", async (endpoint, bodies) => {
    const app = fakeApp(LIMITS);
    const answers = await answersOf(app, endpoint, bodies);
    const expected = [];
    for (const body of bodies) expected.push(await direct(app, endpoint, body));
    // The fake app's routes count no tokens.
    const withoutUsage = (all: readonly Answer[]) =>
      all.map((answer) =>
        JSON.parse(JSON.stringify(answer, (key, v) => (key === "usage" ? 0 : v))),
      );
    expect(withoutUsage(answers)).toEqual(withoutUsage(expected));
  });

  it("count the tokens of their own texts", async () => {
    const bodies = ["four", ["four", "eleven more"], "a"].map((input) => ({
      model: "tiny",
      input,
    }));
    const answers = await answersOf(fakeApp(), "/v1/embeddings", bodies);
    expect(answers).toMatchObject(
      [4, 15, 1].map((tokens) => ({
        body: { usage: { prompt_tokens: tokens, total_tokens: tokens } },
      })),
    );
  });

  it("are asked in one call of the predictor, by length, whatever their parameters", async () => {
    const app = fakeApp();
    const calls: string[][] = [];
    const predictMany: Predictor["predictMany"] = (base, asks, how) => {
      calls.push(asks.map(({ input, parameters: { top_k } }) => `${input.text} ${top_k}`));
      return app.deps.predictor.predictMany(base, asks, how);
    };
    const deps = { ...app.deps, predictor: { ...app.deps.predictor, predictMany } };
    const bodies = [
      { inputs: ["longest of all", "short"], parameters: { top_k: 1 } },
      { inputs: " " },
      { inputs: "a text", parameters: { top_k: 2 } },
    ];
    const answers = await answersOf({ ...app, deps }, "/v1/tasks/sentiment/predict", bodies);
    expect(calls).toEqual([["short 1", "a text 2", "longest of all 1"]]);
    expect(answers).toMatchObject([
      { status: 200, body: [[{ label: "longest of all" }], [{ label: "short" }]] },
      { status: 422, body: { code: "text-empty" } },
      { status: 200, body: [[{ label: "a text" }]] },
    ]);
  });

  it("may name the tasks of the key that made the batch, and no other", async () => {
    const bodies = ["entities", "sentiment"].map((task) => ({ items: [{ task, inputs: "a" }] }));
    const answers = await answersOf(fakeApp(), "/v1/predict", bodies, { tasks: ["sentiment"] });
    expect(answers).toMatchObject([
      { error: { code: "not-allowed" } },
      { status: 200, body: { results: [{ task: "sentiment", version: VERSION }] } },
    ]);
  });

  it.each([
    ["!overloaded", OverloadedError, "overloaded"],
    ["!deadline", OverloadedError, "deadline-exceeded"],
  ])("are asked again where %s says nothing about them", async (inputs, kind, code) => {
    const asked = answersOf(fakeApp(), "/v1/tasks/sentiment/predict", [{ inputs }]);
    await expect(asked).rejects.toThrow(kind);
    await expect(asked).rejects.toMatchObject({ code });
  });

  it.each(["corrupt", "unreachable", "malformed"])("wait for a task that is %s", async (task) => {
    const asked = answersOf(fakeApp(), `/v1/tasks/${task}/predict`, [{ inputs: "a" }]);
    await expect(asked).rejects.toThrow(UnavailableError);
  });

  it("are asked apart where a call fails, and an unforeseen failure is the answer of one", async () => {
    const endpoint = "/v1/tasks/sentiment/predict";
    const [bug, sound] = [{ inputs: "!bug" }, { inputs: "a" }];
    await expect(answersOf(fakeApp(), endpoint, [bug, sound])).rejects.toThrow(TypeError);
    expect(await answersOf(fakeApp(), endpoint, [bug])).toMatchObject([
      { status: 500, body: { code: "internal" } },
    ]);
  });
});
