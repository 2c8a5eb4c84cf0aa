/** Ends a child process together with everything it started. */
import { execFile } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { promisify } from "node:util";

/** wrangler ends its workerds within a tenth of a second; beyond this it hangs. */
const GRACE_MS = 5_000;
const PARENT_POLL_MS = 500;

/**
 * Asks the child to stop and, when it does not, kills it and its descendants (a killed wrangler
 * would leave its workerds running). `ended` resolves when the child has exited.
 */
export async function stopTree(
  child: ChildProcess,
  ended: Promise<unknown>,
  graceMs = GRACE_MS,
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), graceMs);
  });
  const result = await Promise.race([ended, late]);
  clearTimeout(timer);
  if (result !== "late") return;
  for (const pid of [...(await descendantsOf(child.pid)), child.pid]) kill(pid);
  await ended;
}

/** Process ids below `root`; empty where there is no `ps`. */
async function descendantsOf(root: number): Promise<number[]> {
  const listing = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid="]).catch(() => null);
  const rows = (listing?.stdout ?? "")
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found: number[] = [];
  const queue = [root];
  for (let parent = queue.shift(); parent !== undefined; parent = queue.shift()) {
    const children = rows.filter(([, ppid]) => ppid === parent).map(([pid]) => pid ?? 0);
    found.push(...children);
    queue.push(...children);
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already, which is what was wanted.
  }
}

/**
 * Calls `gone` when npm, which started this process, is no longer there: a signal to npm alone does
 * not reach what it runs. Does nothing outside npm scripts. Returns a function that ends the watch.
 */
export function watchParent(gone: () => void): () => void {
  if (process.env.npm_lifecycle_event === undefined) return () => undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) gone();
  }, PARENT_POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
