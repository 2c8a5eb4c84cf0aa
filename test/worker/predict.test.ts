/** Answers over HTTP in workerd, with a real graph, a real bucket and tasks made from a seed. */
import { exports } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { shortIdentity } from "../../src/core/format/manifest.ts";
import { createModelStore } from "../../src/serve/model-store.ts";
import { workerdEngine } from "../../src/engine/ort/workerd.ts";
import { r2Bucket } from "../../src/serve/bucket/r2.ts";
import { predictRequest, testApp, verdictOf } from "./app-support.ts";
import {
  baseManifest,
  clock,
  loadedBase,
  makeTask,
  putTask,
  r2,
  seedBases,
  sha256,
  startSha256,
} from "./support.ts";

interface Scored {
  readonly label: string;
  readonly score: number;
}
interface Entity {
  readonly entity_group: string;
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

const TEXTS = [
  "a great film",
  "the plot is dull and the acting is bad",
  "Angela Merkel visited Paris",
];

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }), await makeTask({ task: "mood", seed: 2 }));
  await putTask(await makeTask({ task: "names", manifest: { type: "token" } }));
  await putTask(
    await makeTask({ task: "first", manifest: { pooling: "cls", num_virtual_tokens: 7 } }),
  );
});

afterEach(() => vi.restoreAllMocks());

describe("a text classifier", () => {
  it("gives every label with its probability, best first", async () => {
    const app = await testApp();
    const response = await app.predict("mood", { inputs: TEXTS[0] });
    const [answer] = (await response.json()) as Scored[][];
    expect(answer?.map(({ label }) => label).sort()).toEqual(["high", "low"]);
    expect(answer![0]!.score).toBeGreaterThanOrEqual(answer![1]!.score);
    expect(answer!.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 6);
    // And behind it, of the graph or image that this engine runs.
    expect(response.headers.get("x-model-identity")).toMatch(
      new RegExp(`^${shortIdentity(baseManifest())}\\+[0-9a-f]{12}$`),
    );
    expect(response.headers.get("x-task-version")).toMatch(/^[0-9a-f]{12}$/);
    expect(response.headers.get("server-timing")).toMatch(
      /^tokenize;dur=[\d.]+, queue;dur=[\d.]+, run;dur=[\d.]+, decode;dur=[\d.]+$/,
    );
  });

  it.each(["mood", "first"])("answers a list as it answers each text alone: %s", async (task) => {
    const app = await testApp();
    const together = (await (await app.predict(task, { inputs: TEXTS })).json()) as Scored[][];
    for (const [i, inputs] of TEXTS.entries()) {
      const [alone] = (await (await app.predict(task, { inputs })).json()) as Scored[][];
      expect(together[i]!.map(({ label }) => label)).toEqual(alone!.map(({ label }) => label));
      for (const [k, { score }] of alone!.entries())
        expect(together[i]![k]!.score).toBeCloseTo(score, 4);
    }
  });

  it("reads pairs, whichever way they are written, and the second text matters", async () => {
    const app = await testApp();
    const [a = "", b = ""] = TEXTS;
    const inputs = [[a, b], { text: a, text_pair: b }, a];
    const [asList, asObject, alone] = (await (
      await app.predict("mood", { inputs })
    ).json()) as Scored[][];
    expect(asList).toEqual(asObject);
    expect(asList![0]!.score).not.toBeCloseTo(alone![0]!.score, 6);
  });

  it("obeys top_k and function_to_apply", async () => {
    const app = await testApp();
    const parameters = { top_k: 1, function_to_apply: "sigmoid" };
    const [answer] = (await (
      await app.predict("mood", { inputs: "film", parameters })
    ).json()) as Scored[][];
    expect(answer).toHaveLength(1);
  });

  it("reads a text longer than a window, or cuts it when told to", async () => {
    const app = await testApp();
    const inputs = "the plot is dull and the acting is bad ".repeat(40);
    expect(await verdictOf(await app.predict("mood", { inputs }))).toBe("200");
    const windowed = app.runs;
    expect(
      await verdictOf(await app.predict("mood", { inputs, parameters: { truncation: true } })),
    ).toBe("200");
    expect(app.runs - windowed).toBe(1);
  });

  it("answers with the version that is pinned, in the body or in the URL", async () => {
    const app = await testApp();
    const versions = await Promise.all(
      [{ seed: 1 }, { seed: 2 }].map(
        async (seed) => (await makeTask({ task: "mood", ...seed })).version,
      ),
    );
    for (const version of versions) {
      const response = await app.predict("mood", { inputs: "film", parameters: { version } });
      expect(response.headers.get("x-task-version")).toBe(version);
      const url = new URL(`https://worker/v1/tasks/mood/predict?version=${version}`);
      const inUrl = await app.fetch(new Request(url, predictRequest("mood", { inputs: "film" })));
      expect(inUrl.headers.get("x-task-version")).toBe(version);
      expect(await inUrl.json()).toEqual(await response.json());
    }
    const unknown = { inputs: "film", parameters: { version: "0".repeat(12) } };
    expect(await verdictOf(await app.predict("mood", unknown))).toBe("404 version-not-found");
  });
});

