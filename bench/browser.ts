/**
 * A page in Chromium beside a Worker in workerd, with the same base and the same task: every row of a
 * data file, answered by both. Their labels and scores must be equal to the last bit. The page loads
 * from a folder as `edge-prefix bundle` writes it, over a plain web server on this machine.
 */
import { gzipSync } from "node:zlib";
import type { Page } from "playwright";
import { BUNDLED_BASE } from "../scripts/base/names.ts";
import { UsageError, defineCommand, readInteger, required } from "../scripts/cli/command.ts";
import { builtSite } from "../scripts/dev/built-site.ts";
import { launchChromium } from "../scripts/dev/chromium.ts";
import { buildPage } from "../scripts/dev/page.ts";
import { serveFrom } from "../scripts/dev/serve-page.ts";
import { readDataFile } from "../scripts/runs/task/data-files.ts";
import { BLOB_PREFIX, blobHash, taskKey } from "../src/core/format/keys.ts";
import { encodeUtf8 } from "../src/core/text.ts";
import { startServed } from "./served/client.ts";
import type { Served } from "./served/client.ts";
import { median, medianRatio, table } from "./stats.ts";

/** A label with its score, as the Worker writes it. */
interface Scored {
  readonly label: string;
  readonly score: number;
}

/** Answers of one side and the milliseconds that they took. */
interface Answered {
  readonly answers: readonly (readonly Scored[])[];
  readonly ms: number;
}

const PAGE = `<!doctype html><title>bench</title>
<script type="module">
  import { loadPredictor } from "./browser.js";
  globalThis.load = async () => {
    const start = performance.now();
    globalThis.predictor = await loadPredictor({ from: location.origin, backend: "wasm" });
    return performance.now() - start;
  };
  globalThis.ask = async (task, texts) => {
    const start = performance.now();
    const answers = [];
    for await (const { result } of predictor.predict(task, texts)) answers.push(result);
    return { answers, ms: performance.now() - start };
  };
</script>`;

/** The page's own functions. */
declare const load: () => Promise<number>;
declare const ask: (task: string, texts: readonly string[]) => Promise<Answered>;

export const bench = defineCommand({
  summary: "a page in Chromium beside a Worker: equal answers, load time, time a text, bytes",
  usage: "--data F [--task NAME] [--rows N] [--batch N]",
  example: "npx edge-prefix bench browser --data sst2/dev.tsv",
  options: {
    data: { type: "string", value: "F", hint: "texts, as train reads them" },
    task: {
      type: "string",
      value: "NAME",
      default: "sentiment",
      hint: "one of the project's own tasks for whole texts",
    },
    rows: { type: "string", value: "N", default: "100000", hint: "rows at most" },
    batch: { type: "string", value: "N", default: "32", hint: "texts a request" },
  },
  async run({ values, io }) {
    const task = values.task ?? "sentiment";
    const size = readInteger(values.batch, "--batch", { min: 1, max: 256 })!;
    const { examples } = await readDataFile(required(values.data, "--data"), { type: "sequence" });
    const texts = examples
      .slice(0, readInteger(values.rows, "--rows", { min: 1 }))
      .map(({ text }) => text);
    if (texts.length === 0) throw new UsageError("--data has no rows");

    await buildPage();
    const files = await builtSite(task);
    files.set("index.html", encodeUtf8(PAGE));
    const site = await serveFrom(async (path) => files.get(path.slice(1)) ?? null);
    const browser = await launchChromium();
    const worker = await startServed("simd", BUNDLED_BASE);
    try {
      await publish(worker, task, files);
      const page = await browser.newPage();
      const loadMs = [await loadPage(page, site.url), await loadPage(page, site.url)];
      const [inPage, inWorker]: [Answered[], Answered[]] = [[], []];
      for (let at = 0; at < texts.length; at += size) {
        const batch = texts.slice(at, at + size);
        inPage.push(
          await page.evaluate(([task, batch]) => ask(task, batch), [task, batch] as const),
        );
        inWorker.push(await askWorker(worker, task, batch));
      }
      const result = {
        rows: texts.length,
        browser: browser.version(),
        ...compare(
          inPage.flatMap(({ answers }) => answers),
          inWorker.flatMap(({ answers }) => answers),
        ),
        load_ms: { first: loadMs[0]!, from_kept_files: loadMs[1]! },
        ms_a_text: {
          page: perText(inPage),
          worker: perText(inWorker),
          ratio: medianRatio(
            inPage.map(({ ms }) => ms),
            inWorker.map(({ ms }) => ms),
          ),
        },
        bytes: bytesOf(files),
      };
      io.out(io.json ? JSON.stringify(result) : textOf(result));
      return result.equal_scores === texts.length ? 0 : 1;
    } finally {
      await Promise.all([browser.close(), site.close(), worker.stop()]);
    }
  },
});

