/**
 * Training in the page, in Chromium over the files of a tiny base: a csv becomes a task folder that the
 * command line takes, a run that was stopped gives the same bytes, and Node trains the same task.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { servePage } from "../../scripts/dev/serve-page.ts";
import type { ServedPage } from "../../scripts/dev/serve-page.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import { toFloat32 } from "../../src/core/model/tensor.ts";
import { findChromium, launchChromium } from "../../scripts/dev/chromium.ts";
import { temporaryFolder } from "../support/folders.ts";
import { writeTinyBase } from "../support/tiny-base.ts";
import { asText, runVerb } from "../support/verb.ts";
import { readZip } from "../support/zip-files.ts";

const { missing } = await findChromium();
const folder = temporaryFolder("page-train");
const inFolder = (...path: string[]): string => join(folder.path, ...path);
let browser: Browser;
let served: ServedPage;
let context: BrowserContext;
let complaints: string[] = [];
let posted: string[] = [];

/** What is good is high, what is bad is low; one row has no label, and one is labelled wrongly. */
function csvOf(nouns: readonly string[]): string {
  const words = { high: ["good", "fine", "best", "great"], low: ["bad", "awful", "worst", "dull"] };
  const rows = nouns.flatMap((noun) =>
    Object.entries(words).flatMap(([label, all]) =>
      all.map((word) => `the ${noun} was ${word},${label}`),
    ),
  );
  return ["text,label", "the end", "the trip was best,low", ...rows, ""].join("\n");
}
const NOUNS = ["film", "book", "play", "meal", "room", "song", "team", "show"];

