/** docs/http.md names all that the interface describes of itself, and docs/settings.md every setting. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGE } from "../../../scripts/node/project.ts";
import { SETTINGS } from "../../../src/http/settings/config.ts";
import { embedRequestSchema, parametersSchema } from "../../../src/http/schemas/schema.ts";
import { fakeApp } from "../../support/fake-app.ts";

const read = (path: string): string => readFileSync(join(PACKAGE, path), "utf8");
const page = read("docs/http.md");

describe("docs/http.md", () => {
  it("lists every route", async () => {
    const response = await fakeApp().request("https://worker/openapi.json");
    const { paths } = (await response.json()) as { paths: Readonly<Record<string, object>> };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      ["get", "post"]
        .filter((method) => method in methods)
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes).toContain("POST /v1/embed");
    expect(routes.filter((route) => route !== "GET /" && !page.includes(`\`${route}\``))).toEqual(
      [],
    );
  });

  it("explains every parameter", () => {
    const names = Object.keys(parametersSchema.entries);
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it("names what an embedding may ask for", () => {
    // Another spelling of truncate, and fields that clients send and that change nothing.
    const others = new Set(["truncation", "prompt_name", "options"]);
    const names = Object.keys(embedRequestSchema.entries).filter((name) => !others.has(name));
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

describe("docs/settings.md", () => {
  it("shows every setting with its default, as wrangler.toml does", () => {
    const rows = read("docs/settings.md");
    for (const { variable, default: value } of Object.values(SETTINGS)) {
      expect(rows).toMatch(new RegExp(`\\| \`${variable}\` +\\| ${value.toLocaleString("en")} `));
      expect(read("wrangler.toml")).toContain(
        `# ${variable} = ${value.toLocaleString("en").replaceAll(",", "_")} `,
      );
    }
  });
});