/** Milliseconds from the call to a base that is ready. */
async function loadPage(page: Page, url: string): Promise<number> {
  await page.goto(url);
  await page.waitForFunction(() => "load" in globalThis);
  return page.evaluate(() => load());
}

/** Puts the task's files, as they are in the folder, into the Worker's bucket. */
async function publish(
  { bucket }: Served,
  task: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  for (const [path, bytes] of files) {
    const key = path.replace(/^files\//, "");
    const hash = blobHash(key);
    if (hash !== null) await bucket.putBlob(key, bytes, hash);
  }
  await bucket.putIf(taskKey(task), files.get(`files/${taskKey(task)}`)!, null);
}

async function askWorker(
  { url }: Served,
  task: string,
  inputs: readonly string[],
): Promise<Answered> {
  const start = performance.now();
  const response = await fetch(`${url}/v1/tasks/${task}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs }),
  });
  const answers = (await response.json()) as Scored[][];
  return { answers, ms: performance.now() - start };
}

/** How many rows have the same best label, and how many the same labels with the same bits. */
function compare(
  a: readonly (readonly Scored[])[],
  b: readonly (readonly Scored[])[],
): { equal_labels: number; equal_scores: number } {
  const bits = (scored: readonly Scored[] | undefined): string => JSON.stringify(scored);
  return {
    equal_labels: a.filter((scored, i) => scored[0]?.label === b[i]?.[0]?.label).length,
    equal_scores: a.filter((scored, i) => bits(scored) === bits(b[i])).length,
  };
}

const perText = (batches: readonly Answered[]): number =>
  median(batches.map(({ answers, ms }) => ms / answers.length));

interface Bytes {
  readonly module_gzip: number;
  readonly worker_gzip: number;
  readonly files: number;
}

function bytesOf(files: ReadonlyMap<string, Uint8Array>): Bytes {
  const gzip = (name: string): number => gzipSync(files.get(name)!).length;
  const blobs = [...files].filter(([path]) => path.startsWith(`files/${BLOB_PREFIX}`));
  return {
    module_gzip: gzip("browser.js"),
    worker_gzip: gzip("browser-worker.js"),
    files: blobs.reduce((sum, [, bytes]) => sum + bytes.length, 0),
  };
}

interface Result {
  readonly rows: number;
  readonly browser: string;
  readonly equal_labels: number;
  readonly equal_scores: number;
  readonly load_ms: { readonly first: number; readonly from_kept_files: number };
  readonly ms_a_text: { readonly page: number; readonly worker: number; readonly ratio: number };
  readonly bytes: Bytes;
}

function textOf(result: Result): string {
  const { rows, load_ms, ms_a_text, bytes } = result;
  const kb = (value: number): string => `${(value / 1000).toFixed(1)} kB`;
  return table([
    ["browser", `Chromium ${result.browser}`],
    ["the same label", `${result.equal_labels} of ${rows}`],
    ["the same labels and scores, bit for bit", `${result.equal_scores} of ${rows}`],
    [
      "load, ms: first, from kept files",
      `${load_ms.first.toFixed(0)}, ${load_ms.from_kept_files.toFixed(0)}`,
    ],
    ["a text in the page, ms", ms_a_text.page.toFixed(1)],
    ["a text by the Worker, over HTTP, ms", ms_a_text.worker.toFixed(1)],
    ["page / Worker", ms_a_text.ratio.toFixed(2)],
    [
      "browser.js, browser-worker.js, compressed",
      `${kb(bytes.module_gzip)}, ${kb(bytes.worker_gzip)}`,
    ],
    ["base and task", kb(bytes.files)],
  ]);
}
