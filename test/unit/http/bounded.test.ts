/**
 * What a request costs is bounded by what is allowed, not by what is sent: counted in the places of a
 * body that are looked at, which says the same on every machine.
 */
import { describe, expect, it } from "vitest";
import {
  readEmbedRequest,
  readPredictManyRequest,
  readPredictRequest,
} from "../../../src/http/schemas/schema.ts";
import { RequestError } from "../../../src/http/schemas/request-error.ts";
import { fakeApp } from "../../support/fake-app.ts";

/** A list or an object that counts how many of its places are read. */
function watched<T extends object>(value: T): { value: T; readonly reads: number } {
  let reads = 0;
  const handler: ProxyHandler<T> = {
    get(target, key, receiver) {
      if (typeof key === "string" && /^\d+$/.test(key)) reads++;
      return Reflect.get(target, key, receiver);
    },
    getOwnPropertyDescriptor(target, key) {
      reads++;
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
  };
  return {
    value: new Proxy(value, handler),
    get reads() {
      return reads;
    },
  };
}

/** What a list may be filled with: no item of any list, or of few. */
const WRONG: Readonly<Record<string, unknown>> = {
  number: 1,
  null: null,
  "empty list": [],
  "empty object": {},
  "nested list": [[[]]],
  "unknown field": { a: 1 },
};

const COUNT = 20_000;
/** Ten complaints, and a few looks at each place. */
const MOST_READS = 100;

describe.each(Object.entries(WRONG))("a list of %s, twenty thousand times", (_, wrong) => {
  const list = Array.from({ length: COUNT }, () => wrong);

  it.each<[string, (value: unknown) => unknown]>([
    ["inputs", (inputs) => readPredictRequest({ inputs })],
    ["one input", (input) => readPredictRequest({ inputs: [input] })],
    ["a text", (text) => readPredictRequest({ inputs: { text } })],
    ["the inputs of an embedding", (inputs) => readEmbedRequest({ inputs })],
    ["items", (items) => readPredictManyRequest({ items })],
    [
      "the inputs of an item",
      (inputs) => readPredictManyRequest({ items: [{ task: "a", inputs }] }),
    ],
    ["parameters", (parameters) => readPredictRequest({ inputs: "a", parameters })],
    ["top_k", (top_k) => readPredictRequest({ inputs: "a", parameters: { top_k } })],
    [
      "ignore_labels",
      (ignore_labels) => readPredictRequest({ inputs: "a", parameters: { ignore_labels } }),
    ],
    ["the body", (body) => readPredictRequest(body)],
  ])("as %s is left after the first few", (_, read) => {
    const seen = watched(list);
    let error: unknown;
    try {
      read(seen.value);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RequestError);
    expect((error as RequestError).issues.length).toBeLessThanOrEqual(10);
    expect(seen.reads).toBeLessThanOrEqual(MOST_READS);
  });
});

describe("a list that is too long", () => {
  const numbers = Array.from({ length: 3_000 }, () => 1);

  it.each([
    ["/v1/tasks/sentiment/predict", { inputs: numbers }, "inputs: has 3000 items, allowed are 256"],
    ["/v1/embed", { inputs: numbers }, "inputs: has 3000 items, allowed are 256"],
    ["/v1/predict", { items: numbers }, "items: has 3000 items, allowed are 256"],
    [
      "/v1/predict",
      { items: [{ task: "a", inputs: numbers }] },
      "items: has 3000 inputs in all items together, allowed are 256",
    ],
  ])("is counted before its items are looked at: %s", async (path, body, detail) => {
    const response = await fakeApp().request(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const problem = (await response.json()) as { detail: string };
    expect(problem).toMatchObject({ status: 413, code: "too-many-inputs" });
    expect(problem.detail).toContain(detail);
  });

  it("of labels to ignore is refused by its length", async () => {
    const body = { inputs: "a", parameters: { ignore_labels: numbers } };
    expect(await (await fakeApp().predict(body)).json()).toMatchObject({
      code: "parameter-invalid",
      detail: "/parameters/ignore_labels: has 3000 items, allowed are 256",
    });
  });
});

describe("fields", () => {
  const many = (count: number): string =>
    `{"inputs":"a"${Array.from({ length: count }, (_, i) => `,"f${i}":":"`).join("")}}`;

  it("by the thousand are counted before the body is parsed", async () => {
    const response = await fakeApp().predict(many(6_000));
    expect(await response.json()).toMatchObject({ status: 413, code: "too-many-fields" });
  });

  it("are not counted inside of texts, and a full mixed call passes", async () => {
    expect((await fakeApp().predict({ inputs: ":".repeat(10_000) })).status).toBe(200);
    const parameters = {
      top_k: 1,
      function_to_apply: "softmax",
      aggregation_strategy: "simple",
      ignore_labels: ["O"],
      stride: 0,
      max_length: 16,
      truncation: true,
      offset_unit: "utf16",
    };
    const item = { task: "sentiment", inputs: { text: "a", text_pair: "b" }, parameters };
    const response = await fakeApp().request("/v1/predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ items: Array.from({ length: 256 }, () => item) }),
    });
    expect(response.status).toBe(200);
  });
});
