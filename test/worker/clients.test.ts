/**
 * The JavaScript clients of Hugging Face, OpenAI and Vercel's AI SDK, unchanged, against the whole app:
 * they check every answer's shape themselves. Only their `fetch` is ours, so that no port is needed. The
 * Python clients' checks are in test/clients.
 */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { InferenceClient } from "@huggingface/inference";
import { embed, embedMany } from "ai";
import OpenAI from "openai";
import { beforeAll, describe, expect, it } from "vitest";
import { postJson, testApp } from "./app-support.ts";
import type { TestApp } from "./app-support.ts";
import { makeTask, putTask, seedBases } from "./support.ts";

const TEXT = "Angela Merkel visited Paris";

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
  await putTask(await makeTask({ task: "names", manifest: { type: "token" } }));
});

/** A client's `fetch` that asks the app. */
const fetchOf =
  (app: TestApp): typeof fetch =>
  (input, init) =>
    app.fetch(new Request(input as RequestInfo, init));

/** The client of one route of a fresh app. */
async function clientOf(path: string): Promise<InferenceClient> {
  const endpointUrl = `https://worker${path}`;
  return new InferenceClient(undefined, { endpointUrl, fetch: fetchOf(await testApp()) });
}

const TEXTS = [TEXT, "a film"];
const BASE_URL = "https://worker/v1";

/** The vectors that the app's own route gives. */
const vectorsOf = async (app: TestApp, inputs: readonly string[]): Promise<number[][]> =>
  (await (await postJson(app, "/v1/embed", { inputs })).json()) as number[][];

describe("@huggingface/inference with endpointUrl", () => {
  it("classifies texts", async () => {
    const client = await clientOf("/v1/tasks/mood/predict");
    const labels = await client.textClassification({ inputs: TEXT });
    expect(labels.map(({ label }) => label).sort()).toEqual(["high", "low"]);
    expect(labels.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 6);
    const best = await client.textClassification({ inputs: TEXT, parameters: { top_k: 1 } });
    expect(best).toEqual(labels.slice(0, 1));
    const raw = await client.textClassification({
      inputs: TEXT,
      parameters: { function_to_apply: "none" },
    });
    expect(raw.map(({ label }) => label)).toEqual(labels.map(({ label }) => label));
  });

  it.each(["simple", "first", "average", "max"] as const)(
    "labels tokens with strategy %s",
    async (aggregation_strategy) => {
      const client = await clientOf("/v1/tasks/names/predict");
      const parameters = { aggregation_strategy, ignore_labels: [] };
      const entities = await client.tokenClassification({ inputs: TEXT, parameters });
      expect(entities.length).toBeGreaterThan(0);
      for (const { word, start, end } of entities) expect(TEXT.slice(start, end)).toBe(word);
    },
  );

  it("asks for embeddings", async () => {
    const client = await clientOf("/v1/embed");
    const one = (await client.featureExtraction({ inputs: TEXT })) as number[][];
    expect(Math.hypot(...one[0]!)).toBeCloseTo(1, 6);
    const two = await client.featureExtraction({ inputs: [TEXT, "a film"] });
    expect(two).toHaveLength(2);
  });

  it("compares sentences", async () => {
    const client = await clientOf("/v1/similarity");
    const inputs = { source_sentence: TEXT, sentences: [TEXT, "a film"] };
    const cosines = await client.sentenceSimilarity({ inputs });
    expect(cosines).toHaveLength(2);
    expect(cosines[0]).toBeCloseTo(1, 5);
  });

  it("classifies by labels of the request", async () => {
    const client = await clientOf("/v1/zero-shot");
    const parameters = { candidate_labels: ["politics", "sports"] };
    const labels = await client.zeroShotClassification({ inputs: TEXT, parameters });
    expect(labels.map(({ label }) => label).sort()).toEqual(["politics", "sports"]);
    const apart = await client.zeroShotClassification({
      inputs: TEXT,
      parameters: { ...parameters, multi_label: true, hypothesis_template: "It is {}." },
    });
    expect(apart).toHaveLength(2);
  });

  it("shows what was wrong, in the words of the problem", async () => {
    const client = await clientOf("/v1/tasks/nowhere/predict");
    await expect(client.textClassification({ inputs: TEXT })).rejects.toThrow(
      'task "nowhere": does not exist',
    );
  });

  it("reports a failure with its status and what to do about it", async () => {
    const client = await clientOf("/v1/tasks/nowhere/predict");
    await expect(client.textClassification({ inputs: TEXT })).rejects.toMatchObject({
      httpResponse: { status: 404, body: expect.objectContaining({ code: "task-not-found" }) },
    });
  });
});

