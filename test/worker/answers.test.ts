/** Every kind of answer over HTTP in workerd: problem types, calibration, cut and long texts, progress. */
import { beforeAll, describe, expect, it } from "vitest";
import { CLASSIFIER_BIAS, CLASSIFIER_WEIGHT, PROTOTYPES } from "../../src/core/model/shapes.ts";
import type { TinyTaskOptions } from "../support/tiny-task.ts";
import type { TaskManifest } from "../../src/core/format/manifest.ts";
import { clock, makeTask, putTask, seedBases } from "./support.ts";
import { linesOf, testApp } from "./app-support.ts";
import type { TestApp } from "./app-support.ts";

interface Scored {
  readonly label: string;
  readonly score: number;
}

const TEXT = "the plot is dull and the acting is bad but funny too";
const LONG = `${TEXT} `.repeat(40);
const SSE = "text/event-stream";

/** A task whose logits are the given numbers, whatever the text is: its head has only a bias. */
async function putConstant(task: string, bias: number[], manifest: Partial<TaskManifest> = {}) {
  const labels = bias.map((_, c) => `label-${c}`);
  await putTask(
    await makeTask({
      task,
      manifest: { labels, ...manifest },
      damageTensors(tensors) {
        (tensors.get(CLASSIFIER_WEIGHT)!.data as Float32Array).fill(0);
        (tensors.get(CLASSIFIER_BIAS)!.data as Float32Array).set(bias);
      },
    }),
  );
}

/** Its prototype has no direction, so that every text is as unfamiliar as can be: -1. */
const KNOWS_OTHERS: TinyTaskOptions = {
  task: "choosy",
  manifest: { other: { label: "unknown", similarity: -1, spread: 0.1 } },
  damageTensors: (tensors) => {
    const [, hidden = 0] = tensors.get(CLASSIFIER_WEIGHT)!.dims;
    tensors.set(PROTOTYPES, { dtype: "int8", dims: [1, hidden], data: new Int8Array(hidden) });
  },
};

const multi = { problem_type: "multi_label_classification" } as const;

beforeAll(async () => {
  await seedBases();
  await putConstant("calibrated", [2, 0], { temperature: 2 });
  await putConstant("multi", [2, 0, -2], multi);
  await putConstant("decided", [2, 0, -2], { ...multi, thresholds: [0.9, 0.5, 0.1] });
  await putConstant("silent", [-9, -9], { ...multi, thresholds: [0.5, 0.5] });
  await putTask(await makeTask(KNOWS_OTHERS));
  await putConstant("stars", [3.25], { problem_type: "regression", temperature: 4 });
  await putConstant("tags", [2, 0, 0], {
    type: "token",
    temperature: 2,
    labels: ["PER", "LOC", "O"],
  });
  await putTask(await makeTask({ task: "mood" }));
  await putTask(await makeTask({ task: "names", manifest: { type: "token" } }));
});

async function labelsOf(app: TestApp, task: string, parameters = {}): Promise<Scored[]> {
  const response = await app.predict(task, { inputs: TEXT, parameters });
  expect(response.status).toBe(200);
  const [answer] = (await response.json()) as Scored[][];
  return answer!;
}

