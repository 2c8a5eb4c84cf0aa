/**
 * `loadPredictor` as a page has it: the built module and its Web Worker, in Chromium, over a bundle on
 * a plain web server. Expected answers are those of the same parts in Node.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Browser, Page } from "playwright";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sha256, startSha256 } from "../../scripts/node/hash.ts";
import { PACKAGE } from "../../scripts/node/project.ts";
import { simdNodeEngine } from "../../scripts/node/runtime-simd.ts";
import type * as Library from "../../src/browser/browser.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { httpBucket } from "../../src/serve/bucket/http.ts";
import type { PredictParameters, Prediction } from "../../src/serve/prediction.ts";
import { answerQuestions } from "../../src/serve/questions.ts";
import { createServing } from "../../src/serve/serving.ts";
import { builtSite } from "../../scripts/dev/built-site.ts";
import { findChromium, launchChromium } from "../../scripts/dev/chromium.ts";
import { serveFiles } from "../support/file-server.ts";
import type { FileServer } from "../support/file-server.ts";

/** What the pages of this file share with the functions that run in them. */
declare const library: typeof Library;
declare const predictor: Library.BrowserPredictor;
declare const problems: string[];

const { missing } = await findChromium();

/** The page that docs/browser.md shows. */
const [, shownPage = ""] = /^```html\n([^]*?)^```$/m.exec(
  readFileSync(join(PACKAGE, "docs", "browser.md"), "utf8"),
)!;

const TEXTS = [
  "a gripping, beautifully acted film",
  "The service was slow and the food arrived cold.",
  Array.from({ length: 120 }, (_, i) => `Part ${i} drags, but the leads are a joy.`).join(" "),
];

/** A page that knows the module of the site at `from`, and the policy that it is served with. */
const pageOf = (from: string): Uint8Array =>
  encodeUtf8(`<!doctype html><title>test</title><link rel="icon" href="data:,">
<script type="module">
  globalThis.problems = [];
  addEventListener("securitypolicyviolation", (event) => problems.push(event.violatedDirective));
  globalThis.library = await import("${from}/browser.js");
</script>`);

