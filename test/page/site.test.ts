/** A bundle on a static host, opened in Chromium: its page answers, also below another path, and without a network. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../support/child.ts";
import { findChromium, launchChromium } from "../../scripts/dev/chromium.ts";
import { serveFiles } from "../support/file-server.ts";
import type { FileServer } from "../support/file-server.ts";
import { temporaryFolder } from "../support/folders.ts";

const { missing } = await findChromium();
const folder = temporaryFolder("site");
const out = join(folder.path, "site");
/** Where the site lies on the host. */
const PATH = "/deep/site/";
const SAYS_SO_MS = 60_000;

let server: FileServer;
let browser: Browser;

beforeAll(async () => {
  if (missing !== undefined) return;
  const { code, stderr } = await runCli(["bundle", "--tasks", "sentiment,entities", "--out", out]);
  if (code !== 0) throw new Error(stderr);
  server = await serveFiles((path) => {
    if (!path.startsWith(PATH)) return null;
    const file = join(out, path.slice(PATH.length));
    return existsSync(file) && statSync(file).isFile() ? readFileSync(file) : null;
  });
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  folder.remove();
});

describe.skipIf(missing !== undefined)("the page of a bundle", () => {
  it("answers by each task, and goes on when the network is gone", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(`${server.origin}${PATH}index.html`);
    expect(await page.getByLabel("Task").locator("option").allTextContents()).toEqual([
      "entities",
      "sentiment",
    ]);

    const ask = async (task: string, text: string, answer: RegExp): Promise<void> => {
      await page.getByLabel("Task").selectOption(task);
      await page.getByLabel("Text").fill(text);
      await page.getByRole("button", { name: "Answer" }).click();
      await page.locator("pre", { hasText: answer }).waitFor({ timeout: SAYS_SO_MS });
    };
    await ask("sentiment", "a gripping, beautifully acted film", /^\{"label":"positive"/);
    await ask("entities", "Ada Lovelace was born in London", /"word":"London"/);

    const asked = server.answered.length;
    await context.setOffline(true);
    await ask("sentiment", "two hours I will not get back", /^\{"label":"negative"/);
    expect(server.answered.slice(asked)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
