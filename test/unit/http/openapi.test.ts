/** /openapi.json and /docs: complete, consistent, and in need of nothing from elsewhere. */
import { describe, expect, it } from "vitest";
import * as v from "valibot";
import {
  embeddingsAnswerSchema,
  embeddingsRequestSchema,
  similarityAnswerSchema,
  similarityRequestSchema,
  zeroShotAnswerSchema,
  zeroShotRequestSchema,
} from "../../../src/http/schemas/base-schema.ts";
import { EXAMPLES } from "../../../src/http/openapi/examples.ts";
import {
  embedAnswerSchema,
  embedRequestSchema,
  predictAnswerSchema,
  predictManyAnswerSchema,
  predictManyRequestSchema,
  predictRequestSchema,
} from "../../../src/http/schemas/schema.ts";
import { fakeApp } from "../../support/fake-app.ts";

interface Document {
  readonly openapi: string;
  readonly info: { readonly description: string };
  readonly servers: { readonly url: string }[];
  readonly security?: unknown;
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const read = async (variables = {}, url = "https://worker/openapi.json"): Promise<Document> => {
  const response = await fakeApp(variables).request(url);
  expect(response.status).toBe(200);
  return (await response.json()) as Document;
};

/** Everything in a JSON value, at any depth. */
function* valuesIn(value: unknown): Generator<unknown> {
  yield value;
  if (typeof value !== "object" || value === null) return;
  for (const item of Object.values(value)) yield* valuesIn(item);
}

describe("/openapi.json", () => {
  it("has every route that answers, and no other", async () => {
    const { paths } = await read();
    const described = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item)
        .filter((key) => key !== "parameters")
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    const listed = (await (await fakeApp().request("/")).json()) as { routes: string[] };
    const own = ["GET /openapi.json", "GET /docs"];
    expect([...described, ...own].sort()).toEqual([...listed.routes, "GET /"].sort());
    for (const route of described) {
      const [method = "", path = ""] = route.split(" ");
      const values = { task: "sentiment", base: "tiny", model: "tiny", hash: "0".repeat(64) };
      const filled = path.replace(/\{(\w+)\}/g, (_, name: keyof typeof values) => values[name]);
      const response = await fakeApp().request(filled, { method });
      expect(response.status, route).not.toBe(404);
      expect(response.status, route).not.toBe(405);
    }
  });

  it("refers only to what is in it", async () => {
    const document = await read();
    const names = Object.keys(document.components["schemas"]!);
    const refs = [...valuesIn(document)].flatMap((value) =>
      typeof value === "object" && value !== null && "$ref" in value ? [String(value.$ref)] : [],
    );
    expect(refs.length).toBeGreaterThan(20);
    for (const ref of refs) {
      expect(ref).toMatch(/^#\/components\/schemas\/\w+$/);
      expect(names).toContain(ref.split("/").at(-1));
    }
  });

  it("gives every operation a name of its own and every problem one shape", async () => {
    const { paths } = await read();
    const operations = Object.values(paths).flatMap((item) =>
      [item["get"], item["post"]].filter((operation) => operation !== undefined),
    ) as { operationId: string; responses: Record<string, { content: object }> }[];
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { responses } of operations) {
      for (const [status, { content }] of Object.entries(responses)) {
        if (Number(status) >= 400)
          expect(Object.keys(content)).toEqual(["application/problem+json"]);
      }
    }
  });

  it("speaks of keys only where they are needed", async () => {
    const open = await read();
    expect(JSON.stringify(open)).not.toContain("bearer");
    const { paths, components } = await read({
      API_KEYS: [{ name: "a", sha256: "0".repeat(64) }],
    });
    expect(components["securitySchemes"]).toEqual({ key: { type: "http", scheme: "bearer" } });
    expect(paths["/v1/predict"]!["post"]).toMatchObject({ security: [{ key: [] }] });
    expect(paths["/livez"]!["get"]).not.toHaveProperty("security");
  });

  it("promises what is refused with a status of its own: no empty text, no empty list", async () => {
    const { components } = await read();
    const request = components["schemas"]!["EmbedRequest"];
    expect(request).toMatchObject({
      properties: {
        inputs: {
          anyOf: [
            { type: "string", pattern: "\\S" },
            { type: "array", minItems: 1, items: { pattern: "\\S" } },
          ],
        },
      },
    });
  });

  it("says what a request can cost, as this Worker is set and forecasts", async () => {
    const describe = async (variables: object): Promise<string> =>
      (await read(variables)).info.description;
    // 25,000 ms at .3 ms a token; three characters each.
    const usual = await describe({});
    expect(usual).toContain("25,000 ms of computing: at the present 0.30 ms a token");
    expect(usual).toContain("about 83,000 tokens, or 250,000 characters of English");
    expect(usual).toContain("truncation");
    const slow = await describe({ MICROS_PER_TOKEN: 2_000, DEADLINE_MS: 10_000 });
    expect(slow).toContain("10,000 ms of computing: at the present 2.0 ms a token");
    expect(slow).toContain("about 5,000 tokens, or 15,000 characters of English");
    expect(await (await fakeApp().request("/docs")).text()).toContain("250,000 characters");
  });

  it("says how long a list may be, as this Worker is set", async () => {
    const { components } = await read({ MAX_INPUTS: 7 });
    const { EmbedRequest, PredictRequest, PredictManyRequest } = components["schemas"]!;
    const listOf = (request: unknown) =>
      [...valuesIn(request)].find(
        (value) => typeof value === "object" && value !== null && "minItems" in value,
      );
    for (const request of [EmbedRequest, PredictRequest, PredictManyRequest]) {
      expect(listOf(request)).toMatchObject({ type: "array", minItems: 1, maxItems: 7 });
    }
  });

  it("names the server that it came from, below another path too", async () => {
    expect((await read()).servers).toEqual([{ url: "https://worker" }]);
  });
});

