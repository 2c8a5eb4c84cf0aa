/**
 * Streams in workerd: lines leave when their input is done, a reader that leaves stops the work,
 * requests do not wait for each other. Progress is measured in runs of the session, not in time.
 */
import { exports } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { readMetrics } from "../support/metrics-text.ts";
import { lineReader, linesOf, predictRequest, testApp } from "./app-support.ts";
import { clock, makeTask, putTask, seedBases } from "./support.ts";

const NDJSON = "application/x-ndjson";
/** 14 tokens, more than half of the smallest batch: every text is a run of its own. */
const TEXT = "the plot is dull and the acting is bad but funny too";
const ONE_ROW_A_RUN = { MAX_BATCH_TOKENS: 16 };
const COUNT = 12;
const INPUTS = Array.from({ length: COUNT }, () => TEXT);

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
  await putTask(await makeTask({ task: "names", manifest: { type: "token" } }));
});
afterEach(() => vi.restoreAllMocks());

describe("lines", () => {
  it("come in the order of the inputs, equal to the answer in JSON, and end with the count", async () => {
    const app = await testApp();
    const inputs = ["a film", TEXT.repeat(20), "x", ...INPUTS];
    for (const task of ["mood", "names"]) {
      const results = (await (await app.predict(task, { inputs })).json()) as unknown[];
      const lines = await linesOf(await app.predict(task, { inputs }, { accept: NDJSON }));
      expect(lines).toEqual([
        ...results.map((result, index) => ({ index, result })),
        { done: true, count: inputs.length },
      ]);
    }
  });

  it("arrive one by one: the first can be read while the second input's run has not begun", async () => {
    const app = await testApp(ONE_ROW_A_RUN);
    app.allowRuns(1);
    const reader = lineReader(await app.predict("mood", { inputs: INPUTS }, { accept: NDJSON }));
    expect(await reader.next()).toMatchObject({ index: 0 });
    app.allowRuns(3);
    expect(await reader.next()).toMatchObject({ index: 1 });
    expect(await reader.next()).toMatchObject({ index: 2 });
    app.allowRuns(Infinity);
    for (let index = 3; index < COUNT; index++)
      expect(await reader.next()).toMatchObject({ index });
    expect(await reader.next()).toEqual({ done: true, count: COUNT });
    expect(await reader.next()).toBeNull();
    expect(app.runs).toBe(COUNT);
  });

  it("arrive one by one as server-sent events too", async () => {
    const app = await testApp(ONE_ROW_A_RUN);
    app.allowRuns(1);
    const accept = "text/event-stream";
    const response = await app.predict("mood", { inputs: INPUTS }, { accept });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toMatch(/^event: result\nid: 0\ndata: \{.*\}\n\n$/);
    app.allowRuns(Infinity);
    await reader.cancel();
  });

  it("tell a bad text in its place and go on", async () => {
    const app = await testApp(ONE_ROW_A_RUN);
    const inputs = [TEXT, "", { text: TEXT }, "\ud800", TEXT];
    const lines = await linesOf(await app.predict("mood", { inputs }, { accept: NDJSON }));
    expect(lines).toMatchObject([
      { index: 0, result: expect.any(Array) },
      { index: 1, error: { code: "text-empty" } },
      { index: 2, result: expect.any(Array) },
      { index: 3, error: { code: "text-not-unicode" } },
      { index: 4, result: expect.any(Array) },
      { done: true, count: 5, failed: 2 },
    ]);
    expect(app.runs).toBe(3);
  });

  it("tell a text that the model cannot run in its place, and answer those that shared its run", async () => {
    const app = await testApp();
    app.spoil("x");
    const inputs = [TEXT, "x", TEXT];
    const response = await app.predict("mood", { inputs }, { accept: NDJSON });
    const lines = await linesOf(response);
    expect(lines).toMatchObject([
      { index: 0, result: expect.any(Array) },
      { index: 1, error: { code: "text-not-runnable", status: 422 } },
      { index: 2, result: expect.any(Array) },
      { done: true, count: 3, failed: 1 },
    ]);
    expect(JSON.stringify(lines[1])).not.toContain("try again");
  });

  it("leave the deployed Worker in parts", async () => {
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    const worker = (exports as unknown as { default: Fetcher }).default;
    const inputs = Array.from({ length: 100 }, () => TEXT);
    const response = await worker.fetch(predictRequest("mood", { inputs }, NDJSON));
    let parts = 0;
    let text = "";
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      parts++;
      text += part;
    }
    expect(text.trimEnd().split("\n"), text.slice(0, 500)).toHaveLength(101);
    expect(parts).toBeGreaterThan(1);
  });
});