describe("a token classifier", () => {
  it("gives spans whose offsets cut their words out of the text", async () => {
    const app = await testApp();
    const text = "\u{1F600} Angela Merkel visited Berlin";
    // Every label counts, so that a prefix from a seed finds something.
    const parameters = { ignore_labels: [], offset_unit: "utf16" };
    const inUtf16 = (await (
      await app.predict("names", { inputs: text, parameters })
    ).json()) as Entity[];
    expect(inUtf16.length).toBeGreaterThan(0);
    for (const { word, start, end } of inUtf16) expect(text.slice(start, end)).toBe(word);
    const inCodePoints = (await (
      await app.predict("names", { inputs: [text], parameters: { ignore_labels: [] } })
    ).json()) as Entity[][];
    for (const { word, start, end } of inCodePoints[0]!) {
      expect([...text].slice(start, end).join("")).toBe(word);
    }
  });

  it("gives pieces with strategy none", async () => {
    const app = await testApp();
    const parameters = { ignore_labels: [], aggregation_strategy: "none" };
    const pieces = (await (
      await app.predict("names", { inputs: "a film", parameters })
    ).json()) as object[];
    expect(pieces.map((piece) => Object.keys(piece).sort())).toEqual(
      Array.from({ length: 2 }, () => ["end", "entity", "index", "score", "start", "word"]),
    );
  });
});

describe("what is served", () => {
  it("is listed and shown", async () => {
    const app = await testApp();
    const list = await (await app.fetch(new Request("https://worker/v1/tasks"))).json();
    expect(list).toMatchObject({
      tasks: expect.arrayContaining([
        expect.objectContaining({ task: "mood", type: "sequence", labels: ["low", "high"] }),
        expect.objectContaining({ task: "names", type: "token" }),
      ]),
    });
    const shown = await (await app.fetch(new Request("https://worker/v1/tasks/first"))).json();
    expect(shown).toMatchObject({
      task: "first",
      num_virtual_tokens: 7,
      base: shortIdentity(baseManifest()),
    });
  });
});

describe("readiness", () => {
  it("starts the load, says what is missing, and is there in the end", async () => {
    const bucket = r2Bucket(r2);
    const { encoder } = await loadedBase();
    const engine = { prepare: async () => async () => encoder };
    const models = createModelStore({ base: "pocket", bucket, clock, sha256, startSha256, engine });
    const app = await testApp({}, models);
    const ready = () => app.fetch(new Request("https://worker/readyz"));
    expect(models.status.state).toBe("empty");
    expect(await verdictOf(await ready())).toBe("503 base-not-ready");
    expect((await app.fetch(new Request("https://worker/livez"))).status).toBe(200);
    await models.get(() => undefined);
    expect(await (await ready()).json()).toMatchObject({
      status: "ready",
      base: "pocket",
      identity: baseManifest().identity,
    });
  });

  it("names the base that the bucket does not have, and so does predict", async () => {
    const models = createModelStore({
      base: "absent",
      bucket: r2Bucket(r2),
      clock,
      sha256,
      startSha256,
      engine: workerdEngine,
    });
    const app = await testApp({}, models);
    expect(await verdictOf(await app.predict("mood", { inputs: "a" }))).toBe("503 base-not-found");
    const response = await app.fetch(new Request("https://worker/readyz"));
    expect(await response.text()).toContain("absent");
  });
});

describe("the Worker as it is deployed", () => {
  it("loads its base and answers", async () => {
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    const worker = (exports as unknown as { default: Fetcher }).default;
    const response = await worker.fetch(predictRequest("mood", { inputs: TEXTS }));
    expect(response.status).toBe(200);
    expect(await response.json()).toHaveLength(3);
    expect((await worker.fetch("https://worker/readyz")).status).toBe(200);
  });
});
