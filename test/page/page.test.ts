/**
 * The page at "/" in Chromium, over a real Worker with the bundled tasks: what a person does with the
 * keyboard, what is shared and copied, and what must never happen (errors, other hosts, leaving texts).
 *
 * The Worker has keys. A context that sends one with every request finds its doors open; one that
 * does not is asked for a key.
 */
import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../scripts/dev/readiness.ts";
import { PACKAGE } from "../../scripts/node/project.ts";
import { openLocalBucket } from "../../scripts/publish/local-bucket.ts";
import { publishTask } from "../../scripts/publish/publish-task.ts";
import { runningInGroup, startScript } from "../support/child.ts";
import type { Child } from "../support/child.ts";
import { findChromium, launchChromium } from "../../scripts/dev/chromium.ts";
import { temporaryFolder } from "../support/folders.ts";

const { missing } = await findChromium();
const START_MS = 600_000;
const KEY = "ep_page";
const API_KEYS = JSON.stringify([
  { name: "page", sha256: createHash("sha256").update(KEY).digest("hex"), scopes: ["predict"] },
]);
/** Own script and style, compressed: what the page may weigh before anything is asked. */
const MAX_BYTES = 60_000;

const folder = temporaryFolder("page");
let server: Child;
let url: string;
let browser: Browser;
/** What the browser complains about, and every request, of the test that runs. */
let complaints: string[] = [];
let requests: string[] = [];
let context: BrowserContext | undefined;

beforeAll(async () => {
  if (missing !== undefined) return;
  const port = await freePort();
  url = `http://localhost:${port}/`;
  const args = ["--port", String(port), "--persist-to", folder.path, `--var=API_KEYS:${API_KEYS}`];
  server = startScript("scripts/dev/start.ts", [...args, "--quiet"]);
  [browser] = await Promise.all([launchChromium(), server.waitFor(/^try: /m, START_MS)]);
}, START_MS);

afterAll(async () => {
  await browser?.close();
  server?.signal("SIGTERM", "process");
  await server?.ended;
  if (server && runningInGroup(server.pid).length > 0) server.signal("SIGKILL", "group");
  folder.remove();
});

/** A browser that complains fails the test, whatever the test is about. */
afterEach(async () => {
  await context?.close();
  if (complaints.length > 0) throw new Error(`the browser says: ${complaints.join("\n")}`);
});

type ContextOptions = Parameters<Browser["newContext"]>[0];

/** The page in a context of its own, at a state of its address. */
async function visit(hash = "", options: ContextOptions = {}): Promise<Page> {
  const extraHTTPHeaders = { authorization: `Bearer ${KEY}` };
  const permissions = ["clipboard-read", "clipboard-write"];
  await context?.close();
  context = await browser.newContext({ extraHTTPHeaders, permissions, ...options });
  return openIn(context, hash);
}

async function openIn(context: BrowserContext, hash = ""): Promise<Page> {
  [complaints, requests] = [[], []];
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  context.on("request", (request) => requests.push(`${request.method()} ${pathOf(request.url())}`));
  await page.goto(url + hash);
  return page;
}

const pathOf = (address: string): string =>
  address.startsWith(url) ? address.slice(url.length - 1) : address;
const answered = (page: Page) => page.locator("#status", { hasText: "nswered" }).waitFor();
const linkOf = (text: string, ...tasks: string[]): string =>
  `#${tasks.map((task) => `task=${task}&`).join("")}text=${encodeURIComponent(text)}`;

/**
 * Waits until the Worker lists a task with a field. It believes a pointer for a moment (TASK_FRESH_MS), and
 * the page asks once for each Refresh.
 */
async function listed(page: Page, task: string, field: string): Promise<void> {
  await page.waitForFunction(
    async ({ name, wanted }) => {
      const response = await fetch("/v1/tasks?limit=200");
      const { tasks = [] } = (await response.json()) as { tasks?: { task: string }[] };
      return tasks.some((each) => each.task === name && wanted in each);
    },
    { name: task, wanted: field },
  );
}

