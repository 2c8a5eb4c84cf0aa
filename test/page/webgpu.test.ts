/**
 * Which backend a page computes with: the built module in Chromium, once as it is and once with
 * SwiftShader in place of a GPU. Expected labels are those recorded in the task's manifest.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { builtSite } from "../../scripts/dev/built-site.ts";
import { findChromium, launchChromium } from "../../scripts/dev/chromium.ts";
import type * as Library from "../../src/browser/browser.ts";
import { readTaskManifest } from "../../src/core/format/manifest.ts";
import { encodeUtf8 } from "../../src/core/text.ts";
import { PREFIXES } from "../support/bundled-tasks.ts";
import { serveFiles } from "../support/file-server.ts";
import type { FileServer } from "../support/file-server.ts";

/** What the pages of this file share with the functions that run in them. */
declare const library: typeof Library;
declare const predictor: Library.BrowserPredictor;
declare const problems: string[];

const { missing } = await findChromium();

const PAGE = encodeUtf8(`<!doctype html><title>test</title><link rel="icon" href="data:,">
<script type="module">
  globalThis.problems = [];
  addEventListener("securitypolicyviolation", (event) => problems.push(event.violatedDirective));
  globalThis.library = await import("./browser.js");
</script>`);

/** Lets a page take the GPU away from its Web Worker. */
const FRAGILE = encodeUtf8(`
const { requestDevice } = globalThis.GPUAdapter?.prototype ?? {};
if (requestDevice) GPUAdapter.prototype.requestDevice = async function (options) {
  const device = await requestDevice.call(this, options);
  new BroadcastChannel("lose the GPU").onmessage = () => device.destroy();
  return device;
};
`);

const POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:";
/** Names of what only WebGPU needs. */
const RUNTIME = /jspi|web-[A-Z0-9]{8}\.js/;

const { examples } = readTaskManifest(
  new Uint8Array(readFileSync(join(PREFIXES, "sentiment", "manifest.json"))),
  "sentiment",
);

describe.skipIf(missing !== undefined)("the backend of a page", () => {
  let browsers: Record<"plain" | "gpu", Browser>;
  let site: FileServer;
  let page: Page;

  beforeAll(async () => {
    const files = await builtSite("sentiment");
    files.set("test.html", PAGE);
    const worker = files.get("browser-worker.js")!;
    files.set("browser-worker.js", new Uint8Array([...FRAGILE, ...worker]));
    site = await serveFiles((path) => files.get(path.slice(1)) ?? null, {
      "content-security-policy": POLICY,
    });
    browsers = { plain: await launchChromium(), gpu: await launchChromium({ hasGpu: true }) };
  });
  afterEach(() => page.context().close());
  afterAll(async () => {
    await Promise.all(Object.values(browsers).map((browser) => browser.close()));
    await site.close();
  });

  /** Loads a predictor in a new page of a browser; returns its state or its error, and what was asked for. */
  async function load(browser: keyof typeof browsers, options: Partial<Library.LoadOptions>) {
    page = await (await browsers[browser].newContext()).newPage();
    await page.goto(`${site.origin}/test.html`);
    await page.waitForFunction(() => "library" in globalThis);
    const before = site.answered.length;
    const loaded = await page.evaluate(async (options) => {
      try {
        const made = await library.loadPredictor({ ...options, from: location.origin });
        Object.assign(globalThis, { predictor: made });
        return { backend: made.backend, noWebgpu: made.noWebgpu };
      } catch (error) {
        const { code, message } = error as Library.EdgePrefixError;
        return { code, message };
      }
    }, options);
    const asked = site.answered.slice(before).filter((line) => RUNTIME.test(line));
    return { ...loaded, asked };
  }

  /** The labels of the task's examples, and the backend after that. */
  const answer = () =>
    page.evaluate(
      async (texts) => {
        const labels: unknown[] = [];
        for await (const item of predictor.predict("sentiment", texts)) {
          labels.push(
            "error" in item ? item.error.code : (item.result as { label: string }[])[0]!.label,
          );
        }
        const { backend, noWebgpu } = predictor;
        return { labels, backend, noWebgpu };
      },
      examples.map(({ text }) => text),
    );
  const labels = examples.map(({ label }) => label);

  it("is wasm where there is no GPU, and nothing is loaded that WebGPU needs", async () => {
    const loaded = await load("plain", {});
    expect(loaded).toMatchObject({ backend: "wasm", asked: [] });
    expect(loaded.noWebgpu).toMatch(/no GPU|no WebGPU/);
    expect(await answer()).toMatchObject({ labels, backend: "wasm" });
  });

  it("is an error where WebGPU is asked for and cannot run", async () => {
    expect(await load("plain", { backend: "webgpu" })).toMatchObject({
      code: "webgpu-unavailable",
      message: expect.stringContaining('use the backend "wasm"') as string,
      asked: [],
    });
  });

  it("is wasm where the only GPU is computed by the CPU", async () => {
    const loaded = await load("gpu", {});
    expect(loaded).toMatchObject({ backend: "wasm", asked: [] });
    expect(loaded.noWebgpu).toMatch(/computed by the CPU/);
  });

  it("is WebGPU where there is one; wasm goes on when it is lost", async () => {
    const loaded = await load("gpu", { allowsSoftwareGpu: true });
    expect(loaded).toMatchObject({ backend: "webgpu", noWebgpu: null });
    expect(loaded.asked).toContain("200 /ort-wasm-simd-threaded.jspi.wasm");
    expect(await answer()).toEqual({ labels, backend: "webgpu", noWebgpu: null });
    await page.evaluate(() => {
      const port = new BroadcastChannel("lose the GPU");
      port.postMessage(null);
    });
    const after = await answer();
    expect(after).toMatchObject({ labels, backend: "wasm" });
    expect(after.noWebgpu).toMatch(/the GPU was taken from this page/);
    expect(await page.evaluate(() => problems)).toEqual([]);
  });
});