describe("an example", () => {
  const schemas = {
    "/v1/tasks/{task}/predict": [predictRequestSchema, predictAnswerSchema],
    "/v1/predict": [predictManyRequestSchema, predictManyAnswerSchema],
    "/v1/embed": [embedRequestSchema, embedAnswerSchema],
    "/v1/embeddings": [embeddingsRequestSchema, embeddingsAnswerSchema],
    "/v1/similarity": [similarityRequestSchema, similarityAnswerSchema],
    "/v1/zero-shot": [zeroShotRequestSchema, zeroShotAnswerSchema],
  } as const;
  const all = Object.entries(EXAMPLES).flatMap(([route, examples]) =>
    Object.entries(examples).map(([name, example]) => ({ route, name, example })),
  );

  it.each(all)("of $route is what the schemas allow: $name", ({ route, example }) => {
    const [request, answer] = schemas[route as keyof typeof schemas];
    expect(v.safeParse(request, example.body).success).toBe(true);
    expect(v.safeParse(answer, example.answer).success).toBe(true);
  });
});

describe("/docs", () => {
  it("is one page with every operation and example", async () => {
    const response = await fakeApp().request("https://worker/docs");
    expect(response.headers.get("content-type")).toContain("text/html");
    const page = await response.text();
    for (const path of Object.keys((await read()).paths)) expect(page).toContain(path);
    for (const { summary } of Object.values(EXAMPLES).flatMap((item) => Object.values(item))) {
      expect(page).toContain(summary);
    }
  });

  it("names every field that an operation takes, with its values and what it means", async () => {
    const page = await (await fakeApp().request("https://worker/docs")).text();
    const { components } = await read();
    const { Parameters, EmbedRequest } = components["schemas"] as Record<
      string,
      { properties: Record<string, { description?: string }> }
    >;
    for (const [name, { description }] of Object.entries(Parameters!.properties)) {
      expect(page).toContain(`<code>parameters.${name}</code>`);
      expect(description).toMatch(/\.$/);
    }
    for (const [name, { description }] of Object.entries(EmbedRequest!.properties)) {
      expect(page).toContain(`<code>${name}</code>`);
      expect(description).toMatch(/\.$/);
    }
    for (const name of ["path: task", "?version", "x-canary-key", "?limit", "?cursor", "items"]) {
      expect(page).toContain(`<code>${name}</code>`);
    }
    for (const kind of ["integer from 1 to 200", "integer from 0", "boolean", "string or list"]) {
      expect(page).toContain(`<td>${kind}</td>`);
    }
    expect(page).toContain("&quot;codepoint&quot; | &quot;utf16&quot;");
  });

  it("loads nothing from anywhere, and its policy would not let it", async () => {
    const response = await fakeApp().request("https://worker/docs");
    const page = await response.text();
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const targets = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, target = ""]) => target);
    for (const target of targets) expect(target).toMatch(/^(?:#|data:,$|https:\/\/worker\/)/);
    expect(page).not.toMatch(/@import|url\(/);
    // Only the script and the style that carry the policy's nonce are there.
    const tags = [...page.matchAll(/<(?:script|style)\b[^>]*>/g)].map(([tag]) => tag);
    expect(tags).toHaveLength(2);
    for (const tag of tags) expect(policy).toContain(/nonce="([^"]+)"/.exec(tag)![1]);
  });

  it("asks for a key where one is needed", async () => {
    const keys = { API_KEYS: [{ name: "a", sha256: "0".repeat(64) }] };
    expect(await (await fakeApp().request("/docs")).text()).not.toContain('type="password"');
    const page = await (await fakeApp(keys).request("/docs")).text();
    expect(page).toContain('type="password"');
    expect(page).toContain("Bearer YOUR_KEY");
  });
});