/** What axe-core finds wrong. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => (globalThis as unknown as AxeWindow).axe.run());
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target)}`);
}
interface AxeWindow {
  readonly axe: { run(): Promise<axe.AxeResults> };
}

describe.skipIf(missing !== undefined)("a first visit", () => {
  it("shows tasks and an answer of several in one run, weighs little, and loads no model", async () => {
    const sizes: number[] = [];
    const page = await visit("", {});
    await answered(page);
    const own = new Set(requests.filter((request) => /^GET \/[\w.-]+\.(?:js|css)$/.test(request)));
    for (const request of own) {
      sizes.push(gzipSync(await (await fetch(url + request.slice("GET /".length))).bytes()).length);
    }
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(MAX_BYTES);
    expect(await page.locator(".task").count()).toBe(6);
    expect(await page.locator(".card").count()).toBe(3);
    expect(requests.filter((request) => request.includes("predict"))).toEqual(["POST /v1/predict"]);
    expect(requests.filter((request) => /files|browser|train-worker|wasm/.test(request))).toEqual(
      [],
    );
    expect(requests.filter((request) => request.includes("://"))).toEqual([]);
    expect(await page.locator(".time-parts").innerText()).toMatch(/run [\d.]+ ms/);
  });

  it.each(["light", "dark"] as const)(
    "has no barrier that axe knows, in %s",
    async (colorScheme) => {
      const page = await visit(
        linkOf("Ada Lovelace met Grace Hopper in Oslo", "slots", "sentiment"),
        {
          colorScheme,
        },
      );
      await answered(page);
      expect(await violations(page)).toEqual([]);
    },
  );

  it("is narrow enough for a phone", async () => {
    const page = await visit("", { viewport: { width: 390, height: 844 } });
    await answered(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });
});

describe.skipIf(missing !== undefined)("a text", () => {
  it("is asked by keyboard alone", async () => {
    const page = await visit(linkOf("a dull film", "sentiment"));
    await answered(page);
    await page.locator("#only-intent").focus();
    await page.keyboard.press("Enter");
    await page.locator("#text").focus();
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type("How long until my new card gets here?");
    await page.keyboard.press("Control+Enter");
    await page.locator(".bars li", { hasText: "card_arrival" }).first().waitFor();
    expect(await page.locator(".card h3").allInnerTexts()).toEqual(["intent"]);
    expect(await page.locator(".bars").first().locator("li").count()).toBe(5);
    await page.locator("#with-sentiment").focus();
    await page.keyboard.press("Space");
    expect(await page.locator(".card h3").allInnerTexts()).toEqual(["intent", "sentiment"]);
  });

  it("is a pair where a task compares two", async () => {
    const page = await visit("#task=same-question");
    await answered(page);
    expect(await page.locator("#pair").inputValue()).toBe("I forgot my PIN, can I get a new one?");
    expect(await page.locator(".bar-label").first().innerText()).toBe("same");
  });

  it("keeps its order where it is read from right to left", async () => {
    const text = "قالت Angela Merkel إنها ستزور Paris مع Siemens AG غدا";
    const page = await visit(linkOf(text, "entities"));
    await answered(page);
    const places = await page.locator(".entities").evaluate((shown, text) => {
      const plain = document.createElement("p");
      plain.dir = "auto";
      plain.textContent = text;
      shown.after(plain);
      /** Left edges of the words of a paragraph, in the order in which they are written. */
      const leftsOf = (paragraph: Element): number[] => {
        const walker = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT, (node) =>
          node.parentElement?.closest(".bubble")
            ? NodeFilter.FILTER_REJECT
            : NodeFilter.FILTER_ACCEPT,
        );
        const lefts: number[] = [];
        while (walker.nextNode()) {
          const node = walker.currentNode as Text;
          for (const { index, 0: word } of node.data.matchAll(/\S+/g)) {
            const range = document.createRange();
            range.setStart(node, index);
            range.setEnd(node, index + word.length);
            lefts.push(range.getBoundingClientRect().left);
          }
        }
        return lefts;
      };
      const orderOf = (lefts: number[]) =>
        lefts.map((_, i) => i).sort((a, b) => lefts[a]! - lefts[b]!);
      return [orderOf(leftsOf(shown)), orderOf(leftsOf(plain))];
    }, text);
    expect(places[0]).toHaveLength(10);
    expect(places[0]).toEqual(places[1]);
    const entity = page.locator(".entity", { hasText: "Merkel" });
    await entity.focus();
    expect(await entity.locator(".bubble").innerText()).toMatch(
      /characters 5 to 18\nUTF-16 units 5/,
    );
  });

  it("that the server refuses is told in its words", async () => {
    const page = await visit(linkOf("fine", "sentiment"));
    await answered(page);
    await page.locator("#text").fill("   ");
    await page.keyboard.press("Control+Enter");
    const problem = page.locator("#status .problem");
    await problem.waitFor();
    expect(await problem.innerText()).toMatch(/has no text.* text-empty$/);
    // The browser reports the status of the answer; the page shows it.
    complaints = complaints.filter((line) => !line.includes("status of 422"));
  });
});

