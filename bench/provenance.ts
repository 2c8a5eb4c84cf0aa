/** Where a measurement comes from, stored with it: command line, commit, machine. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { promisify } from "node:util";

export interface Provenance {
  readonly command: string;
  /** As `commitOf` writes it; null outside a git checkout. */
  readonly commit: string | null;
  readonly machine: {
    readonly cpu: string;
    /** The best vector instructions for 8-bit products; null where the system does not say. */
    readonly vectors: string | null;
    readonly cores: number;
    readonly node: string;
  };
}

export async function provenance(): Promise<Provenance> {
  return {
    command: ["npx edge-prefix", ...process.argv.slice(2)].join(" "),
    commit: await commitOf(import.meta.dirname).catch(() => null),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      vectors: vectorInstructions(),
      cores: availableParallelism(),
      node: process.version,
    },
  };
}

/**
 * The commit of a checkout, abbreviated, with `-dirty` where tracked files differ from it. Results do not
 * count: a bench of several cells writes them while it runs.
 */
export async function commitOf(folder: string): Promise<string> {
  const git = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)("git", args, { cwd: folder })).stdout.trim();
  const measured = ["--", ":(top)", ":(top,exclude)bench/results"];
  const isDirty = (await git("diff", "--name-only", "HEAD", ...measured)) !== "";
  return `${await git("rev-parse", "--short", "HEAD")}${isDirty ? "-dirty" : ""}`;
}

/** Best first. Two processors of one name may differ in them, and in the speed of training by half. */
const VECTORS = ["avx512_vnni", "avx_vnni", "avx512f", "avx2"];

/** What Linux says of the processor. */
function vectorInstructions(): string | null {
  if (!existsSync("/proc/cpuinfo")) return null;
  const flags = new Set(
    /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "),
  );
  return VECTORS.find((name) => flags.has(name)) ?? null;
}
