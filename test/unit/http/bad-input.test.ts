/** Whatever a client may send wrong, over a predictor that computes nothing: a code, never a 500. */
import { describe, expect, it } from "vitest";
import { fakeApp } from "../../support/fake-app.ts";

interface Problem {
  readonly type: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly instance: string;
  readonly request_id: string;
  readonly errors?: readonly { readonly path: string; readonly detail: string }[];
}

async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  const problem = (await response.json()) as Problem;
  expect(problem.status).toBe(response.status);
  expect(problem.type).toBe(`urn:edge-prefix:problem:${problem.code}`);
  return problem;
}

/** What the app answers to a body, as "status code". */
async function verdict(body: unknown, variables: Record<string, unknown> = {}): Promise<string> {
  const problem = await problemOf(await fakeApp(variables).predict(body));
  return `${problem.status} ${problem.code}`;
}

describe("a body", () => {
  it.each([
    ["is empty", "", "400 json-invalid"],
    ["is not JSON", "hello", "400 json-invalid"],
    ["ends too early", '{"inputs": "a"', "400 json-invalid"],
    ["has a comma too many", '{"inputs": "a",}', "400 json-invalid"],
    ["is two documents", '{"inputs": "a"}{}', "400 json-invalid"],
    ["is nested too deep", "[".repeat(100_000), "400 json-too-deep"],
    [
      "is nested too deep inside of inputs",
      `{"inputs": ${"[".repeat(20)}${"]".repeat(20)}}`,
      "400 json-too-deep",
    ],
    ["is null", "null", "400 request-invalid"],
    ["is a number", "5", "400 request-invalid"],
    ["is a list", '["a"]', "400 request-invalid"],
    ["is a text", '"a"', "400 request-invalid"],
    ["has no inputs", "{}", "400 request-invalid"],
  ])("that %s is refused", async (_, body, expected) => {
    expect(await verdict(body)).toBe(expected);
  });

  it("that is not UTF-8 is refused", async () => {
    const response = await fakeApp().request("/v1/tasks/sentiment/predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect(await problemOf(response)).toMatchObject({ status: 400, code: "json-invalid" });
  });

  it("with brackets inside of texts is not deep", async () => {
    expect((await fakeApp().predict({ inputs: `${"[{".repeat(50)}\\"` })).status).toBe(200);
  });

  it("larger than the limit is refused, announced or in chunks", async () => {
    const text = "a".repeat(3_000);
    expect(await verdict({ inputs: text }, { MAX_BODY_BYTES: 2_000 })).toBe("413 body-too-large");
    const chunks = Array.from({ length: 40 }, () => new TextEncoder().encode(" ".repeat(100)));
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = chunks.pop();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
    });
    const response = await fakeApp({ MAX_BODY_BYTES: 2_000 }).request("/v1/tasks/x/predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      duplex: "half",
    });
    expect(await problemOf(response)).toMatchObject({ status: 413, code: "body-too-large" });
  });

  it("that breaks off is the client's fault, not ours", async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"inputs":'));
      },
      // As workerd says it of a client that has left.
      pull: () => Promise.reject(new Error("Network connection lost.")),
    });
    const response = await fakeApp().request("/v1/tasks/x/predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      duplex: "half",
    });
    expect(await problemOf(response)).toMatchObject({ status: 400, code: "body-incomplete" });
  });

  it("that never ends is left at some point", async () => {
    let sent = 0;
    const chunk = new Uint8Array(1_000_000);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += chunk.byteLength;
        controller.enqueue(chunk);
      },
    });
    const response = await fakeApp().request("/v1/tasks/x/predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      duplex: "half",
    });
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(30_000_000);
  });

  it.each([
    ["nothing", {}],
    ["what curl -d sends", { "content-type": "application/x-www-form-urlencoded" }],
    ["text", { "content-type": "text/plain;charset=UTF-8" }],
    ["another charset", { "content-type": "application/json; charset=utf-16" }],
    ["compression", { "content-type": "application/json", "content-encoding": "gzip" }],
  ])("declared as %s is refused with a hint", async (_, headers) => {
    const body = new TextEncoder().encode('{"inputs": "a"}');
    const response = await fakeApp().request("/v1/tasks/sentiment/predict", {
      method: "POST",
      headers,
      body,
    });
    const { status, code, detail } = await problemOf(response);
    expect([status, code]).toEqual([415, "content-type-unsupported"]);
    expect(detail).toContain("expected");
  });
});

