/**
 * What `wrangler dev` prints, reduced to what the Worker says: its log is a line of JSON a request.
 * Wrangler's own lines about starting and about the same requests would bury it.
 */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** Whether a line is a record of the Worker's log. */
export function isLogRecord(line: string): boolean {
  if (!line.startsWith("{")) return false;
  try {
    const { level } = JSON.parse(line) as { level?: unknown };
    return typeof level === "string";
  } catch {
    return false;
  }
}

/** Passes the Worker's records on from `output`; they are held back until `open` is called. */
export function showWorkerLog(
  output: Readable,
  say: (line: string) => void,
): { open(): void; flush(): void } {
  const held: string[] = [];
  let isOpen = false;
  createInterface({ input: output }).on("line", (line) => {
    if (!isLogRecord(line)) return;
    if (isOpen) say(line);
    else held.push(line);
  });
  return {
    open: () => void (isOpen = true),
    /** For a start that has failed: all that the Worker has said so far. */
    flush: () => held.splice(0).forEach(say),
  };
}
