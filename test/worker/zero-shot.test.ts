/** Labels named with the request, and sentences beside one: answers of the base's own vectors in workerd. */
import { beforeAll, describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/core/text.ts";
import { postJson, testApp, verdictOf } from "./app-support.ts";
import type { TestApp } from "./app-support.ts";
import { seedBases, sha256 } from "./support.ts";

interface Scored {
  readonly label: string;
  readonly score: number;
}

const TEXT = "Angela Merkel visited Paris";
const LABELS = ["politics", "sports", "weather"];

beforeAll(seedBases);

const ask = (app: TestApp, inputs: unknown, parameters: object): Promise<Response> =>
  postJson(app, "/v1/zero-shot", {
    inputs,
    parameters: { candidate_labels: LABELS, ...parameters },
  });

const answer = async (app: TestApp, parameters: object = {}): Promise<Scored[]> =>
  (await (await ask(app, TEXT, parameters)).json()) as Scored[];

const vectorsOf = async (app: TestApp, ...inputs: string[]): Promise<number[][]> =>
  (await (await postJson(app, "/v1/embed", { inputs })).json()) as number[][];

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe("POST /v1/zero-shot", () => {
  it("answers every label, best first, with scores that add up to 1", async () => {
    const scored = await answer(await testApp());
    expect(scored.map(({ label }) => label).sort()).toEqual(LABELS);
    const scores = scored.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 6);
  });

  it("scores by the cosines of the text and the labels' sentences", async () => {
    const app = await testApp();
    const hypothesis_template = "It is {}, {} indeed.";
    const scored = await answer(app, { hypothesis_template });
    const sentences = LABELS.map((label) => `It is ${label}, ${label} indeed.`);
    const [text, ...labels] = await vectorsOf(app, TEXT, ...sentences);
    // 20: the scale of src/core/model/zero-shot.ts
    const exps = labels.map((label) => Math.exp(20 * dot(text!, label)));
    const sum = exps.reduce((all, value) => all + value, 0);
    for (const [i, label] of LABELS.entries()) {
      const { score } = scored.find((item) => item.label === label)!;
      expect(score).toBeCloseTo(exps[i]! / sum, 4);
    }
  });

  it("judges each label for itself where several may be right", async () => {
    const app = await testApp();
    const scored = await answer(app, { multi_label: true });
    const alone = await answer(app, { multi_label: true, candidate_labels: ["sports"] });
    expect(alone[0]!.score).toBeCloseTo(scored.find(({ label }) => label === "sports")!.score, 6);
    // What is said of any text is neither for nor against it.
    const [neutral] = await answer(app, { multi_label: true, candidate_labels: ["something"] });
    expect(neutral!.score).toBeCloseTo(0.5, 6);
  });

  it("answers a list of texts in their order, as it answers each", async () => {
    const app = await testApp();
    const both = (await (await ask(app, [TEXT, "a sunny day"], {})).json()) as Scored[][];
    expect(both).toHaveLength(2);
    const one = await answer(app);
    expect(both[0]!.map(({ label }) => label)).toEqual(one.map(({ label }) => label));
  });

  it("reads a label's sentence once", async () => {
    const app = await testApp();
    const first = await ask(app, TEXT, {});
    await first.arrayBuffer();
    await (await ask(app, TEXT, {})).arrayBuffer();
    const windows = app.logged.map(({ usage }) => (usage as { windows: number }).windows);
    expect(windows).toEqual([1 + LABELS.length, 1]);
  });

  it("keeps two labels that are the same apart, and reads them once", async () => {
    const app = await testApp();
    const scored = await answer(app, { candidate_labels: ["sports", "sports"] });
    expect(scored.map(({ score }) => score)).toEqual([0.5, 0.5]);
  });

  it.each<[string, object, string]>([
    ["no labels", { candidate_labels: undefined }, "400 parameter-invalid"],
    ["an empty list of labels", { candidate_labels: [] }, "422 labels-empty"],
    [
      "an empty label",
      { candidate_labels: ["a", " "], hypothesis_template: "{}" },
      "422 text-empty",
    ],
    ["a template without a place", { hypothesis_template: "about" }, "400 parameter-invalid"],
    ["too many labels", { candidate_labels: Array(257).fill("a") }, "400 parameter-invalid"],
    [
      "more than a request may have",
      { candidate_labels: Array(10).fill("a") },
      "413 too-many-inputs",
    ],
  ])("refuses %s", async (_, parameters, verdict) => {
    const app = await testApp({ MAX_INPUTS: 10 });
    expect(await verdictOf(await ask(app, TEXT, parameters))).toBe(verdict);
  });

  it("says which label cannot be read", async () => {
    const response = await ask(await testApp(), TEXT, { candidate_labels: ["a", "\ud800"] });
    expect(await response.json()).toMatchObject({
      code: "text-not-unicode",
      errors: [{ path: "/parameters/candidate_labels/1" }],
    });
  });
});

describe("POST /v1/similarity", () => {
  it("gives the cosine of each sentence and the source", async () => {
    const app = await testApp();
    const sentences = [TEXT, "a sunny day"];
    const response = await postJson(app, "/v1/similarity", {
      inputs: { source_sentence: TEXT, sentences },
    });
    const cosines = (await response.json()) as number[];
    const [source, other] = await vectorsOf(app, ...sentences);
    expect(cosines[0]).toBeCloseTo(1, 5);
    expect(cosines[1]).toBeCloseTo(dot(source!, other!), 4);
  });

  it.each<[string, object, string]>([
    ["no sentences", { source_sentence: "a", sentences: [] }, "422 inputs-empty"],
    ["an empty sentence", { source_sentence: "a", sentences: [""] }, "422 text-empty"],
    ["a list of texts", ["a", "b"], "400 request-invalid"],
  ])("refuses %s", async (_, inputs, verdict) => {
    const app = await testApp();
    expect(await verdictOf(await postJson(app, "/v1/similarity", { inputs }))).toBe(verdict);
  });
});

describe("a key that is bound to tasks", () => {
  it("has no business where the base itself answers", async () => {
    const digest = await sha256(encodeUtf8("ep_mood"));
    const API_KEYS = JSON.stringify([{ name: "shop", sha256: digest, tasks: ["mood"] }]);
    const app = await testApp({ API_KEYS });
    for (const path of ["/v1/zero-shot", "/v1/similarity", "/v1/embeddings"]) {
      const request = new Request(`https://worker${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer ep_mood" },
        body: "{}",
      });
      expect(await verdictOf(await app.fetch(request)), path).toBe("403 not-allowed");
    }
  });
});