describe("scores", () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

  it("of one label of many are the softmax of logits / temperature", async () => {
    const answer = await labelsOf(await testApp(), "calibrated");
    expect(answer.map(({ label }) => label)).toEqual(["label-0", "label-1"]);
    expect(answer[0]!.score).toBeCloseTo(sigmoid(2 / 2), 6);
  });

  it("of several labels are sigmoids; thresholds of the task choose, top_k overrules them", async () => {
    const app = await testApp();
    const all = await labelsOf(app, "multi");
    expect(all.map(({ label }) => label)).toEqual(["label-0", "label-1", "label-2"]);
    for (const [i, logit] of [2, 0, -2].entries()) {
      expect(all[i]!.score).toBeCloseTo(sigmoid(logit), 6);
    }
    const names = (answer: Scored[]) => answer.map(({ label }) => label);
    expect(names(await labelsOf(app, "decided"))).toEqual(["label-1", "label-2"]);
    expect(names(await labelsOf(app, "decided", { top_k: 1 }))).toEqual(["label-0"]);
    expect(await labelsOf(app, "silent")).toEqual([]);
  });

  it("of texts that fit no label are those of its name, which the task tells", async () => {
    const app = await testApp();
    const answer = await labelsOf(app, "choosy");
    expect(answer).toHaveLength(3);
    expect(answer[0]).toEqual({ label: "unknown", score: 0.5 });
    expect(answer.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 6);
    expect(await labelsOf(app, "choosy", { min_score: 0.6 })).toEqual([]);
    const told = await app.fetch(new Request("http://test/v1/tasks/choosy"));
    expect(await told.json()).toMatchObject({ labels: ["low", "high"], other: "unknown" });
  });

  it("of a regression are its numbers", async () => {
    expect(await labelsOf(await testApp(), "stars")).toEqual([{ label: "label-0", score: 3.25 }]);
  });

  it("of an IO tag set make one entity of neighbours, calibrated too", async () => {
    const app = await testApp();
    const response = await app.predict("tags", { inputs: "Angela Merkel" });
    const e = Math.exp(1);
    expect(await response.json()).toEqual([
      {
        entity_group: "PER",
        score: expect.closeTo(e / (e + 2), 6),
        word: "Angela Merkel",
        start: 0,
        end: 13,
      },
    ]);
  });
});

describe("a text that is too long", () => {
  it("is cut when asked, and the headers say how many were", async () => {
    const app = await testApp();
    for (const accept of ["application/json", "application/x-ndjson", SSE]) {
      const inputs = ["short", LONG, { text: TEXT, text_pair: LONG }];
      const cut = await app.predict(
        "mood",
        { inputs, parameters: { truncation: true } },
        { accept },
      );
      expect([cut.status, cut.headers.get("x-truncated")]).toEqual([200, "2"]);
      await cut.arrayBuffer();
      const whole = await app.predict("mood", { inputs }, { accept });
      expect([whole.status, whole.headers.has("x-truncated")]).toEqual([200, false]);
      await whole.arrayBuffer();
    }
  });

  it("tells its progress after every run but the last, as server-sent events only", async () => {
    const app = await testApp({ MAX_BATCH_TOKENS: 16 });
    const body = { inputs: ["short", LONG], parameters: { max_length: 64 } };
    const response = await app.predict("mood", body, { accept: SSE });
    const text = new TextDecoder().decode(await response.arrayBuffer());
    const events = [...text.matchAll(/event: (\w+)\n(?:id: \d+\n)?data: (.*)\n\n/g)].map(
      ([, name, data = ""]) => ({ name, ...(JSON.parse(data) as object) }),
    );
    const progress = events.filter(({ name }) => name === "progress");
    const total = app.runs - 1;
    expect(total).toBeGreaterThan(4);
    expect(progress).toEqual(
      Array.from({ length: total - 1 }, (_, i) => ({
        name: "progress",
        index: 1,
        progress: { done: i + 1, total },
      })),
    );
    expect(events.map(({ name }) => name)).toEqual([
      "result",
      ...progress.map(({ name }) => name),
      "result",
      "done",
    ]);
    const lines = await linesOf(
      await app.predict("mood", body, { accept: "application/x-ndjson" }),
    );
    expect(lines).toHaveLength(3);
  });

  it("of 500 windows does not keep a one-line request waiting", async () => {
    const app = await testApp({ MAX_BATCH_TOKENS: 120, DEADLINE_MS: 300_000 });
    const state = { isDone: false };
    // Windows of 13 pieces that share none: 500 of them.
    const words = Array.from({ length: 13 * 500 }, () => "film").join(" ");
    const parameters = { max_length: 15, stride: 0 };
    const document = app
      .predict("names", { inputs: words, parameters })
      .finally(() => (state.isDone = true));
    while (app.runs < 1) await clock.wait(0);
    expect((await app.predict("mood", { inputs: "a film" })).status).toBe(200);
    expect(state.isDone).toBe(false);
    expect((await document).status).toBe(200);
    // Eight windows a run, and the one-line request's own run.
    expect(app.runs).toBe(Math.ceil(500 / 8) + 1);
  });
});
