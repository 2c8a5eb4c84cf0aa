/** Projects by where the tests run: Node, workerd, and child processes (see test/README.md). */
import { join } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { chromiumOf, launchOptions, wasmBytes } from "./test/support/browser-project.ts";

/**
 * A time limit is there for a test that hangs, and says nothing of speed: far more than ten times what
 * the slowest unit test takes on a busy machine (a whole model's gradients, 5 s alone on two idle cores).
 */
const TEST_MS = 600_000;

/** Files at a time: the default leaves a core to the runner, which needs next to none of it. */
const maxWorkers = "100%";

const TEMPORARY = "test/support/temporary-root.ts";

/** Folders of unit tests that are done in seconds. */
const QUICK = [
  "core",
  "http",
  "serve",
  "learn/data",
  "learn/measure",
  "publish",
  "report",
  "commands",
];

export default defineConfig({
  test: {
    coverage: {
      provider: "v8",
      include: ["src/core/**/*.ts", "src/graph/**/*.ts"],
      reporter: [["text", { skipFull: true }]],
    },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          maxWorkers,
          globalSetup: TEMPORARY,
          testTimeout: TEST_MS,
          hookTimeout: TEST_MS,
        },
      },
      {
        // `npm run test:quick`: the unit tests without those that train, differentiate or fuzz.
        test: {
          name: "quick",
          include: QUICK.map((folder) => `test/unit/${folder}/**/*.test.ts`),
          exclude: ["test/unit/commands/training.test.ts"],
          maxWorkers,
          globalSetup: TEMPORARY,
          testTimeout: TEST_MS,
          hookTimeout: TEST_MS,
        },
      },
      {
        // The unit project runs the same file with fewer inputs.
        test: {
          name: "fuzz",
          include: ["test/unit/fuzz.test.ts"],
          env: { FUZZ_RUNS: process.env["FUZZ_RUNS"] ?? "1000000" },
          testTimeout: 3_600_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./test/worker/entry.ts",
            wrangler: { configPath: "./wrangler.toml" },
            // A counter for the tests alone: the Worker's own, RATE_LIMIT, would count all of them.
            miniflare: {
              ratelimits: {
                TEST_RATE_LIMIT: { namespace_id: "1", simple: { limit: 3, period: 60 } },
              },
              // The queue of wrangler.bulk.toml, in which nothing waits for more messages.
              queueProducers: { QUEUE: "bulk" },
              queueConsumers: {
                bulk: { maxBatchSize: 1, maxRetries: 2, deadLetterQueue: "bulk-dead" },
                "bulk-dead": { maxBatchSize: 1, maxRetries: 2 },
              },
            },
          }),
        ],
        // The package's own name: its exports lead to dist/, which is only there after a build.
        resolve: { alias: { "edge-prefix": join(import.meta.dirname, "src", "library.ts") } },
        test: {
          name: "worker",
          include: ["test/worker/**/*.test.ts"],
          setupFiles: "test/worker/clean-bucket.ts",
          globalSetup: [TEMPORARY, "test/worker/global-setup.ts"],
          testTimeout: TEST_MS,
          hookTimeout: TEST_MS,
          // One isolate for all files: importing ONNX Runtime takes most of a file's time.
          isolate: false,
        },
      },
      {
        // In a page of Chromium.
        plugins: [wasmBytes, chromiumOf(launchOptions)],
        optimizeDeps: {
          // Found by the first test otherwise, and the page would be loaded again.
          include: ["vitest > expect-type"],
          // It is whole as it is; looked through and changed, it would not find its wasm.
          exclude: ["onnxruntime-web/jspi"],
        },
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          globalSetup: [TEMPORARY, "test/worker/global-setup.ts"],
          testTimeout: TEST_MS,
          hookTimeout: TEST_MS,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
      {
        // In Node, which opens what has been built for pages in Chromium.
        test: {
          name: "page",
          include: ["test/page/**/*.test.ts"],
          globalSetup: [TEMPORARY, "test/support/page-setup.ts"],
          testTimeout: TEST_MS,
          hookTimeout: TEST_MS,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          // What servers give out is built before the first file, so that no file's build changes it under another.
          globalSetup: [TEMPORARY, "test/support/page-setup.ts"],
          maxWorkers: 2,
          testTimeout: 3 * TEST_MS,
          hookTimeout: 3 * TEST_MS,
        },
      },
    ],
  },
});