describe("a wrong value is described in JSON's words", () => {
  it.each<[unknown, unknown, string]>([
    [null, {}, "/inputs: is null, expected a string, an object or a list"],
    [["a", {}], {}, "/inputs/1/text: is missing"],
    [["a", 5], {}, "/inputs/1: is 5, expected a string, an object or a list"],
    ["a", "b", '/parameters: is "b", expected an object'],
    ["a", { top_k: "1" }, '/parameters/top_k: is "1", expected a number'],
    ["a", { top_k: 0 }, "/parameters/top_k: is 0, expected at least 1"],
    ["a", { ignore_labels: {} }, "/parameters/ignore_labels: is an object, expected a list"],
    [
      "a",
      { offset_unit: [] },
      '/parameters/offset_unit: is a list, expected "codepoint" or "utf16"',
    ],
    ["a", { truncation: 1 }, "/parameters/truncation: is 1, expected true or false"],
  ])("%j with parameters %j", async (inputs, parameters, detail) => {
    const response = await fakeApp().predict({ inputs, parameters });
    expect((await problemOf(response)).detail).toBe(detail);
  });
});

describe("inputs", () => {
  it.each([
    [null, "400 request-invalid"],
    [5, "400 request-invalid"],
    [true, "400 request-invalid"],
    [{}, "400 request-invalid"],
    [{ text: 5 }, "400 request-invalid"],
    [{ text: "a", text_pair: 5 }, "400 request-invalid"],
    [{ text: "a", other: "b" }, "400 request-invalid"],
    [[5], "400 request-invalid"],
    [[[]], "400 request-invalid"],
    [[["a", "b", "c"]], "400 request-invalid"],
    [[["a", 5]], "400 request-invalid"],
    [[[["a", "b"]]], "400 request-invalid"],
    [["a", null], "400 request-invalid"],
    [[], "422 inputs-empty"],
    ["", "422 text-empty"],
    [" \n\t", "422 text-empty"],
    [["a", ""], "422 text-empty"],
    [[["a", ""]], "422 text-empty"],
    ["\ud800", "422 text-not-unicode"],
    ["a\udc00b", "422 text-not-unicode"],
    [["a", { text: "a", text_pair: "\udc00\ud800" }], "422 text-not-unicode"],
    ["x".repeat(1_000_000), "413 text-too-long"],
    [Array.from({ length: 10_000 }, () => "a"), "413 too-many-inputs"],
    ["!window-limit", "413 too-many-windows"],
  ])("%j: %s", async (inputs, expected) => {
    expect(await verdict({ inputs })).toBe(expected);
  });

  it("that are fine pass beside astral characters and characters of every plane", async () => {
    expect(
      (await fakeApp().predict({ inputs: "a \u{1F600} \u{10FFFF} \uFFFF \u0000" })).status,
    ).toBe(200);
  });

  it("are named by their place when they are wrong", async () => {
    const cases: [unknown, string, string][] = [
      [{ inputs: ["a", 5] }, "/inputs/1", "expected"],
      [{ inputs: ["a", { txt: "b" }] }, "/inputs/1/text", "missing"],
      [{ inputs: { text: "a", "a/b~": 1 } }, "/inputs/a~1b~0", "allowed are text, text_pair"],
      [{ inputs: ["a", "b", ""] }, "/inputs/2", "is empty|has no text"],
      [{ inputs: ["a", "!window-limit"] }, "/inputs/1", "windows"],
      [{ inputs: "" }, "/inputs", "has no text"],
    ];
    for (const [body, path, detail] of cases) {
      const { errors, detail: whole } = await problemOf(await fakeApp().predict(body));
      expect(errors?.[0]?.path).toBe(path);
      expect(errors?.[0]?.detail).toMatch(new RegExp(detail));
      expect(whole).toContain(path);
    }
  });

  it("that are all wrong are told ten at a time", async () => {
    const response = await fakeApp().predict({ inputs: Array.from({ length: 200 }, () => 5) });
    const { errors, detail } = await problemOf(response);
    expect(errors).toHaveLength(10);
    expect(detail).toContain("more");
  });

  it("reach no predictor when one of them is wrong", async () => {
    const app = fakeApp();
    await app.predict({ inputs: ["a", "b", ""] });
    expect(app.seen).toEqual([]);
  });
});

