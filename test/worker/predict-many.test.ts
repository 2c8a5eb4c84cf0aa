/** Many tasks in one call, in workerd: one queue, common runs, and the answers of each task alone. */
import * as v from "valibot";
import { beforeAll, describe, expect, it } from "vitest";
import { predictManyAnswerSchema } from "../../src/http/schemas/schema.ts";
import { PROMPT_EMBEDDINGS } from "../../src/core/model/shapes.ts";
import type { TinyTaskOptions } from "../support/tiny-task.ts";
import { expectClose, linesOf, postJson, testApp, verdictOf } from "./app-support.ts";
import { baseManifest, makeTask, putTask, seedBases } from "./support.ts";

const TEXT = "the plot is dull and the acting is bad but funny too";
const LONG = `${TEXT} `.repeat(40);

/** Heads and prefixes of every kind that can share a run, and one kind (first position) that cannot. */
const TASKS: readonly TinyTaskOptions[] = [
  { task: "mood", manifest: { num_virtual_tokens: 0 } },
  {
    task: "topics",
    seed: 2,
    manifest: {
      num_virtual_tokens: 11,
      labels: ["a", "b", "c", "d"],
      problem_type: "multi_label_classification",
      thresholds: [0, 0.5, 0.5, 1],
    },
  },
  { task: "names", seed: 3, manifest: { type: "token" } },
  { task: "first", manifest: { pooling: "cls", num_virtual_tokens: 7 } },
  {
    task: "wild",
    damageTensors: (tensors) => (tensors.get(PROMPT_EMBEDDINGS)!.data as Float32Array).fill(3e38),
  },
];

/** The task's name among those of a base. */
const named = (task: string, base: string): string =>
  base === "pocket" ? task : `${task}-${base}`;

beforeAll(async () => {
  await seedBases();
  for (const base of ["pocket", "pocket-fp32"] as const) {
    for (const options of TASKS) {
      await putTask(
        await makeTask({ ...options, task: named(options.task, base) }, baseManifest(base)),
      );
    }
  }
});

const everything = { ignore_labels: [], offset_unit: "utf16" };
const ITEMS = [
  { task: "mood", inputs: "a great film" },
  { task: "names", inputs: "Angela Merkel visited Paris", parameters: everything },
  { task: "topics", inputs: ["a great film", { text: "dull", text_pair: "film" }] },
  { task: "first", inputs: ["the acting is bad"] },
  { task: "mood", inputs: ["dull", "long story"], parameters: { top_k: 1 } },
  { task: "names", inputs: [LONG], parameters: { ...everything, aggregation_strategy: "max" } },
];

describe.each(["pocket-fp32", "pocket"])("items of several tasks on %s", (base) => {
  it("are answered as each task answers alone", async () => {
    const items = ITEMS.map((item) => ({ ...item, task: named(item.task, base) }));
    const app = await testApp({ BASE: base });
    const response = await postJson(app, "/v1/predict", { items });
    const answer = (await response.json()) as { results: { task: string; result: unknown }[] };
    expect(response.status).toBe(200);
    expect(v.safeParse(predictManyAnswerSchema, answer).issues).toBeUndefined();
    for (const [i, { task, ...body }] of items.entries()) {
      const alone = await app.predict(task, body);
      const { result, ...rest } = answer.results[i]!;
      expect(rest).toEqual({ task, version: alone.headers.get("x-task-version") });
      // Attention columns are padded, so that even a quantized row rounds the same in a batch.
      expectClose(result, await alone.json(), 1e-5);
    }
  });
});

describe("rows of different tasks", () => {
  it("share one run: prefixes of different lengths, different heads, labels and entities", async () => {
    const app = await testApp({ MAX_BATCH_TOKENS: 128 });
    const items = ["mood", "names", "topics"].flatMap((task) =>
      Array.from({ length: 3 }, () => ({ task, inputs: TEXT })),
    );
    const response = await postJson(app, "/v1/predict", { items });
    expect(response.status).toBe(200);
    // Nine rows of 14 tokens are 126.
    expect(app.runs).toBe(1);
  });

  it("do not suffer from one whose numbers overflow", async () => {
    const app = await testApp();
    const items = [
      { task: "mood", inputs: TEXT },
      { task: "wild", inputs: TEXT },
      { task: "mood", inputs: TEXT },
    ];
    const { results } = (await (await postJson(app, "/v1/predict", { items })).json()) as {
      results: { result?: unknown; error?: { code: string } }[];
    };
    const alone = await (await app.predict("mood", { inputs: TEXT })).json();
    expectClose(results[0]!.result, alone, 1e-5);
    expectClose(results[2]!.result, alone, 1e-5);
    if (results[1]!.error) expect(results[1]!.error.code).toBe("answer-not-finite");
  });

  it("that the model cannot run fail alone, and are not asked for again", async () => {
    const app = await testApp();
    app.spoil("x");
    const items = ["x", TEXT, [TEXT, "x"]].map((inputs) => ({ task: "mood", inputs }));
    const [response, beside] = await Promise.all([
      postJson(app, "/v1/predict", { items }),
      app.predict("mood", { inputs: [TEXT] }),
    ]);
    expect(response.headers.get("retry-after")).toBeNull();
    expect(await response.json()).toMatchObject({
      results: [
        { error: { code: "text-not-runnable", status: 422 } },
        { result: expect.any(Array) as unknown },
        { error: { code: "text-not-runnable", status: 422 } },
      ],
    });
    expect(beside.status).toBe(200);
    const alone = await app.predict("mood", { inputs: "x" });
    expect(alone.headers.get("retry-after")).toBeNull();
    expect(await verdictOf(alone)).toBe("422 text-not-runnable");
  });

  it("arrive one by one in a stream, and a failed item is a line of its own", async () => {
    const app = await testApp({ MAX_BATCH_TOKENS: 16 });
    const items = [
      { task: "mood", inputs: TEXT },
      { task: "nowhere", inputs: TEXT },
      { task: "names", inputs: TEXT, parameters: { top_k: 1, version: "000000000000" } },
      { task: "topics", inputs: [TEXT, TEXT] },
    ];
    const response = await postJson(app, "/v1/predict", { items }, "application/x-ndjson");
    expect(await linesOf(response)).toMatchObject([
      { index: 0, task: "mood", result: [expect.any(Array)] },
      { index: 1, task: "nowhere", error: { code: "task-not-found" } },
      { index: 2, task: "names", error: { code: "version-not-found" } },
      { index: 3, task: "topics", result: [expect.any(Array), expect.any(Array)] },
      { done: true, count: 4, failed: 2 },
    ]);
  });
});

describe("a client of many tasks that leaves", () => {
  it("stops what has not run", async () => {
    const app = await testApp({ MAX_BATCH_TOKENS: 16 });
    app.allowRuns(1);
    const items = Array.from({ length: 8 }, () => ({ task: "mood", inputs: TEXT }));
    const response = await postJson(app, "/v1/predict", { items }, "text/event-stream");
    await response.body!.cancel();
    app.allowRuns(Infinity);
    const { runs } = app;
    expect((await app.predict("mood", { inputs: TEXT })).status).toBe(200);
    expect(app.runs).toBe(runs + 1);
  });
});
