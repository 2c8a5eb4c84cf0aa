/**
 * Makes docs/page.png anew, by the browser of the tests: `node test/page/picture.ts URL` with the
 * address of a running Worker that has the bundled tasks (`npm start`).
 */
import { join } from "node:path";
import { statSync } from "node:fs";
import { PACKAGE } from "../../scripts/node/project.ts";
import { launchChromium } from "../../scripts/dev/chromium.ts";

const [url = "http://localhost:8787/"] = process.argv.slice(2);
const path = join(PACKAGE, "docs", "page.png");
const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(url);
  await page.locator("#status", { hasText: "nswered" }).waitFor();
  // Once more: the first run loaded the base.
  await page.locator("#run").click();
  await page.locator("form.busy").waitFor({ state: "detached" });
  await page.mouse.move(0, 0);
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.screenshot({ path });
  console.log(`${path}: ${statSync(path).size.toLocaleString("en")} bytes`);
} finally {
  await browser.close();
}