describe.skipIf(missing !== undefined)("a predictor in a page", () => {
  let browser: Browser;
  let site: FileServer;
  const servers: FileServer[] = [];
  let page: Page;

  const serve = async (...args: Parameters<typeof serveFiles>): Promise<FileServer> => {
    const server = await serveFiles(...args);
    servers.push(server);
    return server;
  };

  beforeAll(async () => {
    const files = await builtSite("sentiment", "entities");
    files.set("test.html", pageOf("."));
    files.set("example.html", encodeUtf8(shownPage));
    site = await serve((path) => files.get(path.slice(1)) ?? null, {
      "access-control-allow-origin": "*",
      "cache-control": "max-age=600",
    });
    browser = await launchChromium();
  });
  afterEach(() => page.context().close());
  afterAll(async () => {
    await browser.close();
    await Promise.all(servers.map((server) => server.close()));
  });

  /** Opens a page in a browser that knows nothing yet; its script is there. */
  async function open(url: string): Promise<Page> {
    page = await (await browser.newContext()).newPage();
    await visit(url);
    return page;
  }

  async function visit(url: string): Promise<void> {
    await page.goto(url);
    if (!url.endsWith("example.html")) await page.waitForFunction(() => "library" in globalThis);
  }

  /** Loads a predictor into the page; what it throws is thrown with its code. */
  const load = (from: string, options: Partial<Library.LoadOptions> = {}) =>
    page.evaluate(
      async ([from, options]) => {
        const progress: Library.LoadProgress[] = [];
        const onProgress = (item: Library.LoadProgress) => void progress.push(item);
        try {
          const loaded = await library.loadPredictor({ ...options, from, onProgress });
          Object.assign(globalThis, { predictor: loaded });
          return { progress, backend: loaded.backend, base: loaded.base };
        } catch (error) {
          const { name, code, message } = error as Library.EdgePrefixError;
          return { name, code, message };
        }
      },
      [from, options] as const,
    );

  /** Everything that the page's predictor answers, an error as its code and message. */
  const predict = (task: string, texts: readonly string[], parameters: PredictParameters = {}) =>
    page.evaluate(
      async ([task, texts, parameters]) => {
        const told = ({ code, message }: Library.EdgePrefixError) => ({ code, message });
        const answers: unknown[] = [];
        try {
          for await (const item of predictor.predict(task, texts, parameters)) {
            answers.push("error" in item ? { ...item, error: told(item.error) } : item);
          }
        } catch (error) {
          if (!(error instanceof library.EdgePrefixError)) throw error;
          answers.push(told(error));
        }
        return answers;
      },
      [task, texts, parameters] as const,
    );

  /** The same by the parts that serve, in Node. */
  async function predictInNode(
    task: string,
    texts: readonly string[],
    parameters: PredictParameters = {},
  ): Promise<unknown[]> {
    const clock = { now: () => performance.now(), wait: () => setImmediate() };
    const serving = createServing(
      {
        base: "pocket",
        predictor: { deadlineMs: 600_000, maxWindows: 4096 },
        scheduler: { maxBatchTokens: 512, maxQueuedTokens: 1e9 },
        admission: { microsPerToken: 1, requestCpuMs: 1e9, maxHeapBytes: 1e9 },
        tasks: { cacheBytes: 1e8, freshMs: 1e9, maxLagMs: 1e9, maxStaleMs: 1e9 },
      },
      {
        bucket: httpBucket({ from: site.origin, fetch, sha256 }),
        engine: simdNodeEngine,
        clock,
        sha256,
        startSha256,
      },
    );
    const questions = texts.map((input) => ({ task, input, parameters }));
    const told = ({ code, message }: Library.EdgePrefixError) => ({ code, message });
    const answers: unknown[] = [];
    const { signal } = new AbortController();
    const asking = { hold: () => undefined, signal };
    const items: AsyncGenerator<Prediction> = answerQuestions(serving, questions, asking);
    try {
      for await (const item of items) {
        answers.push("error" in item ? { ...item, error: told(item.error) } : item);
      }
    } catch (error) {
      answers.push(told(error as Library.EdgePrefixError));
    }
    return answers;
  }

  it("gives the answers of Node to the last bit, labels and entities, and tells the download", async () => {
    await open(`${site.origin}/test.html`);
    const loaded = await load(site.origin);
    expect(loaded).toMatchObject({ backend: "wasm", base: "pocket" });
    const progress = loaded.progress!;
    expect(progress.at(-1)!.total).toBeGreaterThan(10e6);
    expect(progress.at(-1)!.bytes).toBe(progress.at(-1)!.total);
    expect(progress.map(({ bytes }) => bytes)).toEqual(
      progress.map(({ bytes }) => bytes).toSorted((a, b) => a - b),
    );
    for (const [task, parameters] of [
      ["sentiment", {}],
      ["sentiment", { truncation: true, top_k: 1 }],
      ["entities", { offset_unit: "utf16" }],
      // A task that is not there, and parameters that it cannot follow.
      ["nothing", {}],
      ["sentiment", { max_length: 1 }],
    ] as const) {
      const found = await predict(task, TEXTS, parameters);
      expect(found).toEqual(await predictInNode(task, TEXTS, parameters));
    }
  });

  it("knows the tasks, their versions and what a call has cost", async () => {
    await open(`${site.origin}/test.html`);
    await load(site.origin);
    const told = await page.evaluate(async () => {
      const questions = ["entities", "sentiment"].map((task) => ({ task, input: "Paris is fine" }));
      const call = predictor.predictMany(questions);
      let next = await call.next();
      while (next.done !== true) next = await call.next();
      const { version, manifest } = await predictor.task("sentiment");
      const names = await predictor.tasks();
      return { names, facts: next.value, version, labels: manifest.labels };
    });
    const { version } = told;
    expect(told).toMatchObject({
      names: ["entities", "sentiment"],
      labels: ["negative", "positive"],
      facts: { versions: { sentiment: version }, usage: { windows: 2, truncated: 0 } },
    });
    expect(version).toMatch(/^[0-9a-f]{12}$/);
  });

  it("asks for nothing while it answers, and answers without a network, in a new page too", async () => {
    await open(`${site.origin}/test.html`);
    await load(site.origin);
    const expected = await predict("sentiment", TEXTS);
    const before = site.answered.length;
    expect(await predict("sentiment", TEXTS)).toEqual(expected);
    expect(site.answered.slice(before)).toEqual([]);

    await page.context().setOffline(true);
    expect(await predict("sentiment", TEXTS)).toEqual(expected);
    await visit(`${site.origin}/test.html`);
    expect(await load(site.origin)).toMatchObject({ backend: "wasm", base: "pocket" });
    expect(await predict("sentiment", TEXTS)).toEqual(expected);
    expect(await predict("entities", ["x"])).toMatchObject([{ code: "bucket-unavailable" }]);
    expect(site.answered.slice(before)).toEqual([]);
  });

  it("leaves what has not run when its loop is left, and goes on with other calls", async () => {
    await open(`${site.origin}/test.html`);
    await load(site.origin);
    const usage = await page.evaluate(async () => {
      const many = Array.from({ length: 2_000 }, (_, i) => `text number ${i} of many`);
      for await (const { index } of predictor.predict("sentiment", many)) if (index === 1) break;
      const controller = new AbortController();
      const { signal } = controller;
      const aborted = predictor.predict("sentiment", many, {}, { signal });
      await aborted.next();
      controller.abort(new Error("enough"));
      const reason = await aborted.next().catch((error: Error) => error.message);
      const call = predictor.predict("sentiment", ["one more"]);
      await call.next();
      const { value } = await call.next();
      return { reason, tokens: (value as Library.CallFacts).usage.tokens };
    });
    expect(usage).toEqual({ reason: "enough", tokens: 4 });
  });

  it("runs in a page of another origin, whose policy allows no more than is said in the document", async () => {
    const policy = [
      "default-src 'none'",
      `script-src 'unsafe-inline' 'wasm-unsafe-eval' ${site.origin}`,
      `worker-src blob: ${site.origin}`,
      `connect-src ${site.origin}`,
      "img-src data:",
    ].join("; ");
    const other = await serve((path) => (path === "/" ? pageOf(site.origin) : null), {
      "content-security-policy": policy,
      "content-type": "text/html",
    });
    await open(other.origin);
    expect(await load(site.origin)).toMatchObject({ backend: "wasm" });
    expect(await predict("sentiment", TEXTS)).toEqual(await predictInNode("sentiment", TEXTS));
    expect(await page.evaluate(() => problems)).toEqual([]);
  });

  it("is used by the page of docs/browser.md", async () => {
    await open(`${site.origin}/example.html`);
    await page.getByRole("textbox").fill("two hours of my life that I want back");
    await page.getByRole("button").click();
    const output = page.getByRole("status");
    await output.filter({ hasText: /\S/ }).waitFor();
    const [expected] = (await predictInNode("sentiment", [
      "two hours of my life that I want back",
    ])) as { result: Library.Classification[] }[];
    const [{ label, score }] = expected!.result as [Library.Classification];
    expect(await output.textContent()).toBe(`${label} ${score.toFixed(3)}`);
    expect(await page.locator("progress").isHidden()).toBe(true);
  });

  it("says why it cannot be loaded", async () => {
    const own = `script-src 'self' 'unsafe-inline'; connect-src 'self'; worker-src`;
    const files = await builtSite("sentiment");
    files.set("test.html", pageOf("."));
    const read = (path: string) => files.get(path.slice(1)) ?? null;
    const strict = await serve(read, { "content-security-policy": `${own} 'none'` });
    await open(`${strict.origin}/test.html`);
    expect(await load(strict.origin)).toMatchObject({ code: "worker-failed" });

    await visit(`${site.origin}/test.html`);
    expect(await load("http://")).toMatchObject({ code: "address-invalid" });
    const workerUrl = `${site.origin}/browser-worker.js`;
    expect(await load(`${site.origin}/nowhere/`, { workerUrl })).toMatchObject({
      code: "files-not-found",
      message: expect.stringContaining("SERVE_FILES") as string,
    });
    const noWasm = await serve(read, { "content-security-policy": `${own} 'self'` });
    await visit(`${noWasm.origin}/test.html`);
    expect(await load(noWasm.origin)).toMatchObject({
      code: "runtime-failed",
      message: expect.stringContaining("'wasm-unsafe-eval'") as string,
    });
  });
});
