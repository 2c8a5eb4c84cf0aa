/** Who may ask what: keys, scopes and tasks; origins; headers. */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGE } from "../../../scripts/node/project.ts";
import { createBrokenApp } from "../../../src/app.ts";
import { fakeApp } from "../../support/fake-app.ts";

const digestOf = (key: string): string => createHash("sha256").update(key).digest("hex");
const API_KEYS = JSON.stringify([
  { name: "shop", sha256: digestOf("ep_shop"), tasks: ["sentiment"] },
  { name: "shop-next", sha256: digestOf("ep_next"), tasks: ["sentiment"] },
  { name: "any", sha256: digestOf("ep_any") },
  { name: "ops", sha256: digestOf("ep_ops"), scopes: ["admin"] },
]);
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const codeOf = async (response: Response): Promise<string> =>
  `${response.status} ${((await response.json()) as { code?: string }).code ?? ""}`.trim();

describe("without a list of keys", () => {
  it("everybody may ask, and the log says so before the first request", async () => {
    const app = fakeApp();
    expect(app.loggedAtStart).toEqual([
      expect.objectContaining({ level: "warn", event: "api-keys-off" }),
    ]);
    expect((await app.predict({ inputs: "a" })).status).toBe(200);
    expect((await app.predict({ inputs: "a" }, { headers: bearer("any") })).status).toBe(200);
  });
});

