/** What tests in a page need of vitest: Chromium, and wasm files as the page's build has them. */
import { readFile } from "node:fs/promises";
import type { LaunchOptions } from "playwright";
import type { Plugin } from "vitest/config";
import { findChromium, withGpu } from "../../scripts/dev/chromium.ts";

/** Filled when the tests of the project are about to run: runs of other projects unpack no browser. */
export const launchOptions: LaunchOptions = {};

/** Finds the browser. Where there is none, one test that is skipped stands for all of them. */
export function chromiumOf(options: LaunchOptions): Plugin {
  return {
    name: "edge-prefix:chromium",
    enforce: "post",
    async config(config) {
      const found = await findChromium();
      if (found.missing === undefined) {
        Object.assign(options, withGpu(found.launch));
        return {};
      }
      console.warn(`\n!!! BROWSER TESTS ARE SKIPPED: ${found.missing}\n`);
      // Replaced in place: a list that is returned would be added to the one that is there.
      Object.assign(config.test ?? {}, {
        include: ["test/support/no-browser.ts"],
        browser: { enabled: false },
      });
      return {};
    },
  };
}

/** An imported wasm file is its bytes, as in the built page (scripts/dev/page.ts). */
export const wasmBytes: Plugin = {
  name: "edge-prefix:wasm-bytes",
  enforce: "pre",
  async load(id) {
    if (!id.endsWith(".wasm")) return null;
    const base64 = JSON.stringify(await readFile(id, "base64"));
    return `export default Uint8Array.from(atob(${base64}), (one) => one.charCodeAt(0));`;
  },
};