describe("parameters", () => {
  it.each<Record<string, unknown>>([
    { top_k: 0 },
    { top_k: 1.5 },
    { top_k: "1" },
    { top_k: 1e300 },
    { function_to_apply: "tanh" },
    { function_to_apply: "" },
    { aggregation_strategy: "median" },
    { aggregation_strategy: ["simple"] },
    { ignore_labels: "O" },
    { ignore_labels: [1] },
    { stride: -1 },
    { max_length: 0 },
    { truncation: "yes" },
    { truncation: "longest_first" },
    { offset_unit: "bytes" },
    { version: "latest" },
    { version: 5 },
    { temperature: 2 },
    { constructor: 1 },
    { toString: 1 },
  ])("%j are refused by name", async (parameters) => {
    const { status, code, errors } = await problemOf(
      await fakeApp().predict({ inputs: "a", parameters }),
    );
    expect([status, code]).toEqual([400, "parameter-invalid"]);
    expect(errors?.[0]?.path).toMatch(new RegExp(`^/parameters/${Object.keys(parameters)[0]}`));
  });

  it.each([
    [{ inputs: [["a", "b", "c"]] }, "/inputs/0/2: is one too many, expected a pair of two texts"],
    [
      { inputs: "a", parameters: { top_k: 1.5 } },
      "/parameters/top_k: is 1.5, expected a whole number",
    ],
    [{}, "/inputs: is missing"],
    [{ inputs: {} }, "/inputs/text: is missing"],
  ])("in %j are described in words of the interface", async (body, detail) => {
    expect((await problemOf(await fakeApp().predict(body))).detail).toBe(detail);
  });

  it("that are unknown are told what is known, also at the top", async () => {
    const inner = await problemOf(
      await fakeApp().predict({ inputs: "a", parameters: { topk: 1 } }),
    );
    expect(inner.detail).toContain(
      "allowed are top_k, min_score, function_to_apply, aggregation_strategy",
    );
    const outer = await problemOf(await fakeApp().predict({ inputs: "a", top_k: 1 }));
    expect(outer.detail).toContain("allowed are inputs, parameters");
    const proto = await problemOf(await fakeApp().predict('{"inputs": "a", "__proto__": {}}'));
    expect(proto).toMatchObject({ status: 400, code: "request-invalid" });
  });

  it.each([[[]], ["a"], [5], [true]])("that are %j are refused", async (parameters) => {
    expect(await verdict({ inputs: "a", parameters })).toBe("400 request-invalid");
  });

  it("may not pin two versions at once", async () => {
    const app = fakeApp();
    const post = (version: string, parameters: object) =>
      app.request(`/v1/tasks/sentiment/predict?version=${version}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: "a", parameters }),
      });
    const pinned = { version: "aaaaaaaaaaaa" };
    expect((await post("aaaaaaaaaaaa", pinned)).status).toBe(200);
    expect((await post("bbbbbbbbbbbb", {})).status).toBe(200);
    expect(await problemOf(await post("bbbbbbbbbbbb", pinned))).toMatchObject({
      status: 400,
      code: "version-conflict",
    });
  });
});

describe("a task that cannot answer", () => {
  // Statuses: the table of codes of the public interface.
  it.each([
    ["unknown", "404 task-not-found", null],
    ["foreign", "409 prefix-base-mismatch", null],
    ["corrupt", "503 task-corrupt", null],
    ["unreachable", "503 bucket-unavailable", "5"],
    ["malformed", "503 pointer-invalid", null],
  ])("%s: %s", async (task, expected, retryAfter) => {
    const response = await fakeApp().predict({ inputs: "a" }, { task });
    expect(response.headers.get("retry-after")).toBe(retryAfter);
    const { status, code } = await problemOf(response);
    expect(`${status} ${code}`).toBe(expected);
  });

  it("for lack of time says when to come back", async () => {
    for (const inputs of ["!overloaded", "!deadline"]) {
      const response = await fakeApp().predict({ inputs });
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    }
  });

  it("for an unforeseen reason tells the log, not the client", async () => {
    const app = fakeApp();
    const response = await app.predict({ inputs: "!bug" });
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 500, code: "internal" });
    expect(JSON.stringify(problem)).not.toContain("secret");
    expect(app.logged[0]).toMatchObject({
      error: "TypeError: secret detail of the implementation",
    });
  });
});