describe("with a list of keys", () => {
  const app = fakeApp({ API_KEYS });
  const predict = (key: string | null, task = "sentiment") =>
    app.predict({ inputs: "a" }, { task, headers: key === null ? {} : bearer(key) });

  it("nothing is logged of an open door", () => {
    expect(app.loggedAtStart).toEqual([]);
  });

  it.each(["/", "/livez", "/readyz"])("%s stays open", async (path) => {
    expect((await app.request(path)).status).toBe(200);
  });

  it("the open documents name no bundled task, nor its labels", async () => {
    const names = readdirSync(join(PACKAGE, "prefixes")).map((name) => name.toLowerCase());
    expect(names.length).toBeGreaterThan(0);
    for (const path of ["/docs", "/openapi.json", "/"]) {
      const text = await (await app.request(path)).text();
      // "entities" and "command" are words of the interface as well: a task is named in these ways.
      for (const name of names) {
        for (const way of [`/tasks/${name}`, `"${name}"`, `&quot;${name}&quot;`]) {
          expect(text.includes(way), `${path}: ${way}`).toBe(false);
        }
      }
      expect(text).not.toMatch(/positive|negative|PERSON|LOCATION/);
    }
    expect(await (await fakeApp().request("/docs")).text()).toContain("/tasks/sentiment/");
  });

  it("the open front page names no task", async () => {
    expect(await (await app.request("/")).json()).toMatchObject({ tasks: [] });
  });

  it.each([
    [{}, 'Bearer realm="edge-prefix"', "401 key-missing"],
    [{ authorization: "Basic YTpi" }, 'Bearer realm="edge-prefix"', "401 key-missing"],
    [{ authorization: "Bearer " }, 'Bearer realm="edge-prefix"', "401 key-missing"],
    [bearer("x".repeat(1_000)), 'Bearer realm="edge-prefix"', "401 key-missing"],
    [bearer("ep_sho"), 'Bearer realm="edge-prefix", error="invalid_token"', "401 key-unknown"],
  ])("%j is refused with a challenge", async (headers, challenge, expected) => {
    const response = await app.predict({ inputs: "a" }, { headers });
    expect(response.headers.get("www-authenticate")).toBe(challenge);
    expect(await codeOf(response)).toBe(expected);
  });

  it("a key is asked for before a body is read, and never repeated", async () => {
    const response = await app.predict("{broken", { headers: bearer("ep_guess") });
    expect(response.status).toBe(401);
    expect(await response.text()).not.toContain("ep_guess");
    expect(JSON.stringify(app.logged)).not.toContain("ep_guess");
  });

  it("the old and the new key of a rotation both open the door, each under its name in the log", async () => {
    for (const [key, name] of [
      ["ep_shop", "shop"],
      ["ep_next", "shop-next"],
    ] as const) {
      expect((await predict(key)).status).toBe(200);
      expect(app.logged.at(-1)).toMatchObject({ key: name, status: 200 });
    }
  });

  it("the scheme is written in any case, as RFC 9110 has it", async () => {
    const headers = { authorization: "bearer ep_any" };
    expect((await app.predict({ inputs: "a" }, { headers })).status).toBe(200);
  });

  it("a key bound to tasks may name no other, whether or not there is one", async () => {
    expect(await codeOf(await predict("ep_shop", "entities"))).toBe("403 not-allowed");
    expect(await codeOf(await predict("ep_shop", "unknown"))).toBe("403 not-allowed");
    expect((await predict("ep_any", "entities")).status).toBe(200);
    const described = await app.request("/v1/tasks/entities", { headers: bearer("ep_shop") });
    expect(described.status).toBe(403);
    const own = await app.request("/v1/tasks/sentiment", { headers: bearer("ep_shop") });
    expect(own.status).toBe(200);
  });

  it("a key bound to tasks sees only them in the list", async () => {
    const list = async (key: string): Promise<string[]> => {
      const response = await app.request("/v1/tasks", { headers: bearer(key) });
      const { tasks } = (await response.json()) as { tasks: { task: string }[] };
      return tasks.map(({ task }) => task);
    };
    expect(await list("ep_shop")).toEqual(["sentiment"]);
    expect(await list("ep_any")).toEqual(["sentiment", "entities", "corrupt"]);
  });

  it("a key bound to tasks learns no other task's name from a cursor", async () => {
    const page = async (query: string): Promise<unknown> =>
      (await app.request(`/v1/tasks?${query}`, { headers: bearer("ep_shop") })).json();
    expect(await page("limit=1")).toMatchObject({
      tasks: [{ task: "sentiment" }],
      cursor: "sentiment",
    });
    expect(await page("limit=1&cursor=sentiment")).toEqual({ tasks: [] });
  });

  it("in a mixed call, the items of other tasks fail and the rest is answered", async () => {
    const response = await app.request("/v1/predict", {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer("ep_shop") },
      body: JSON.stringify({
        items: [
          { task: "sentiment", inputs: "a" },
          { task: "entities", inputs: "b" },
        ],
      }),
    });
    expect(response.status).toBe(200);
    const { results } = (await response.json()) as { results: Record<string, unknown>[] };
    expect(results).toMatchObject([
      { task: "sentiment", result: [[{ label: "a" }]] },
      { task: "entities", error: { status: 403, code: "not-allowed" } },
    ]);
  });

  it("embeddings belong to no task: a key that is bound to tasks gets none", async () => {
    const embed = (key: string) =>
      app.request("/v1/embed", {
        method: "POST",
        headers: { "content-type": "application/json", ...bearer(key) },
        body: JSON.stringify({ inputs: "a" }),
      });
    expect(await codeOf(await embed("ep_shop"))).toBe("403 not-allowed");
    expect((await embed("ep_any")).status).toBe(200);
  });

  it("an admin's key is not one for answers", async () => {
    expect(await codeOf(await predict("ep_ops"))).toBe("403 not-allowed");
  });
});

