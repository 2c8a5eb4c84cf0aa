/**
 * Set-up of a project's run: all temporary folders of its tests, and of the processes that they start, lie
 * in one folder, which is removed at the end. No test finds what an earlier run left behind.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const before = process.env["TMPDIR"];
  const path = mkdtempSync(join(tmpdir(), "edge-prefix-tests-"));
  process.env["TMPDIR"] = path;
  return () => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  };
}
