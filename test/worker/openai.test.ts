/**
 * OpenAI's interface in workerd, request by request: what is answered, what is refused, and how. The
 * clients themselves are in clients.test.ts.
 */
import * as v from "valibot";
import { beforeAll, describe, expect, it } from "vitest";
import {
  embeddingsAnswerSchema,
  modelListSchema,
  modelSchema,
} from "../../src/http/schemas/base-schema.ts";
import type { EmbeddingsAnswer } from "../../src/http/schemas/base-schema.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { postJson, testApp, verdictOf } from "./app-support.ts";
import type { TestApp } from "./app-support.ts";
import { baseManifest, makeTask, putTask, seedBases, sha256 } from "./support.ts";

const TEXTS = ["a good film", "the weather in Paris"];
const base = baseManifest();
const { hidden_size: length } = base.configuration;

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
  await putTask(await makeTask({ task: "other" }));
});

/** `client.embeddings.create(body)`; without a format of the caller's it asks for base64. */
const create = (app: TestApp, body: object): Promise<Response> =>
  app.fetch(
    new Request("https://worker/v1/embeddings", {
      method: "POST",
      headers: {
        accept: "application/json",
        authorization: "Bearer ep_any",
        "content-type": "application/json",
      },
      body: JSON.stringify({ encoding_format: "base64", model: "pocket", ...body }),
    }),
  );

/** What the client makes of base64: a Float32Array over the bytes. */
function fromBase64(text: string): number[] {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return [...new Float32Array(bytes.buffer)];
}

async function answerOf(response: Response): Promise<EmbeddingsAnswer> {
  const answer = (await response.json()) as EmbeddingsAnswer;
  expect(v.safeParse(embeddingsAnswerSchema, answer).issues).toBeUndefined();
  return answer;
}

describe("POST /v1/embeddings", () => {
  it("gives the vectors of /v1/embed, as numbers and as base64", async () => {
    const app = await testApp();
    const own = (await (await postJson(app, "/v1/embed", { inputs: TEXTS })).json()) as number[][];
    const floats = await answerOf(await create(app, { input: TEXTS, encoding_format: "float" }));
    expect(floats.data.map(({ embedding }) => embedding)).toEqual(own);
    expect(floats.data.map(({ index }) => index)).toEqual([0, 1]);
    const encoded = await answerOf(await create(app, { input: TEXTS }));
    for (const [i, { embedding }] of encoded.data.entries()) {
      expect(fromBase64(embedding as string)).toEqual(own[i]!.map(Math.fround));
      expect(Math.hypot(...own[i]!)).toBeCloseTo(1, 6);
    }
  });

  it("takes one text too, and counts its tokens", async () => {
    const answer = await answerOf(await create(await testApp(), { input: "a", user: "anyone" }));
    expect(answer.data).toHaveLength(1);
    expect(answer.model).toBe("pocket");
    // [CLS] a [SEP]
    expect(answer.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  });

  it("takes the base's own length, and no other", async () => {
    const app = await testApp();
    const asked = await create(app, { input: "a", dimensions: length, encoding_format: "float" });
    expect((await answerOf(asked)).data[0]!.embedding).toHaveLength(length);
    const refused = await create(app, { input: "a", dimensions: length - 1 });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      code: "parameter-invalid",
      error: {
        param: "dimensions",
        message: expect.stringContaining(`expected ${length}`) as string,
      },
    });
  });

  it.each([[[1, 2, 3]], [[[1, 2], [3]]]])(
    "refuses token ids with the reason: %j",
    async (input) => {
      const refused = await create(await testApp(), { input });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({
        error: {
          code: "token-ids-refused",
          message: expect.stringContaining("tokenizer") as string,
        },
      });
    },
  );

  it.each<[string, object, string]>([
    ["an unknown model", { input: "a", model: "text-embedding-3-small" }, "404 model-not-found"],
    ["no model", { input: "a", model: undefined }, "400 request-invalid"],
    ["an unknown field", { input: "a", instruction: "b" }, "400 request-invalid"],
    ["an unknown format", { input: "a", encoding_format: "int8" }, "400 request-invalid"],
    ["an empty text", { input: ["a", " "] }, "422 text-empty"],
    ["an empty list", { input: [] }, "422 inputs-empty"],
    ["too many texts", { input: Array(5).fill("a") }, "413 too-many-inputs"],
  ])("refuses %s", async (_, body, verdict) => {
    const app = await testApp({ MAX_INPUTS: 4 });
    expect(await verdictOf(await create(app, body))).toBe(verdict);
  });

  it("tells failures as OpenAI does, so that its client shows them", async () => {
    const response = await create(await testApp(), { input: ["a", ""] });
    const problem = (await response.json()) as { detail: string };
    // openai: `${status} ${error.message}`, and error.type, .param and .code as they are.
    expect(problem).toMatchObject({
      code: "text-empty",
      detail: expect.stringContaining("/input/1") as string,
      error: {
        message: problem.detail,
        type: "invalid_request_error",
        param: "input",
        code: "text-empty",
      },
    });
  });
});

describe("GET /v1/models", () => {
  const get = (app: TestApp, path: string, key?: string): Promise<Response> => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return app.fetch(new Request(`https://worker/v1/models${path}`, { headers }));
  };
  const idsOf = async (response: Response): Promise<string[]> => {
    const list = (await response.json()) as v.InferOutput<typeof modelListSchema>;
    expect(v.safeParse(modelListSchema, list).issues).toBeUndefined();
    return list.data.map(({ id }) => id);
  };

  it("lists the base and the tasks", async () => {
    expect(await idsOf(await get(await testApp(), ""))).toEqual(["pocket", "mood", "other"]);
  });

  it("lists them page by page", async () => {
    const app = await testApp();
    const first = await get(app, "?limit=1");
    expect(await first.json()).toMatchObject({
      data: [{ id: "pocket" }, { id: "mood" }],
      has_more: true,
    });
    expect(await idsOf(await get(app, "?limit=1&after=mood"))).toEqual(["other"]);
  });

  it("describes one of them", async () => {
    const app = await testApp();
    for (const id of ["pocket", "mood"]) {
      const model = (await (await get(app, `/${id}`)).json()) as object;
      expect(v.safeParse(modelSchema, model).issues).toBeUndefined();
      expect(model).toMatchObject({ id, object: "model" });
    }
    const created = Math.floor(Date.parse(base.created) / 1000);
    expect(await (await get(app, "/pocket")).json()).toMatchObject({ created });
    expect(await verdictOf(await get(app, "/nosuch"))).toBe("404 model-not-found");
  });

  it("shows a key what it may use, and nothing else", async () => {
    const digest = await sha256(encodeUtf8("ep_mood"));
    const API_KEYS = JSON.stringify([{ name: "shop", sha256: digest, tasks: ["mood"] }]);
    const app = await testApp({ API_KEYS });
    expect(await idsOf(await get(app, "", "ep_mood"))).toEqual(["mood"]);
    expect(await verdictOf(await get(app, "/mood", "ep_mood"))).toBe("200");
    for (const hidden of ["/pocket", "/other"]) {
      expect(await verdictOf(await get(app, hidden, "ep_mood"))).toBe("404 model-not-found");
    }
    const missing = await get(app, "");
    expect(missing.status).toBe(401);
    expect(await missing.json()).toMatchObject({ error: { type: "authentication_error" } });
  });

  it("leaves out a task of another base", async () => {
    const foreign = await makeTask({ task: "foreign" }, baseManifest("pocket-fp32"));
    await putTask(foreign);
    expect(await idsOf(await get(await testApp(), ""))).not.toContain("foreign");
  });
});
