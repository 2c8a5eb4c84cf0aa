/**
 * Set-up of a project's run: all temporary folders of its tests, and of the processes that they start, lie
 * in one folder, which is removed at the end. No test finds what an earlier run left behind. Node keeps
 * there what it has compiled, so that the hundred processes of a run compile the sources once.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const path = mkdtempSync(join(tmpdir(), "edge-prefix-tests-"));
  const own = { TMPDIR: path, NODE_COMPILE_CACHE: join(path, "compiled") };
  const before = Object.keys(own).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, own);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  };
}
