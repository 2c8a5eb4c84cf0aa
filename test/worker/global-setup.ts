/**
 * Makes the fixtures before the tests in workerd start. In a process of its own, because modules of
 * this project are resolved as for a Worker, in which the importer's native runtime does not exist.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import type { Fixtures } from "./fixtures.ts";

const MAX_OUTPUT_BYTES = 64_000_000;

export default async function setup(project: TestProject): Promise<void> {
  const script = join(import.meta.dirname, "make-fixtures.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script], {
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  project.provide("fixtures", JSON.parse(stdout) as Fixtures);
}