describe("pages of other sites", () => {
  const ask = (variables: Record<string, unknown>, origin: string, init: RequestInit = {}) =>
    fakeApp(variables).request("/v1/tasks", { ...init, headers: { origin, ...init.headers } });

  it("may not ask unless their origin is named", async () => {
    const response = await ask({}, "https://a.example");
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    const other = await ask({ CORS_ORIGINS: "https://b.example" }, "https://a.example");
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("may ask when it is, and read our headers, also of a refusal", async () => {
    const variables = { CORS_ORIGINS: "https://a.example, https://b.example", API_KEYS };
    const response = await ask(variables, "https://b.example");
    expect(response.status).toBe(401);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://b.example");
    expect(response.headers.get("access-control-expose-headers")).toContain("x-task-version");
  });

  it("may read that their headers are too large", async () => {
    const variables = { CORS_ORIGINS: "https://a.example", MAX_HEADER_BYTES: 1_000 };
    const headers = { "x-long": "x".repeat(1_000) };
    const response = await ask(variables, "https://a.example", { headers });
    expect(response.status).toBe(431);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://a.example");
  });

  it("are told what they may send before they send it, without a key", async () => {
    const preflight = {
      method: "OPTIONS",
      headers: {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    };
    const response = await ask({ CORS_ORIGINS: "*", API_KEYS }, "https://a.example", preflight);
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("access-control-allow-methods")).toContain("POST");
    expect(response.headers.get("access-control-allow-headers")).toContain("authorization");
  });
});

describe("headers", () => {
  it("beyond the limit are refused with 431, with a long URL too", async () => {
    const app = fakeApp({ MAX_HEADER_BYTES: 1_000 });
    const long = await app.request("/livez", { headers: { "x-long": "x".repeat(1_000) } });
    expect(await codeOf(long)).toBe("431 headers-too-large");
    const url = await app.request(`/livez?${"x".repeat(1_000)}`);
    expect(await codeOf(url)).toBe("431 headers-too-large");
    expect((await app.request("/livez", { headers: { "x-short": "x" } })).status).toBe(200);
  });
});

describe("the settings of the doors", () => {
  it.each([
    [{ API_KEYS: "ep_shop" }, "API_KEYS"],
    [{ CORS_ORIGINS: "example.org" }, "CORS_ORIGINS"],
    [{ CORS_ORIGINS: "https://a.example/path" }, "CORS_ORIGINS"],
    [{ CORS_ORIGINS: 5 }, "CORS_ORIGINS"],
    [{ RATE_LIMIT_PERIOD_S: 5 }, "RATE_LIMIT_PERIOD_S"],
  ])("are checked before anything is served: %j", (variables, name) => {
    expect(() => fakeApp(variables)).toThrow(name);
  });
});

describe("every answer", () => {
  const app = createBrokenApp(new Error("settings"), {
    requestId: () => "id",
    log: () => undefined,
  });
  const post = (body: string, headers = {}): RequestInit => ({
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });

  it.each<[string, string, RequestInit?]>([
    ["a page", "/docs"],
    ["a document", "/openapi.json"],
    ["an index", "/"],
    ["figures", "/metrics"],
    ["an answer", "/v1/tasks/sentiment/predict", post('{"inputs":"a"}')],
    [
      "a stream",
      "/v1/tasks/sentiment/predict",
      post('{"inputs":["a"]}', { accept: "application/x-ndjson" }),
    ],
    ["a problem", "/v1/tasks/sentiment/predict", post("{")],
    ["an unforeseen failure", "/v1/tasks/sentiment/predict", post('{"inputs":"!bug"}')],
    ["no such route", "/nowhere"],
    ["no such route below /v1", "/v1/nowhere"],
    ["a wrong method", "/v1/predict", { method: "GET" }],
    ["what a path allows", "/v1/predict", { method: "OPTIONS" }],
    ["headers that are too large", "/", { headers: { "x-large": "a".repeat(20_000) } }],
    ["a head", "/livez", { method: "HEAD" }],
  ])("forbids guessing its kind: %s", async (_, path, init) => {
    const response = await fakeApp().request(path, init);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("forbids guessing its kind: preflights, refused keys, wrong settings", async () => {
    const preflight = await fakeApp({ CORS_ORIGINS: "*" }).request("/v1/predict", {
      method: "OPTIONS",
      headers: { origin: "https://a.example", "access-control-request-method": "POST" },
    });
    const refused = await fakeApp({ API_KEYS }).predict({ inputs: "a" });
    const broken = await app.request("/v1/tasks");
    for (const response of [preflight, refused, broken, await app.request("/livez")]) {
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    }
  });
});
