/** GET / by what the client prefers: the page's document for browsers, JSON for programs. */
import { describe, expect, it } from "vitest";
import type { PageFiles } from "../../../src/http/settings/config.ts";
import { fakeApp } from "../../support/fake-app.ts";

/** What Chrome and Firefox send when an address is opened. */
const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/** Static files of which only the document is there, as the platform gives them. */
const page: PageFiles = {
  async fetch(request) {
    if (new URL(request.url).pathname !== "/index.html") return new Response("", { status: 404 });
    if (request.headers.get("if-none-match") === '"v1"') return new Response(null, { status: 304 });
    const headers = { "content-type": "text/html", etag: '"v1"', "x-own": "kept" };
    return new Response("<!doctype html>", { headers });
  },
};
const app = fakeApp({}, { page });
const ask = (accept: string, more: Record<string, string> = {}) =>
  app.request("/", { headers: { accept, ...more } });

describe("the first page", () => {
  it.each([BROWSER, "text/html", "text/html;q=0.9, application/json;q=0.5"])(
    "is the page for %s",
    async (accept) => {
      const response = await ask(accept);
      expect(response.headers.get("content-type")).toBe("text/html");
      expect(await response.text()).toBe("<!doctype html>");
    },
  );

  it.each(["*/*", "application/json", "application/json, text/html", "text/html;q=0, */*"])(
    "is JSON for %s",
    async (accept) => {
      expect(await (await ask(accept)).json()).toMatchObject({ name: "edge-prefix" });
    },
  );

  it("tells caches that it depends on the Accept header, and keeps the file's own headers", async () => {
    const shown = await ask(BROWSER);
    expect(shown.headers.get("vary")).toContain("Accept");
    expect(shown.headers.get("x-own")).toBe("kept");
    expect(shown.headers.get("x-request-id")).not.toBeNull();
    expect((await ask("*/*")).headers.get("vary")).toContain("Accept");
  });

  it("is not sent again to a browser that has it", async () => {
    const response = await ask(BROWSER, { "if-none-match": '"v1"' });
    expect(response.status).toBe(304);
    expect(await response.text()).toBe("");
  });

  it("is JSON where the Worker has no page, or none was built", async () => {
    const empty: PageFiles = { fetch: async () => new Response("", { status: 404 }) };
    for (const one of [fakeApp(), fakeApp({}, { page: empty })]) {
      const response = await one.request("/", { headers: { accept: BROWSER } });
      expect(await response.json()).toMatchObject({ name: "edge-prefix" });
    }
  });
});
