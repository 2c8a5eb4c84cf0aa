/** Keys by the runtime's own hash, and the platform's counter of requests, in workerd. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { RateLimit } from "../../src/http/settings/config.ts";
import { sha256 } from "../../src/serve/sha256.ts";
import { predictRequest, testApp, verdictOf } from "./app-support.ts";
import { makeTask, putTask, seedBases } from "./support.ts";

/** Lets three requests a minute through; configured in vitest.config.ts. */
const rateLimit = (env as unknown as { TEST_RATE_LIMIT: RateLimit }).TEST_RATE_LIMIT;

beforeAll(async () => {
  await seedBases();
  await putTask(await makeTask({ task: "mood" }));
  await putTask(await makeTask({ task: "other" }));
});

const digestOf = (key: string): Promise<string> => sha256(new TextEncoder().encode(key));

describe("a Worker with keys", () => {
  it("answers their holders and no other caller", async () => {
    const API_KEYS = [
      { name: "shop", sha256: await digestOf("ep_shop"), tasks: ["mood"] },
      { name: "ops", sha256: await digestOf("ep_ops"), scopes: ["admin"] },
    ];
    const app = await testApp({ API_KEYS: JSON.stringify(API_KEYS) });
    const ask = async (key: string | null, task = "mood"): Promise<string> => {
      const request = predictRequest(task, { inputs: "a good day" });
      if (key !== null) request.headers.set("authorization", `Bearer ${key}`);
      return verdictOf(await app.fetch(request));
    };
    expect(await ask("ep_shop")).toBe("200");
    expect(await ask(null)).toBe("401 key-missing");
    expect(await ask("ep_shap")).toBe("401 key-unknown");
    expect(await ask("ep_ops")).toBe("403 not-allowed");
    expect(await ask("ep_shop", "other")).toBe("403 not-allowed");
  });
});

describe("a Worker with a rate limit", () => {
  it("answers 429 with the period beyond it, to that caller alone", async () => {
    const app = await testApp({ RATE_LIMIT_PERIOD_S: 60 }, undefined, { rateLimit });
    const ask = (address: string): Promise<Response> => {
      const request = predictRequest("mood", { inputs: "a good day" });
      request.headers.set("cf-connecting-ip", address);
      return app.fetch(request);
    };
    for (let i = 0; i < 3; i++) expect(await verdictOf(await ask("192.0.2.1"))).toBe("200");
    const refused = await ask("192.0.2.1");
    expect(refused.headers.get("retry-after")).toBe("60");
    expect(await verdictOf(refused)).toBe("429 rate-limited");
    expect(await verdictOf(await ask("192.0.2.2"))).toBe("200");
    const live = await app.fetch(new Request("https://worker/livez"));
    expect(await verdictOf(live)).toBe("200");
  });

  it("goes on answering while the counter fails, and logs that", async () => {
    const broken = { limit: () => Promise.reject(new Error("no counter here")) };
    const app = await testApp({}, undefined, { rateLimit: broken });
    expect(await verdictOf(await app.predict("mood", { inputs: "a" }))).toBe("200");
    expect(app.logged).toContainEqual(
      expect.objectContaining({ level: "warn", event: "rate-limit-failed" }),
    );
  });
});
