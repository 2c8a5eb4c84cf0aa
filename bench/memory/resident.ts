/**
 * The most memory that the workerd process has held at any moment, as Linux counts it: transient copies
 * are in it, which nothing inside the isolate can be asked about while they exist. The emulated bucket
 * runs in the same process, so this is more than the isolate's own.
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

export interface Resident {
  /** Bytes that are resident now. */
  now(): Promise<number>;
  /** The most since the last call. */
  peak(): Promise<number>;
}

/** Written to clear_refs, it sets the peak back to what is resident (proc(5)). */
const RESET_PEAK = "5";

/** Watches the workerd that this process has started; null where there is no /proc to ask. */
export async function watchResident(): Promise<Resident | null> {
  const listing = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,comm="]).catch(
    () => null,
  );
  const own = (listing?.stdout ?? "")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find(([, parent, name]) => Number(parent) === process.pid && name === "workerd");
  if (!own) return null;
  const folder = `/proc/${own[0]}`;
  const bytesOf = async (field: string): Promise<number> => {
    const status = await readFile(`${folder}/status`, "utf8");
    return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
  };
  try {
    await writeFile(`${folder}/clear_refs`, RESET_PEAK);
  } catch {
    return null;
  }
  return {
    now: () => bytesOf("VmRSS"),
    async peak() {
      const most = await bytesOf("VmHWM");
      await writeFile(`${folder}/clear_refs`, RESET_PEAK);
      return most;
    },
  };
}
