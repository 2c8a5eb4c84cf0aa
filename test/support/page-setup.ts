/** Set-up of the tests that open built pages: builds them, and unpacks the browser once for all files. */
import { buildPage } from "../../scripts/dev/page.ts";
import { findChromium } from "../../scripts/dev/chromium.ts";

export default async function setup(): Promise<void> {
  const { missing } = await findChromium();
  if (missing !== undefined) console.warn(`\n!!! BROWSER TESTS ARE SKIPPED: ${missing}\n`);
  await buildPage();
}