describe("openai with baseURL", () => {
  /** Without retries, so that a failure is told at once. */
  const openAiOf = (app: TestApp): OpenAI =>
    new OpenAI({ baseURL: BASE_URL, apiKey: "ep_any", maxRetries: 0, fetch: fetchOf(app) });

  it("embeds a list of texts by base64, which it asks for by itself", async () => {
    const app = await testApp();
    const { data, model, usage } = await openAiOf(app).embeddings.create({
      model: "pocket",
      input: TEXTS,
    });
    const own = await vectorsOf(app, TEXTS);
    expect(data.map(({ embedding }) => embedding)).toEqual(own.map((v) => v.map(Math.fround)));
    expect(model).toBe("pocket");
    expect(usage.total_tokens).toBeGreaterThan(0);
  });

  it("embeds one text as numbers, of the base's own length alone", async () => {
    const app = await testApp();
    const [own] = await vectorsOf(app, [TEXT]);
    const create = (dimensions: number) =>
      openAiOf(app).embeddings.create({
        model: "pocket",
        input: TEXT,
        encoding_format: "float",
        dimensions,
      });
    expect((await create(own!.length)).data[0]!.embedding).toEqual(own);
    const refused = await create(8).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OpenAI.BadRequestError);
    expect(refused).toMatchObject({
      message: expect.stringContaining(`expected ${own!.length}`) as string,
      param: "dimensions",
      code: "parameter-invalid",
    });
  });

  it("lists the models page by page, and shows one", async () => {
    const client = openAiOf(await testApp());
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toEqual(["pocket", "mood", "names"]);
    expect(await client.models.retrieve("mood")).toMatchObject({ id: "mood", object: "model" });
  });

  it.each<[string, (client: OpenAI) => Promise<unknown>, string]>([
    ["a model", (client) => client.models.retrieve("nosuch"), "does not exist"],
    [
      "a base",
      (client) => client.embeddings.create({ model: "nosuch", input: TEXT }),
      'send "model": "pocket"',
    ],
  ])("shows why there is no such %s", async (_, ask, reason) => {
    const error = await ask(openAiOf(await testApp())).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({
      status: 404,
      code: "model-not-found",
      message: expect.stringContaining(reason) as string,
    });
  });
});

describe("ai with @ai-sdk/openai-compatible", () => {
  const modelOf = (app: TestApp, name = "pocket") =>
    createOpenAICompatible({ name: "edge", baseURL: BASE_URL, fetch: fetchOf(app) }).embeddingModel(
      name,
    );

  it("embeds one text", async () => {
    const app = await testApp();
    const { embedding, usage } = await embed({ model: modelOf(app), value: TEXT });
    expect([embedding]).toEqual(await vectorsOf(app, [TEXT]));
    expect(usage.tokens).toBeGreaterThan(0);
  });

  it("embeds many texts in their order", async () => {
    const app = await testApp();
    const { embeddings } = await embedMany({ model: modelOf(app), values: TEXTS });
    expect(embeddings).toEqual(await vectorsOf(app, TEXTS));
  });

  it("shows what was wrong", async () => {
    const model = modelOf(await testApp(), "nosuch");
    await expect(embed({ model, value: TEXT, maxRetries: 0 })).rejects.toThrow(
      'send "model": "pocket"',
    );
  });
});
