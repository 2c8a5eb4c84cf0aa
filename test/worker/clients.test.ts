/**
 * Hugging Face's JavaScript client, unchanged, against the whole app: it checks every answer's shape
 * itself. Only its `fetch` is ours, so that no port is needed. The Python client's check is
 * test/clients/huggingface_hub_check.py.
 */
import { InferenceClient } from "@huggingface/inference";
import { beforeAll, describe, expect, it } from "vitest";
import { testApp } from "./app-support.ts";
import { makeTask, putTask, seedBases } from "./support.ts";

const TEXT = "Angela Merkel visited Paris";

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
  await putTask(await makeTask({ task: "names", manifest: { type: "token" } }));
});

/** The client of one route of a fresh app. */
async function clientOf(path: string): Promise<InferenceClient> {
  const app = await testApp();
  return new InferenceClient(undefined, {
    endpointUrl: `https://worker${path}`,
    fetch: (input, init) => app.fetch(new Request(input as RequestInfo, init)),
  });
}

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
