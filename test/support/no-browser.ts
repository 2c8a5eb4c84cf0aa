/** Stands in the report for the tests in a page where there is no browser. */
import { expect, it } from "vitest";
import { findChromium } from "../../scripts/dev/chromium.ts";

it("BROWSER TESTS ARE SKIPPED", async ({ skip }) => {
  const { missing } = await findChromium();
  skip(missing !== undefined, missing);
  expect(missing).toBeDefined();
});
