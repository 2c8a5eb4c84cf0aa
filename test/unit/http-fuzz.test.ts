/** Seeded requests and bytes of any shape against the routes: a code, never a 500. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeApp } from "../support/fake-app.ts";

describe("seeded fuzz", () => {
  const seed = 20261123;
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "a", "\ud800", " "));
  const item = fc.oneof(
    text,
    fc.record({ text, text_pair: fc.option(text) }, { requiredKeys: [] }),
    fc.array(text, { maxLength: 3 }),
    fc.jsonValue(),
  );
  const parameters = fc.record(
    Object.fromEntries(
      [
        "top_k",
        "function_to_apply",
        "aggregation_strategy",
        "ignore_labels",
        "stride",
        "max_length",
        "truncation",
        "offset_unit",
        "version",
        "__proto__",
      ].map((name) => [
        name,
        fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(1, "none", "utf16", true)),
      ]),
    ),
    { requiredKeys: [] },
  );
  const request = fc.record(
    {
      inputs: fc.oneof(item, fc.array(item, { maxLength: 4 })),
      parameters: fc.oneof(parameters, fc.jsonValue()),
      options: fc.jsonValue(),
    },
    { requiredKeys: ["inputs"] },
  );
  const accept = fc.constantFrom(
    "*/*",
    "application/json",
    "application/x-ndjson",
    "text/event-stream",
    "a/b",
  );

  it("of requests finds no 500 and no stream without an end", async () => {
    const app = fakeApp();
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(request, accept, async (body, accept) => {
        const response = await app.predict(body, { headers: { accept } });
        statuses.add(response.status);
        const answer = await response.text();
        expect(response.status).toBeLessThan(500);
        if (response.status !== 200) {
          expect(JSON.parse(answer)).toMatchObject({ status: response.status });
        } else if (accept === "application/x-ndjson") {
          expect(JSON.parse(answer.trimEnd().split("\n").at(-1)!)).toMatchObject({ done: true });
        }
      }),
      { seed, numRuns: 3_000 },
    );
    // A fuzz that only ever fails the same way proves little.
    expect([...statuses].sort()).toEqual([200, 400, 406, 422]);
  });

  it("of bytes finds no 500", async () => {
    const app = fakeApp();
    const good = new TextEncoder().encode(
      '{"inputs": ["a", {"text": "b"}], "parameters": {"top_k": 1}}',
    );
    const damaged = fc
      .tuple(fc.nat(good.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([at, bytes, cuts]) => {
        const copy = [...good];
        copy.splice(at, cuts ? good.length : bytes.length, ...bytes);
        return Uint8Array.from(copy);
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged, fc.uint8Array({ maxLength: 64 })), async (body) => {
        const response = await app.request("/v1/tasks/sentiment/predict", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: Uint8Array.from(body),
        });
        expect(response.status).toBeLessThan(500);
        await response.text();
      }),
      { seed, numRuns: 2_000 },
    );
  });
});