describe.skipIf(missing !== undefined)("what leaves the page", () => {
  it("is a link that opens the same question", async () => {
    const page = await visit(linkOf("first", "sentiment"));
    await answered(page);
    await page.locator("#text").fill("50% off & more #great");
    await page.locator("#share").click();
    await page.locator("#share", { hasText: "Copied" }).waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const other = await openIn(context!, link.slice(url.length));
    await answered(other);
    expect(await other.locator("#text").inputValue()).toBe("50% off & more #great");
    expect(await other.locator(".card h3").allInnerTexts()).toEqual(["sentiment"]);
  });

  it("is code that runs, and no key", async () => {
    const page = await visit("", { extraHTTPHeaders: {} });
    await page.locator("#door").waitFor();
    await page.locator("#key").fill(KEY);
    await page.keyboard.press("Enter");
    await answered(page);
    expect(await page.locator("#door").isVisible()).toBe(false);
    await page.locator('input[value="JavaScript"]').check({ force: true });
    await page.getByRole("button", { name: "Copy code" }).click();
    const code = await page.evaluate(() => navigator.clipboard.readText());
    const everything = code + page.url() + (await page.evaluate(() => document.cookie));
    expect(everything).not.toContain(KEY);
    expect(await page.evaluate(() => localStorage.length + sessionStorage.length)).toBe(0);
    const env = { ...process.env, EDGE_PREFIX_KEY: KEY };
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], {
      env,
    });
    expect((await run).stdout).toContain("results:");
    // Without the key the browser reports the status of the first answer.
    complaints = complaints.filter((line) => !line.includes("status of 401"));
  });
});

describe.skipIf(missing !== undefined)("a csv file", () => {
  it("is answered row by row, and given back with the answers as columns", async () => {
    const page = await visit(linkOf("x", "sentiment", "entities"));
    await answered(page);
    const rows = Array.from({ length: 70 }, (_, i) => `${i},"a fine film, seen in Oslo"`);
    const buffer = Buffer.from(["id,review", ...rows].join("\n"));
    await page.setInputFiles("#file", { name: "reviews.csv", mimeType: "text/csv", buffer });
    await page.getByRole("button", { name: "Ask sentiment, entities at the edge" }).click();
    await page.locator("#table-root .note", { hasText: "Done: 70 of 70 rows" }).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download csv" }).click();
    expect((await download).suggestedFilename()).toBe("reviews-answers.csv");
    const lines = (await readFile(await (await download).path(), "utf8")).split("\r\n");
    expect(lines[0]).toBe("id,review,sentiment,sentiment_score,entities");
    expect(lines[70]).toMatch(
      /^69,"a fine film, seen in Oslo",positive,0\.\d+,"\[\{""entity_group""/,
    );
    expect(lines).toHaveLength(72);
  });
});

