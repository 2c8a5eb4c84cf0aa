/**
 * The shapes of Text Embeddings Inference (its docs/openapi.json, version 1.7.1): /info, and what /predict,
 * /embed and /similarity have beside the inputs.
 */
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import {
  readEmbedRequest,
  readPredictManyRequest,
  readPredictRequest,
} from "../../../src/http/schemas/schema.ts";
import { readSimilarityRequest } from "../../../src/http/schemas/base-schema.ts";
import { infoSchema } from "../../../src/http/schemas/tei-schema.ts";
import { fakeApp } from "../../support/fake-app.ts";
import { BASE_IDENTITY } from "../../support/manifests.ts";

const code = (value: string) => expect.objectContaining({ code: value });

describe("/info", () => {
  const infoOf = async (path: string): Promise<unknown> => {
    const response = await fakeApp().request(path);
    expect(response.status).toBe(200);
    const info: unknown = await response.json();
    expect(v.safeParse(infoSchema, info).issues).toBeUndefined();
    return info;
  };

  it("describes the base as a model that embeds", async () => {
    expect(await infoOf("/v1/info")).toMatchObject({
      model_id: "tiny",
      model_sha: BASE_IDENTITY,
      model_type: { embedding: { pooling: "mean" } },
    });
  });

  it("describes a task as a model that classifies", async () => {
    expect(await infoOf("/v1/tasks/sentiment/info")).toMatchObject({
      model_id: "sentiment",
      model_sha: "0123456789ab",
      max_input_length: 64,
      model_type: {
        classifier: {
          id2label: { "0": "negative", "1": "positive" },
          label2id: { negative: 0, positive: 1 },
        },
      },
    });
    expect(await infoOf("/v1/tasks/choosy/info")).toMatchObject({
      model_type: { classifier: { label2id: { negative: 0, positive: 1, neither: 2 } } },
    });
    expect((await fakeApp().request("/v1/tasks/unknown/info")).status).toBe(404);
  });
});

describe("/predict", () => {
  it("takes a batch of lists of one text or two", async () => {
    const inputs = [["a"], ["b", "c"], "d"];
    const app = fakeApp();
    const response = await app.predict({ inputs, truncate: true, truncation_direction: "Right" });
    expect(app.seen).toEqual([{ text: "a" }, { text: "b", text_pair: "c" }, { text: "d" }]);
    expect(await response.json()).toEqual(["a", "b", "d"].map((label) => [{ label, score: 1 }]));
    const items = [{ task: "x", inputs: [["a"]] }];
    expect(readPredictManyRequest({ items })[0]!.inputs).toEqual([{ text: "a" }]);
  });

  it.each<[object, object]>([
    [
      { raw_scores: true, truncate: true },
      { function_to_apply: "none", truncation: true },
    ],
    [{ raw_scores: false, truncate: null }, {}],
    [
      { raw_scores: true, parameters: { function_to_apply: "sigmoid" } },
      { function_to_apply: "sigmoid" },
    ],
  ])("reads %j", (beside, parameters) => {
    expect(readPredictRequest({ inputs: "a", ...beside }).parameters).toEqual(parameters);
  });

  it.each([[[[]]], [[["a", "b", "c"]]]])("refuses %j", (inputs) => {
    expect(() => readPredictRequest({ inputs })).toThrow(code("request-invalid"));
  });
});

describe("/embed and /similarity", () => {
  it("read how texts are cut", () => {
    const embed = {
      inputs: ["a"],
      truncate: true,
      truncation_direction: "Right",
      normalize: false,
    };
    expect(readEmbedRequest(embed).parameters).toEqual({ truncate: true, normalize: false });
    const inputs = { source_sentence: "a", sentences: ["b"] };
    const parameters = { truncate: true, truncation_direction: "Right", prompt_name: null };
    expect(readSimilarityRequest({ inputs, parameters })).toEqual({
      source: "a",
      sentences: ["b"],
      truncate: true,
    });
    expect(readSimilarityRequest({ inputs }).truncate).toBe(false);
    expect(() =>
      readSimilarityRequest({ inputs, parameters: { truncation_direction: "Left" } }),
    ).toThrow(code("parameter-invalid"));
  });
});
