/** Every example of the documentation, asked of the Worker; every answer held against its schema. */
import * as v from "valibot";
import { beforeAll, describe, expect, it } from "vitest";
import {
  embeddingsAnswerSchema,
  similarityAnswerSchema,
  zeroShotAnswerSchema,
} from "../../src/http/schemas/base-schema.ts";
import { EXAMPLES } from "../../src/http/openapi/examples.ts";
import {
  embedAnswerSchema,
  predictAnswerSchema,
  predictManyAnswerSchema,
  taskDetailsSchema,
  taskListSchema,
} from "../../src/http/schemas/schema.ts";
import { testApp } from "./app-support.ts";
import { makeTask, putTask, seedBases } from "./support.ts";

// Tasks of the documentation's names over a tiny base; test/e2e compares the bundled ones' numbers.
beforeAll(async () => {
  await seedBases();
  for (const task of ["sentiment", "command", "intent", "same-question"]) {
    await putTask(await makeTask({ task }));
  }
  for (const task of ["entities", "slots"]) {
    await putTask(await makeTask({ task, manifest: { type: "token" } }));
  }
});

const SCHEMAS: Readonly<Record<string, v.GenericSchema>> = {
  "/v1/tasks/{task}/predict": predictAnswerSchema,
  "/v1/predict": predictManyAnswerSchema,
  "/v1/embed": embedAnswerSchema,
  "/v1/embeddings": embeddingsAnswerSchema,
  "/v1/similarity": similarityAnswerSchema,
  "/v1/zero-shot": zeroShotAnswerSchema,
};
const all = Object.entries(EXAMPLES).flatMap(([route, examples]) =>
  Object.values(examples).map((example) => ({ route, ...example })),
);

describe("the documentation's example", () => {
  it.each(all)("is answered in its shape: $summary", async ({ route, path, body }) => {
    const app = await testApp();
    const document = await app.fetch(new Request("https://worker/openapi.json"));
    const { paths } = (await document.json()) as {
      paths: Record<string, { post: { requestBody: unknown; responses: object } }>;
    };
    expect(JSON.stringify(paths[route]!.post.requestBody)).toContain(JSON.stringify(body));
    const response = await app.fetch(
      new Request(`https://worker${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
    expect(response.status).toBe(200);
    expect(Object.keys(paths[route]!.post.responses)).toContain("200");
    const answer = await response.json();
    expect(v.safeParse(SCHEMAS[route]!, answer).issues).toBeUndefined();
    expect(JSON.stringify(answer)).not.toContain('"error"');
  });

  it("of what is served has its shape too", async () => {
    const app = await testApp();
    const get = async (path: string): Promise<unknown> =>
      (await app.fetch(new Request(`https://worker${path}`))).json();
    expect(v.safeParse(taskListSchema, await get("/v1/tasks")).issues).toBeUndefined();
    expect(v.safeParse(taskDetailsSchema, await get("/v1/tasks/entities")).issues).toBeUndefined();
  });
});