/** The folder of a task that is the bundled `sentiment` with another manifest, ready to be pushed. */
async function taskFolder(name: string, changes: Record<string, unknown>): Promise<string> {
  const source = join(PACKAGE, "prefixes", "sentiment");
  const target = join(folder.path, name);
  await cp(source, target, { recursive: true });
  const manifest = JSON.parse(await readFile(join(source, "manifest.json"), "utf8")) as object;
  // Recorded answers would be compared with those that the changes make.
  const changed = { ...manifest, task: name, examples: [], ...changes };
  await writeFile(join(target, "manifest.json"), JSON.stringify(changed));
  return target;
}

describe.skipIf(missing !== undefined)("a task that is pushed", () => {
  it("appears while the page is open, with thresholds, numbers, and its canary", async () => {
    const page = await visit(linkOf("a fine film", "sentiment"));
    await answered(page);
    const labels = { problem_type: "multi_label_classification", thresholds: [0, 0.25] };
    const [mood, stars] = await Promise.all([
      taskFolder("mood", labels),
      taskFolder("stars", { problem_type: "regression" }),
    ]);
    const bucket = await openLocalBucket(folder.path);
    await publishTask(bucket, mood);
    await publishTask(bucket, stars);
    await listed(page, "mood", "version");
    await listed(page, "stars", "version");
    await page.locator("#refresh").click();
    await page.locator('.task[data-task="mood"] .tag', { hasText: "new" }).waitFor();
    await page.locator("#only-mood").click();
    await page.locator("#with-stars").check();
    await page.locator("#run").click();
    await page.locator(".numbers dd").first().waitFor();
    expect(await page.locator(".threshold").count()).toBe(2);
    expect(await page.locator(".numbers dt").allInnerTexts()).toContain("positive");

    const newer = await taskFolder("mood", { ...labels, thresholds: [0, 0.5] });
    await publishTask(bucket, newer, { canaryPercent: 100 });
    await bucket.close();
    await listed(page, "mood", "canary");
    await page.locator("#refresh").click();
    await page.locator('.task[data-task="mood"] .tag', { hasText: "canary 100 %" }).waitFor();
    await page.locator("#run").click();
    await page.locator(".card .tag", { hasText: "canary, 100 %" }).waitFor();
    expect(await violations(page)).toEqual([]);
  });
});

describe.skipIf(missing !== undefined)("this browser", () => {
  it("gives the edge's answer to the last bit, and goes on without a network, after a reload too", async () => {
    const page = await visit(
      `${linkOf("a gripping, beautifully acted film", "sentiment", "slots")}&where=both`,
    );
    await page.locator(".agree").nth(1).waitFor();
    expect(await page.locator(".agree").allInnerTexts()).toEqual([
      "The same answer, to the last bit.",
      "The same answer, to the last bit.",
    ]);
    const local = page.locator("#local", { hasText: "Ready: WebAssembly" });
    await local.filter({ hasText: "works without a network" }).waitFor();
    expect(await violations(page)).toEqual([]);

    await context!.setOffline(true);
    await page.locator('input[value="browser"]').check({ force: true });
    requests = [];
    await page.locator("#text").fill("An hour of my life that I will never get back.");
    await page.keyboard.press("Control+Enter");
    await page.locator("#status", { hasText: "run: This browser, WebAssembly" }).waitFor();
    await page.locator("p.entities", { hasText: "An hour" }).waitFor();
    expect(requests).toEqual([]);

    await page.reload();
    await page.locator("#status", { hasText: "This browser, WebAssembly" }).waitFor();
    expect(await page.locator("#tasks-note").innerText()).toContain("cannot be reached");
    expect(await page.locator(".task b").allInnerTexts()).toEqual(["sentiment", "slots"]);
    expect(await page.locator(".card h3").allInnerTexts()).toEqual(["sentiment", "slots"]);
    await page.locator("p.entities", { hasText: "An hour" }).waitFor();
    // Of other pages of the origin, and of tasks, the service worker knows nothing.
    const others = await page.evaluate(() =>
      Promise.allSettled(["/docs", "/v1/tasks", "/livez"].map((path) => fetch(path))),
    );
    expect(others.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    // The browser reports what the network did not answer.
    complaints = complaints.filter((line) => !line.includes("ERR_INTERNET_DISCONNECTED"));
  });
});