describe("a reader that leaves", () => {
  it("in mid-stream stops the work", async () => {
    const app = await testApp(ONE_ROW_A_RUN);
    const reader = lineReader(await app.predict("mood", { inputs: INPUTS }, { accept: NDJSON }));
    expect(await reader.next()).toMatchObject({ index: 0 });
    await reader.cancel();
    const runs = app.runs;
    expect(runs).toBeLessThan(COUNT);
    // What is still queued would run now, by another request.
    expect((await app.predict("mood", { inputs: TEXT })).status).toBe(200);
    expect(app.runs).toBe(runs + 1);
    expect(app.logged).toHaveLength(2);
  });

  it("while a run is under way stops everything after it", async () => {
    const app = await testApp(ONE_ROW_A_RUN);
    app.allowRuns(1);
    const reader = lineReader(await app.predict("mood", { inputs: INPUTS }, { accept: NDJSON }));
    await reader.next();
    const pending = reader.next();
    while (app.runs < 2) await clock.wait(0);
    const left = reader.cancel();
    app.allowRuns(Infinity);
    await left;
    await pending;
    expect((await app.predict("mood", { inputs: TEXT })).status).toBe(200);
    expect(app.runs).toBe(3);
  });

  it("before the first byte stops the work too, in any format", async () => {
    for (const accept of ["application/json", NDJSON]) {
      const app = await testApp(ONE_ROW_A_RUN);
      app.allowRuns(1);
      const client = new AbortController();
      const response = app.predict("mood", { inputs: INPUTS }, { accept, signal: client.signal });
      if (accept === NDJSON) await (await response).body!.cancel();
      else {
        while (app.runs < 2) await clock.wait(0);
        client.abort();
        app.allowRuns(Infinity);
        expect((await response).status).toBe(499);
      }
      app.allowRuns(Infinity);
      const runs = app.runs;
      expect((await app.predict("mood", { inputs: TEXT })).status).toBe(200);
      expect(app.runs).toBe(runs + 1);
    }
  });
});

describe("requests at the same time", () => {
  it("all get their own answers", async () => {
    const app = await testApp();
    const texts = Array.from({ length: 30 }, (_, i) =>
      `film ${i} is ${i % 2 ? "good" : "bad"} `.repeat(1 + (i % 5)),
    );
    const alone: unknown[] = [];
    for (const inputs of texts) alone.push(await (await app.predict("mood", { inputs })).json());
    const together = await Promise.all(
      texts.map(async (inputs) => (await app.predict("mood", { inputs })).json()),
    );
    const rounded = (answers: unknown) =>
      JSON.stringify(answers, (_, value) => (typeof value === "number" ? value.toFixed(3) : value));
    expect(rounded(together)).toBe(rounded(alone));
  });

  it("wait for the run under way of a long one, and for no other", async () => {
    const app = await testApp(ONE_ROW_A_RUN);
    app.allowRuns(0);
    const long = app.predict("mood", { inputs: INPUTS });
    while (app.runs < 1) await clock.wait(0);
    const queued = async (): Promise<number | undefined> => {
      const response = await app.fetch(new Request("https://worker/metrics"));
      return readMetrics(await response.text()).get("edge_prefix_queue_tokens");
    };
    const before = await queued();
    const short = app.predict("names", { inputs: TEXT });
    while ((await queued()) === before) await clock.wait(0);
    app.allowRuns(2);
    expect((await short).status).toBe(200);
    app.allowRuns(Infinity);
    expect((await long).status).toBe(200);
    expect(app.runs).toBe(COUNT + 1);
  });

  it("that are too much are refused with 503, and the one under way ends well", async () => {
    const app = await testApp({ ...ONE_ROW_A_RUN, MAX_QUEUED_TOKENS: 200 });
    app.allowRuns(1);
    const first = app.predict("mood", { inputs: INPUTS });
    while (app.runs < 1) await clock.wait(0);
    const refused = await app.predict("mood", { inputs: INPUTS });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await refused.json()).toMatchObject({ code: "overloaded" });
    app.allowRuns(Infinity);
    expect((await first).status).toBe(200);
  });

  it("that take too long end with 503 instead of waiting for ever", async () => {
    const app = await testApp({ ...ONE_ROW_A_RUN, DEADLINE_MS: 1, MICROS_PER_TOKEN: 1 });
    app.allowRuns(0);
    const state = { isAnswered: false };
    const response = app
      .predict("mood", { inputs: INPUTS })
      .finally(() => (state.isAnswered = true));
    // On a busy machine the deadline may pass before the first run has begun.
    while (app.runs < 1 && !state.isAnswered) await clock.wait(2);
    await clock.wait(2);
    app.allowRuns(Infinity);
    expect(await (await response).json()).toMatchObject({ code: "deadline-exceeded" });
  });
});
