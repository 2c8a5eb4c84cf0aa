/** Where a measurement comes from, stored with it: command line, commit, machine. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { promisify } from "node:util";

export interface Provenance {
  readonly command: string;
  /** Abbreviated, with `-dirty` when files differ from it; null outside a git checkout. */
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
  const git = ["describe", "--always", "--dirty", "--exclude=*"];
  const commit = await promisify(execFile)("git", git, { cwd: import.meta.dirname }).then(
    ({ stdout }) => stdout.trim(),
    () => null,
  );
  return {
    command: ["npx edge-prefix", ...process.argv.slice(2)].join(" "),
    commit,
    machine: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      vectors: vectorInstructions(),
      cores: availableParallelism(),
      node: process.version,
    },
  };
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