beforeAll(async () => {
  if (missing !== undefined) return;
  writeFileSync(inFolder("mood.csv"), csvOf(NOUNS));
  const base = await writeTinyBase(inFolder("base"), { dtype: "int8", seed: 1 });
  [served, browser] = await Promise.all([servePage(base), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await served?.close();
  folder.remove();
});

afterEach(async () => {
  await context?.close();
  if (complaints.length > 0) throw new Error(`the browser says: ${complaints.join("\n")}`);
});

async function visit(): Promise<Page> {
  [complaints, posted] = [[], []];
  context = await browser.newContext();
  return openIn();
}

async function openIn(): Promise<Page> {
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  context.on("request", (request) => {
    if (request.method() !== "GET") posted.push(request.url());
  });
  await page.goto(served.url);
  return page;
}

async function choose(page: Page, settings: Readonly<Record<string, string>> = {}): Promise<void> {
  await page.setInputFiles("#train-file", inFolder("mood.csv"));
  const settled = page.locator(".train-settings");
  await settled.waitFor();
  for (const [name, value] of Object.entries(settings)) {
    const details = page.locator(".train-choices details");
    if (!(await details.evaluate((element) => (element as HTMLDetailsElement).open))) {
      await details.locator("summary").click();
    }
    const field = page.locator(`#train-${name}`);
    if ((await field.evaluate((element) => element.tagName)) === "SELECT") {
      await field.selectOption(value);
    } else {
      await field.fill(value);
      await field.blur();
    }
    await page.locator("#train p.note[role=status]:empty").first().waitFor({ state: "attached" });
  }
}

const start = (page: Page) => page.getByRole("button", { name: "Train", exact: true }).click();

/** Waits for the task and writes its folder; returns the files by their names. */
async function taken(page: Page, name: string): Promise<Map<string, Uint8Array>> {
  const link = page.locator(".train-folder a");
  await link.waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  const zip = readZip(await readFile(await download.path()));
  const files = new Map([...zip].map(([path, { bytes }]) => [path.split("/").at(-1)!, bytes]));
  for (const [file, bytes] of files) {
    const path = inFolder(name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  return files;
}

/** The lock that a tab holds while it trains. */
const lockHeld = (page: Page): Promise<string> =>
  page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query();
    return held.map(({ name }) => name).join();
  });

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => (globalThis as unknown as AxeWindow).axe.run("#train"));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target)}`);
}
interface AxeWindow {
  readonly axe: { run(context: string): Promise<axe.AxeResults> };
}

/** The angle between what two prefix files hold, as a cosine. */
function likeness(a: Uint8Array, b: Uint8Array): number {
  const [one, other] = [a, b].map((bytes) => {
    const { tensors } = readSafetensors(bytes, "prefix.safetensors");
    return [...tensors].sort().flatMap(([, tensor]) => [...toFloat32(tensor)]);
  });
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(one!, other!) / Math.sqrt(dot(one!, one!) * dot(other!, other!));
}

const scoreOf = (manifest: Uint8Array): number => {
  const { metrics } = JSON.parse(Buffer.from(manifest).toString()) as {
    metrics: { accuracy: number };
  };
  return metrics.accuracy;
};

describe.skipIf(missing !== undefined)("a csv with few rows", () => {
  it("becomes a task that the command line verifies and pushes, and no row leaves the page", async () => {
    const page = await visit();
    await choose(page);
    const data = page.locator(".train-data");
    expect(await data.innerText()).toContain("mood.csv:2: has 1 columns, expected 2");
    expect(await data.locator(".bar-score").allInnerTexts()).toEqual(["33", "32"]);
    expect(await page.locator(".train-settings").innerText()).toContain("65 rows for 2 labels");
    await start(page);
    const files = await taken(page, "mood");
    expect([...files.keys()]).toEqual([
      "prefix.safetensors",
      "manifest.json",
      "task.json",
      "CARD.md",
      "report.html",
    ]);
    expect(await page.locator(".confusion td").count()).toBe(4);
    await page.getByLabel("A text for mood").fill("the film was great");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.locator(".train-try .bar-label").nth(1).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(posted).toEqual([]);

    const base = ["--base", inFolder("base")];
    const store = ["--local", "--persist-to", inFolder("state")];
    const verified = asText(await runVerb("verify", inFolder("mood"), ...base));
    expect(verified.code, verified.err).toBe(0);
    const pushed = asText(await runVerb("push", inFolder("mood"), ...base, ...store));
    expect(pushed.code, pushed.err).toBe(0);
  });
});

describe.skipIf(missing !== undefined)("a run of many steps", () => {
  const settings = { method: "prefix", epochs: "8", "learning-rate": "0.02", seed: "5" };

  it("gives the same bytes when it was stopped, the page closed, and the run gone on with; Node trains the same", async () => {
    const page = await visit();
    await choose(page, settings);
    await start(page);
    const whole = await taken(page, "whole");

    await page.close();
    const stopped = await openIn();
    await choose(stopped, settings);
    await start(stopped);
    await stopped.locator(".train-numbers dd", { hasText: /^[1-9]\d* of / }).waitFor();
    const lock = await lockHeld(stopped);
    await stopped.getByRole("button", { name: "Stop" }).click();
    await stopped.locator(".train-unfinished button").first().waitFor();
    await stopped.close();

    // A tab that trains, as others see it: they may not disturb its run, and are offered it at its end.
    const busy = await openIn();
    await busy.evaluate((name) => {
      void navigator.locks.request(name, () => new Promise(() => undefined));
    }, lock);
    const again = await openIn();
    await again.locator(".train-unfinished", { hasText: "under way in another tab" }).waitFor();
    await choose(again, settings);
    await start(again);
    await again.locator("#train .problem", { hasText: "folder-locked" }).waitFor();
    await busy.close();
    await again.getByRole("button", { name: "Go on" }).click();
    const resumed = await taken(again, "resumed");
    expect(resumed.get("prefix.safetensors")).toEqual(whole.get("prefix.safetensors"));

    const train = (out: string, seed: string) => {
      const files = ["--data-dir", folder.path, "--base", inFolder("base"), "--out", inFolder(out)];
      return runVerb("train", inFolder("whole"), ...files, "--seed", seed, "--overwrite");
    };
    const same = asText(await train("node", "5"));
    expect(same.code, same.err).toBe(0);
    await train("other", "6");
    const prefix = (out: string) => readFile(inFolder(out, "prefix.safetensors"));
    const own = whole.get("prefix.safetensors")!;
    // Another seed: other batches, another start. The same: the roundings of 8 bits alone differ.
    expect(likeness(own, await prefix("other"))).toBeLessThan(0.9);
    expect(likeness(own, await prefix("node"))).toBeGreaterThan(0.98);
    const [inPage, inNode] = [
      whole.get("manifest.json")!,
      await readFile(inFolder("node", "manifest.json")),
    ];
    expect(Math.abs(scoreOf(inPage) - scoreOf(inNode))).toBeLessThanOrEqual(0.01);
  });
});
